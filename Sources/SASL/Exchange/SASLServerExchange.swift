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
        /// Verify these; the exchange is over.
        case verify(SASLCredentials)
        /// The client sent `*`: it is answered with a refusal (501 in SMTP).
        case cancelled
        /// The exchange is over and failed.
        case failed(SASLFailure)
    }

    private enum Mechanism: Sendable {
        case plain(PlainServerMechanism)
        case login(LoginServerMechanism)
    }

    /// What can be offered, the best first.
    public static let mechanisms: [SASLMechanismName] = [.plain, .login]

    /// Octets a response line may have, without its CR LF: RFC 4954 section 4 asks for 12,288 with it.
    public static let maximumLineLength = 12_286

    /// The mechanism of this exchange.
    public let mechanism: SASLMechanismName
    private var machine: Mechanism

    /// An exchange of the named mechanism; `nil` when it is not one of `mechanisms`.
    public init?(mechanism: SASLMechanismName) {
        switch mechanism {
        case .plain: self.machine = .plain(PlainServerMechanism())
        case .login: self.machine = .login(LoginServerMechanism())
        default: return nil
        }
        self.mechanism = mechanism
    }

    /// The command came without an initial response.
    public mutating func begin() -> Step {
        switch self.machine {
        case .plain(var plain):
            let step = plain.started()
            self.machine = .plain(plain)
            return Self.framed(step)
        case .login(var login):
            let step = login.started()
            self.machine = .login(login)
            return Self.framed(step)
        }
    }

    /// The command came with an initial response, still in base64; `=` stands for an empty one.
    public mutating func begin(initialResponse: Span<UInt8>) -> Step {
        if initialResponse.count == 1, initialResponse[0] == UInt8(ascii: "=") {
            let empty = [UInt8]()
            return self.respond(empty.span)
        }
        // An empty argument is not an empty response: that is written `=`.
        guard !initialResponse.isEmpty else { return .failed(.notBase64) }
        return self.lineReceived(initialResponse)
    }

    /// A line came in answer to a challenge, without its CR LF.
    public mutating func lineReceived(_ line: Span<UInt8>) -> Step {
        if line.count == 1, line[0] == UInt8(ascii: "*") { return .cancelled }
        guard line.count <= Self.maximumLineLength else { return .failed(.tooLong) }
        guard let response = Base64.decode(line) else { return .failed(.notBase64) }
        return self.respond(response.span)
    }

    private mutating func respond(_ response: Span<UInt8>) -> Step {
        switch self.machine {
        case .plain(var plain):
            let step = plain.responseReceived(response)
            self.machine = .plain(plain)
            return Self.framed(step)
        case .login(var login):
            let step = login.responseReceived(response)
            self.machine = .login(login)
            return Self.framed(step)
        }
    }

    private static func framed(_ step: SASLServerStep) -> Step {
        switch step {
        case .challenge(let octets): .challenge(Base64.encode(octets))
        case .verify(let credentials): .verify(credentials)
        case .failed(let failure): .failed(failure)
        }
    }
}
