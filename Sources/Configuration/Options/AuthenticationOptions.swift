import SASL

/// How people log in.
public struct AuthenticationOptions: Sendable, Hashable {
    /// The mechanisms that can be offered, by their registered names.
    public enum Mechanism: String, Sendable, Hashable, CaseIterable {
        case scramSHA256Plus = "SCRAM-SHA-256-PLUS"
        case scramSHA256 = "SCRAM-SHA-256"
        case scramSHA1Plus = "SCRAM-SHA-1-PLUS"
        case scramSHA1 = "SCRAM-SHA-1"
        case plain = "PLAIN"
        case login = "LOGIN"
        case oauthBearer = "OAUTHBEARER"
        case xoauth2 = "XOAUTH2"
        case external = "EXTERNAL"

        /// The name as the room of mechanisms has it.
        public var name: SASLMechanismName? { SASLMechanismName(rawValue) }
    }

    /// In the order they are offered in.
    public var mechanisms = Mechanism.allCases
    /// A file with the key that bearer tokens are signed with; `nil` takes none.
    public var tokenKey: String?
    public var tokenIssuer: String?
    public var tokenAudience: String?
    /// The claim with the account's address.
    public var tokenClaim = "email"

    public init() {}
}
