/// PLAIN, the server's side: RFC 4616. One message: `[authzid] NUL authcid NUL passwd`.
public struct PlainServerMechanism: SASLServerMechanism {
    /// PLAIN.
    public static let name = SASLMechanismName.plain

    /// An exchange that has not begun.
    public init() {}

    /// The client speaks first: an empty challenge.
    public mutating func started() -> SASLServerStep { .challenge([]) }

    /// The only message.
    public mutating func responseReceived(_ response: Span<UInt8>) -> SASLServerStep {
        guard response.count <= Self.maximumLength else { return .failed(.tooLong) }
        guard let first = Self.nul(in: response, from: 0), let second = Self.nul(in: response, from: first + 1) else {
            return .failed(.malformed)
        }
        let authorization = response.extracting(0..<first)
        let authentication = response.extracting(first + 1..<second)
        // A third NUL would be part of the password, which may not hold one: RFC 4616 section 2.
        guard let user = CredentialPreparation.userName(authentication),
            let password = Password(response.extracting(second + 1..<response.count))
        else { return .failed(.malformed) }
        if authorization.isEmpty {
            return .verify(.password(PasswordCredentials(authenticationIdentity: user, password: password)))
        }
        guard let actAs = CredentialPreparation.userName(authorization) else { return .failed(.malformed) }
        return .verify(
            .password(
                PasswordCredentials(authenticationIdentity: user, password: password, authorizationIdentity: actAs)
            )
        )
    }

    private static let maximumLength = 2 * CredentialPreparation.maximumUserNameLength + Password.maximumLength + 2

    private static func nul(in message: Span<UInt8>, from start: Int) -> Int? {
        var index = start
        while index < message.count {
            if message[index] == 0 { return index }
            index += 1
        }
        return nil
    }
}

/// PLAIN, the client's side: RFC 4616.
public struct PlainClientMechanism: SASLClientMechanism {
    /// PLAIN.
    public static let name = SASLMechanismName.plain
    private let credentials: PasswordCredentials
    private var isSent = false

    /// An exchange that has not begun.
    public init(credentials: PasswordCredentials) { self.credentials = credentials }

    /// The only message.
    public mutating func initialResponse() -> [UInt8]? {
        self.isSent = true
        let credentials = self.credentials
        return Array((credentials.authorizationIdentity ?? "").utf8) + [0]
            + Array(credentials.authenticationIdentity.utf8) + [0] + credentials.password.bytes
    }

    /// No challenge follows the message; one before it is empty and is answered with the message.
    public mutating func challengeReceived(_ challenge: Span<UInt8>) -> SASLClientStep {
        guard !self.isSent, let message = self.initialResponse() else { return .cancel(.unexpected) }
        return .respond(message)
    }
}
