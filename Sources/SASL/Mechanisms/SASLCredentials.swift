/// What a client presented and somebody has to verify.
///
/// The protocol session hands it out; the answer comes back to the session as an event.
public enum SASLCredentials: Equatable, Sendable {
    /// A user name and a password in clear: PLAIN, LOGIN, and the USER and PASS commands of POP3.
    case password(PasswordCredentials)
    /// What came of a SCRAM exchange. Nothing is left to verify but whether the account may log in now.
    case proof(SCRAMProof)
    /// A bearer token: OAUTHBEARER and XOAUTH2.
    case token(BearerCredentials)
    /// Who the client's certificate says it is: EXTERNAL.
    case certificate(CertificateCredentials)

    /// Who the client says it is, for the record; `nil` where only a token or certificate says so.
    public var claimedIdentity: String? {
        switch self {
        case .password(let password): password.authenticationIdentity
        case .proof(let proof): proof.identity.user
        case .token(let token): token.authorizationIdentity
        case .certificate(let certificate): certificate.authorizationIdentity ?? certificate.identities.first
        }
    }
}

/// A user name and a password, in either direction: RFC 4616 section 2.
public struct PasswordCredentials: Equatable, Sendable {
    /// Who to act as; `nil` (empty on the wire) means the one who authenticates.
    public let authorizationIdentity: String?
    /// Who authenticates, and whose password it is.
    public let authenticationIdentity: String
    /// Never printed.
    public let password: Password

    /// Credentials of somebody who acts as themself unless `authorizationIdentity` says otherwise.
    public init(authenticationIdentity: String, password: Password, authorizationIdentity: String? = nil) {
        self.authorizationIdentity = authorizationIdentity
        self.authenticationIdentity = authenticationIdentity
        self.password = password
    }
}

/// Why an exchange ended before there was anything to verify.
public enum SASLFailure: Error, Hashable, Sendable {
    /// The response is not strict base64: RFC 4648 section 4, RFC 4954 section 4, RFC 5034 section 4.
    case notBase64
    /// The message does not have the form of the mechanism, or an identity or password is not a legal one.
    case malformed
    /// Longer than the mechanism can need.
    case tooLong
    /// The peer went on although the exchange was over.
    case unexpected
    /// The client took note of why it was refused: the end of an exchange whose credentials were judged already.
    case refused
    /// The server did not prove that it knows the password: RFC 5802 section 5.
    case serverUnproved
    /// The server asks for fewer or more iterations than are computed: `SCRAMVerifier.iterationBounds`.
    case iterations
}
