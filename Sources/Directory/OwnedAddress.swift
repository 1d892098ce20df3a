import MailNames

/// Addresses whose owner is a role and not somebody.
public enum OwnedAddress {
    /// The names of RFC 2142 sections 3 to 6.
    private static let roles: Set<String> = [
        "info", "marketing", "sales", "support", "abuse", "noc", "security", "postmaster", "hostmaster", "usenet",
        "news",
        "webmaster", "www", "uucp", "ftp",
    ]

    /// Whether the address is one of a role account, for which RRVS is ignored: RFC 7293 section 5.1.
    public static func isRole(_ address: EmailAddress) -> Bool { roles.contains(address.localPart.text.lowercased()) }
}
