/// LOGIN, the server's side: draft-murchison-sasl-login. Two challenges, two responses: user name, password.
public struct LoginServerMechanism: SASLServerMechanism {
    /// LOGIN.
    public static let name = SASLMechanismName.login

    private enum Phase: Sendable {
        case user
        case password(user: String)
        case over
    }

    private var phase = Phase.user

    /// An exchange that has not begun.
    public init() {}

    /// The draft says that clients ignore the text; some compare it with this one.
    public mutating func started() -> SASLServerStep { .challenge(Array("Username:".utf8)) }

    /// First the user name, then the password.
    ///
    /// Deviation: the mechanism is server-first, so an initial response should be refused (RFC 5034 section 4), but
    /// .NET's SmtpClient and others send the user name in it, and Postfix, Exim and Dovecot take it.
    public mutating func responseReceived(_ response: Span<UInt8>) -> SASLServerStep {
        switch self.phase {
        case .user:
            self.phase = .over
            guard let user = CredentialPreparation.userName(response) else { return .failed(.malformed) }
            self.phase = .password(user: user)
            return .challenge(Array("Password:".utf8))
        case .password(let user):
            self.phase = .over
            guard let password = Password(response) else { return .failed(.malformed) }
            return .verify(.password(PasswordCredentials(authenticationIdentity: user, password: password)))
        case .over:
            return .failed(.unexpected)
        }
    }
}

/// LOGIN, the client's side: draft-murchison-sasl-login.
///
/// The text of a challenge is not looked at: servers differ in it, not in the order.
public struct LoginClientMechanism: SASLClientMechanism {
    /// LOGIN.
    public static let name = SASLMechanismName.login
    private let credentials: PasswordCredentials
    private var answered = 0

    /// An exchange that has not begun. LOGIN has no place for an authorization identity: it is left out.
    public init(credentials: PasswordCredentials) { self.credentials = credentials }

    /// The server speaks first.
    public mutating func initialResponse() -> [UInt8]? { nil }

    /// The user name, then the password.
    public mutating func challengeReceived(_ challenge: Span<UInt8>) -> SASLClientStep {
        self.answered += 1
        switch self.answered {
        case 1: return .respond(Array(self.credentials.authenticationIdentity.utf8))
        case 2: return .respond(self.credentials.password.bytes)
        default: return .cancel(.unexpected)
        }
    }
}
