/// A directory server that knows names beside those of the database.
public struct LDAPServerOptions: Sendable, Hashable {
    /// `nil` for none.
    public var url: String?
    public var startTLS = true
    public var certificates: String?
    public var bindName: String?
    /// A file of mode 0600 whose first line is the password.
    public var passwordFile: String?
    public var base: String?
    public var recipientFilter = "(&(objectClass=inetOrgPerson)(mail=%s))"
    public var loginFilter = "(&(objectClass=inetOrgPerson)(mail=%s))"
    public var aliasFilter: String?
    public var addressAttribute = "mail"
    public var aliasAttribute = "mailForwardingAddress"
    public var timeout = Duration.seconds(5)
    public var connections = 4
    public var cacheTime = Duration.seconds(300)

    public init() {}

    /// Whether passwords that cross the connection stay on this machine or go over TLS.
    public var isSafe: Bool {
        guard let url = url?.lowercased() else { return true }
        if url.hasPrefix("ldaps://") || url.hasPrefix("ldapi://") || startTLS { return true }
        let host = url.dropFirst("ldap://".count).prefix { $0 != "/" }
        let isPort = { (rest: Substring) in rest.isEmpty || rest.first == ":" && rest.dropFirst().allSatisfy(\.isNumber)
        }
        return ["127.0.0.1", "localhost", "[::1]"].contains { host.hasPrefix($0) && isPort(host.dropFirst($0.count)) }
    }
}
