/// EXTERNAL, the server's side: RFC 4422 appendix A. The TLS handshake has proved who the client is; its message says at
/// most whom it wants to be.
public struct ExternalServerMechanism: SASLServerMechanism {
    /// EXTERNAL.
    public static let name = SASLMechanismName.external
    private let identities: [String]
    private var isOver = false

    /// An exchange that has not begun.
    ///
    /// - Parameter identities: the addresses that the verified certificate names.
    public init(identities: [String]) { self.identities = identities }

    /// The client speaks first: an empty challenge.
    public mutating func started() -> SASLServerStep { .challenge([]) }

    /// The only message: an authorization identity, or nothing.
    public mutating func responseReceived(_ response: Span<UInt8>) -> SASLServerStep {
        guard !self.isOver else { return .failed(.unexpected) }
        self.isOver = true
        guard !response.isEmpty else {
            let credentials = CertificateCredentials(authorizationIdentity: nil, identities: self.identities)
            return .verify(.certificate(credentials))
        }
        guard let actAs = CredentialPreparation.userName(response) else { return .failed(.malformed) }
        return .verify(.certificate(CertificateCredentials(authorizationIdentity: actAs, identities: self.identities)))
    }
}

/// EXTERNAL, the client's side: RFC 4422 appendix A.
public struct ExternalClientMechanism: SASLClientMechanism {
    /// EXTERNAL.
    public static let name = SASLMechanismName.external
    private let authorizationIdentity: String?
    private var isSent = false

    /// An exchange that has not begun.
    ///
    /// - Parameter authorizationIdentity: whom to act as; `nil` for whom the certificate names.
    public init(authorizationIdentity: String? = nil) { self.authorizationIdentity = authorizationIdentity }

    /// The only message; it may be empty.
    public mutating func initialResponse() -> [UInt8]? {
        self.isSent = true
        return Array((self.authorizationIdentity ?? "").utf8)
    }

    /// Only an empty challenge, before the message.
    public mutating func challengeReceived(_ challenge: Span<UInt8>) -> SASLClientStep {
        guard !self.isSent, let message = self.initialResponse() else { return .cancel(.unexpected) }
        return .respond(message)
    }
}
