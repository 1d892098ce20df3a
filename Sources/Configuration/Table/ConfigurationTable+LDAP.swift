/// The keys about a directory server.
extension ConfigurationTable {
    static let ldapKeys: [ConfigurationKey] = [
        ConfigurationKey(
            "ldap.url",
            \.ldap.url,
            .optional(.ldapURL),
            "The server. Without it there is none, and what else is said here means nothing.",
            example: "\"ldaps://ldap.example.org\"",
            needsRestart: true
        ),
        ConfigurationKey(
            "ldap.start-tls",
            \.ldap.startTLS,
            .flag,
            "Starts TLS on a connection of ldap://, with a certificate that fits. Only on this machine can it do without.",
            needsRestart: true
        ),
        ConfigurationKey(
            "ldap.ca-file",
            \.ldap.certificates,
            .optional(.path),
            "A PEM file with the certificates that the server's is checked against; those of the system when left out.",
            example: "\"/etc/martlet/ldap-ca.pem\"",
            needsRestart: true
        ),
        ConfigurationKey(
            "ldap.bind-name",
            \.ldap.bindName,
            .optional(.word),
            "The distinguished name that Martlet logs in as to look for entries; it asks anonymously when left out.",
            example: "\"cn=martlet,dc=example,dc=org\"",
            needsRestart: true
        ),
        ConfigurationKey(
            "ldap.password-file",
            \.ldap.passwordFile,
            .optional(.path),
            "A file of mode 0600 whose first line is the password for that.",
            example: "\"/etc/martlet/ldap.password\"",
            needsRestart: true
        ),
        ConfigurationKey(
            "ldap.base",
            \.ldap.base,
            .optional(.word),
            "Where entries are looked for, in all that is below.",
            example: "\"ou=people,dc=example,dc=org\"",
            needsRestart: true
        ),
        ConfigurationKey(
            "ldap.recipient-filter",
            \.ldap.recipientFilter,
            .word,
            "Finds the entry of a recipient: %s is the address, %u its local part, %d its domain.",
            needsRestart: true
        ),
        ConfigurationKey(
            "ldap.login-filter",
            \.ldap.loginFilter,
            .word,
            "Finds the entry of who logs in, by the name that was given.",
            needsRestart: true
        ),
        ConfigurationKey(
            "ldap.alias-filter",
            \.ldap.aliasFilter,
            .optional(.word),
            "Finds entries that lead to other addresses; there are none when left out.",
            example: "\"(&(objectClass=nisMailAlias)(cn=%u))\"",
            needsRestart: true
        ),
        ConfigurationKey(
            "ldap.address-attribute",
            \.ldap.addressAttribute,
            .word,
            "The attribute with an account's own address.",
            needsRestart: true
        ),
        ConfigurationKey(
            "ldap.alias-attribute",
            \.ldap.aliasAttribute,
            .word,
            "The attribute with the addresses that an alias leads to.",
            needsRestart: true
        ),
        ConfigurationKey(
            "ldap.timeout",
            \.ldap.timeout,
            .duration(.seconds(1) ... .seconds(60)),
            "How long the server may take to answer, and to connect.",
            needsRestart: true
        ),
        ConfigurationKey(
            "ldap.connections",
            \.ldap.connections,
            .count(1...64),
            "Questions asked at the same time, each over a connection of its own; others wait.",
            needsRestart: true
        ),
        ConfigurationKey(
            "ldap.cache-time",
            \.ldap.cacheTime,
            .duration(.zero ... .seconds(86_400)),
            "How long an answer is used again, also while the server is down; that nobody has a name, a fifth of it.",
            needsRestart: true
        ),
    ]
}

extension ValueForm where Value == String {
    static let ldapURL = ValueForm.text(
        "an address such as \"ldaps://ldap.example.org\", \"ldap://127.0.0.1:389\" or \"ldapi:///\"",
        parse: { text in
            let schemes = ["ldap://", "ldaps://", "ldapi://"]
            return schemes.contains { text.lowercased().hasPrefix($0) } && !text.contains(where: \.isWhitespace)
                ? text : nil
        },
        write: { $0 }
    )
}
