import MailNames

/// What holds for names that nobody was given: details behind a separator, and the names that every domain has.
public struct NameRules: Sendable, Hashable {
    /// Parts the user from the detail in `user+detail` (RFC 5233 section 4); empty where names are taken whole.
    public var separator: String
    /// Local parts that lead to the postmaster in every domain here, in lower case: RFC 2142 sections 4 and 5.
    public var roles: Set<String>
    /// Who reads mail for the roles; `nil` for the oldest account.
    public var postmaster: EmailAddress?
    /// Our own name, which has a postmaster even where it is none of the domains: RFC 5321 section 4.5.1.
    public var hostName: Domain?
    /// Whether the postmaster is taken at the configuration's word: another directory may know that address.
    public var trustsPostmaster = false

    /// The names of RFC 2142 sections 4 and 5. Those of section 3, for business, are for somebody to take.
    public static let standardRoles = [
        "abuse", "noc", "security", "hostmaster", "usenet", "news", "webmaster", "www", "uucp", "ftp",
    ]
    /// The name that every domain has whatever the configuration says: RFC 5321 section 4.5.1.
    static let postmasterName = "postmaster"

    public init(
        separator: String = "+",
        roles: Set<String> = Set(standardRoles),
        postmaster: EmailAddress? = nil,
        hostName: Domain? = nil
    ) {
        self.separator = separator
        self.roles = roles
        self.postmaster = postmaster
        self.hostName = hostName
    }

    /// The user of a name with a detail; `nil` where there is none. The first separator parts them, so that a detail may
    /// have others; one in front belongs to the name.
    func user(of local: String) -> String? {
        guard !separator.isEmpty, let found = local.dropFirst().firstRange(of: separator) else { return nil }
        return String(local[..<found.lowerBound])
    }

    func isRole(_ local: String) -> Bool { local == Self.postmasterName || roles.contains(local) }
}

extension EmailAddress {
    /// The address that is looked for: the one behind the tag of a signed return path. What the tag is worth is for others to say.
    var untagged: EmailAddress { ReturnPathSigner.original(of: self) ?? self }
}
