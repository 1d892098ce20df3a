import MailBytes

/// One exchange as the line protocols carry it, the server's side: base64 lines in, one step out.
///
/// The profile shared by SMTP (RFC 4954 section 4), POP3 (RFC 5034 section 4), IMAP (RFC 9051 section 6.2.2) and
/// ManageSieve: responses are strict base64, `=` is an empty initial response, `*` cancels.
public struct SASLServerExchange: Sendable {
    /// What the session does next.
    public enum Step: Equatable, Sendable {
        /// Send this base64 text (it may be empty) as a challenge: after `334 ` in SMTP, after `+ ` in POP3.
        case challenge(String)
        /// Look the stored secret of this user up, and answer with `verifierFound(_:)`.
        case findVerifier(SCRAMIdentity)
        /// Verify these. Where they are right, the exchange is over; where not, `rejected()` says what is next.
        case verify(SASLCredentials)
        /// The client sent `*`: it is answered with a refusal (501 in SMTP).
        case cancelled
        /// The exchange is over and failed.
        case failed(SASLFailure)
    }

    /// What can be offered, the best first.
    public static let mechanisms: [SASLMechanismName] = [
        .scramSHA256Plus, .scramSHA256, .scramSHA1Plus, .scramSHA1, .plain, .login, .oauthBearer, .xoauth2, .external,
    ]

    /// Octets a response line may have, without its CR LF: RFC 4954 section 4 asks for 12,288 with it.
    public static let maximumLineLength = 12_286

    /// The mechanism of this exchange.
    public let mechanism: SASLMechanismName
    private var machine: any SASLServerMechanism
    /// Whether the credentials were found wrong, and the client is told why.
    private var isRefused = false

    /// An exchange of the named mechanism; `nil` when it is not one of `mechanisms`, or one that this connection does
    /// not carry.
    public init?(mechanism: SASLMechanismName, connection: SASLConnection = SASLConnection()) {
        guard connection.carries(mechanism) else { return nil }
        if let hash = SCRAMHash(mechanism) {
            self.machine = SCRAMServerMechanism(
                hash: hash,
                bindsChannel: mechanism.bindsChannel,
                bindings: connection.bindings
            )
        } else {
            switch mechanism {
            case .plain: self.machine = PlainServerMechanism()
            case .login: self.machine = LoginServerMechanism()
            case .oauthBearer: self.machine = BearerServerMechanism(form: .oauthBearer)
            case .xoauth2: self.machine = BearerServerMechanism(form: .xoauth2)
            case .external: self.machine = ExternalServerMechanism(identities: connection.certificateIdentities)
            default: return nil
            }
        }
        self.mechanism = mechanism
    }

    /// The command came without an initial response.
    public mutating func begin() -> Step { Self.framed(self.machine.started()) }

    /// The command came with an initial response, still in base64; `=` stands for an empty one.
    public mutating func begin(initialResponse: Span<UInt8>) -> Step {
        if initialResponse.count == 1, initialResponse[0] == UInt8(ascii: "=") {
            let empty = [UInt8]()
            return Self.framed(self.machine.responseReceived(empty.span))
        }
        // An empty argument is not an empty response: that is written `=`.
        guard !initialResponse.isEmpty else { return .failed(.notBase64) }
        return self.lineReceived(initialResponse)
    }

    /// A line came in answer to a challenge, without its CR LF.
    public mutating func lineReceived(_ line: Span<UInt8>) -> Step {
        if line.count == 1, line[0] == UInt8(ascii: "*") {
            // To cancel what was refused makes no other end of it (RFC 7628 section 3.2.3).
            return self.isRefused ? .failed(.refused) : .cancelled
        }
        guard line.count <= Self.maximumLineLength else { return .failed(.tooLong) }
        guard let response = Base64.decode(line) else { return .failed(.notBase64) }
        return Self.framed(self.machine.responseReceived(response.span))
    }

    /// The stored secret that `findVerifier` asked for; a decoy where there is no such user.
    public mutating func verifierFound(_ challenge: SCRAMChallenge) -> Step {
        Self.framed(self.machine.verifierFound(challenge))
    }

    /// What `verify` carried is wrong: a last challenge, where the mechanism has one; `nil` where the exchange is over.
    public mutating func rejected() -> Step? {
        self.isRefused = true
        return self.machine.rejected().map(Self.framed)
    }

    private static func framed(_ step: SASLServerStep) -> Step {
        switch step {
        case .challenge(let octets): .challenge(Base64.encode(octets))
        case .findVerifier(let identity): .findVerifier(identity)
        case .verify(let credentials): .verify(credentials)
        case .failed(let failure): .failed(failure)
        }
    }
}
