import MailBytes
import MailNames
import SASL

/// Judges log-ins of every mechanism, for all doors: who the credentials belong to, or why nobody.
public struct Authenticator: Sendable {
    /// What became of a log-in. The reason is for the operator; the client is told none.
    public enum Judgement: Sendable, Equatable {
        case accepted(Account)
        case refused(reason: String)
    }

    private let directory: any Directory
    private let tokens: (any BearerTokenValidator)?
    private let clock: WallClock

    /// - Parameter tokens: who tells what a bearer token is worth; `nil` where none are taken.
    public init(directory: any Directory, tokens: (any BearerTokenValidator)? = nil, clock: WallClock) {
        self.directory = directory
        self.tokens = tokens
        self.clock = clock
    }

    /// What a SCRAM exchange is challenged with: a decoy where there is no such user.
    ///
    /// - Throws: `DirectoryError` when it cannot be told now.
    public func challenge(for identity: SCRAMIdentity) async throws(DirectoryError) -> SCRAMChallenge {
        SCRAMChallenge(verifier: try await directory.scramVerifier(for: identity), nonce: Self.nonce())
    }

    /// 24 octets of chance, in base64.
    public static func nonce() -> String { Base64.encode(StoredPassword.random(24)) }

    /// Whom the credentials belong to.
    ///
    /// - Throws: `DirectoryError` when it cannot be told now.
    public func judge(_ credentials: SASLCredentials) async throws(DirectoryError) -> Judgement {
        switch credentials {
        case .password(let password):
            if let other = password.authorizationIdentity, !Self.isSame(other, password.authenticationIdentity) {
                return .refused(reason: "it asked to act as \(other)")
            }
            let own = PasswordCredentials(
                authenticationIdentity: password.authenticationIdentity,
                password: password.password
            )
            guard let account = try await directory.authenticate(own), account.isEnabled else {
                return .refused(reason: "wrong name or password")
            }
            return .accepted(account)
        case .proof(let proof):
            guard proof.outcome == .right else { return .refused(reason: proof.reason) }
            let account = try await directory.account(named: proof.identity.user)
            return judged(account, actingAs: proof.identity.authorizationIdentity)
        case .token(let bearer):
            guard let tokens else { return .refused(reason: "no tokens are taken here") }
            switch await tokens.judge(bearer.token, now: clock.now()) {
            case .valid(let name):
                let account = try await directory.account(named: name)
                guard account != nil else {
                    return .refused(reason: "the token is for \(name), who has no account here")
                }
                return judged(account, actingAs: bearer.authorizationIdentity)
            case .refused(let reason): return .refused(reason: reason)
            }
        case .certificate(let certificate): return try await judge(certificate)
        }
    }

    private static func isSame(_ name: String, _ other: String) -> Bool {
        if name == other { return true }
        guard let name = try? EmailAddress(parsing: name), let other = try? EmailAddress(parsing: other) else {
            return false
        }
        return name.domain == other.domain && name.localPart.folded == other.localPart.folded
    }

    private func judge(_ certificate: CertificateCredentials) async throws(DirectoryError) -> Judgement {
        for name in certificate.identities {
            guard let account = try await directory.account(named: name), account.isEnabled else { continue }
            let judgement = judged(account, actingAs: certificate.authorizationIdentity)
            if case .accepted = judgement { return judgement }
        }
        return .refused(
            reason:
                "the certificate is for \(certificate.identities.joined(separator: ", ")), none of whom may log in so"
        )
    }

    /// Nobody acts as somebody else: that is for administrators, whom no directory knows yet (RFC 4616 section 2).
    private func judged(_ account: Account?, actingAs other: String?) -> Judgement {
        guard let account, account.isEnabled else {
            return .refused(reason: "there is no such account, or it is disabled")
        }
        if let other, !account.isNamed(other) { return .refused(reason: "it asked to act as \(other)") }
        return .accepted(account)
    }
}

/// Who tells what a bearer token is worth: a key that signs them, or the server that gave them.
public protocol BearerTokenValidator: Sendable {
    func judge(_ token: BearerToken, now: Timestamp) async -> TokenJudgement
}

/// What a bearer token is worth.
public enum TokenJudgement: Sendable, Equatable {
    /// It is good, and for the account of this address.
    case valid(name: String)
    /// Why it is not; for the operator.
    case refused(String)
}
