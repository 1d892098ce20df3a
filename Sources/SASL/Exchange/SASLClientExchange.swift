import MailBytes

/// One exchange as the line protocols carry it, the client's side: base64 lines in, one step out.
public struct SASLClientExchange: Sendable {
    /// What the session does next.
    public enum Step: Equatable, Sendable {
        /// Send this line; it holds a secret.
        case respond(String)
        /// Send `*`; the exchange failed.
        case cancel(SASLFailure)
    }

    private enum Mechanism: Sendable {
        case plain(PlainClientMechanism)
        case login(LoginClientMechanism)
    }

    /// The mechanism that was chosen.
    public let mechanism: SASLMechanismName
    private var machine: Mechanism

    /// Chooses the best mechanism that the server offers and these credentials can serve; `nil` when there is none.
    ///
    /// The caller holds back what must not be used: on a connection without TLS, mechanisms whose
    /// `sendsPasswordInClear` is true.
    public init?(credentials: PasswordCredentials, offered: [SASLMechanismName]) {
        if offered.contains(.plain) {
            self.mechanism = .plain
            self.machine = .plain(PlainClientMechanism(credentials: credentials))
        } else if offered.contains(.login), credentials.authorizationIdentity == nil {
            self.mechanism = .login
            self.machine = .login(LoginClientMechanism(credentials: credentials))
        } else {
            return nil
        }
    }

    /// What follows the mechanism's name in the command; `nil` for nothing, `=` for an empty response. Called at most
    /// once; where the protocol has no initial response or the line would be too long, not at all.
    public mutating func initialResponse() -> String? {
        let octets: [UInt8]?
        switch self.machine {
        case .plain(var plain):
            octets = plain.initialResponse()
            self.machine = .plain(plain)
        case .login(var login):
            octets = login.initialResponse()
            self.machine = .login(login)
        }
        return octets.map { $0.isEmpty ? "=" : Base64.encode($0) }
    }

    /// A challenge came: the text after `334 ` or `+ `, without its CR LF.
    public mutating func challengeReceived(_ line: Span<UInt8>) -> Step {
        // Some servers send LOGIN's prompts in clear; its text is not looked at, so that does no harm.
        let isLogin = self.mechanism == .login
        guard let challenge = Base64.decode(line) ?? (isLogin ? [] : nil) else { return .cancel(.notBase64) }
        let step: SASLClientStep
        switch self.machine {
        case .plain(var plain):
            step = plain.challengeReceived(challenge.span)
            self.machine = .plain(plain)
        case .login(var login):
            step = login.challengeReceived(challenge.span)
            self.machine = .login(login)
        }
        switch step {
        case .respond(let octets): return .respond(Base64.encode(octets))
        case .cancel(let failure): return .cancel(failure)
        }
    }
}
