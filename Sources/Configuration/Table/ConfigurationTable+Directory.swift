import MailBytes
import MailNames
import MailPolicy

/// The keys about who is here and who may send where.
extension ConfigurationTable {
    static let relayKeys: [ConfigurationKey] = [
        ConfigurationKey(
            "relay.networks",
            \.relay.networks,
            .list(of: .network),
            "Networks whose hosts may send to anybody without a log-in."
        ),
        ConfigurationKey(
            "relay.accounts",
            \.relay.accounts,
            .list(of: .word),
            "Accounts that may send to anybody once they logged in; \"*\" is all of them."
        ),
        ConfigurationKey(
            "relay.certificates",
            \.relay.certificates,
            .list(of: .fingerprint),
            "Client certificates, of tls.client-authorities, whose holders may send to anybody. Where there are any, hosts on port 25 are "
                + "asked for theirs, and one of other authorities ends the handshake."
        ),
        ConfigurationKey(
            "relay.destinations",
            \.relay.destinations,
            .list(of: .domain),
            "Domains that are not in the directory to which anybody may send."
        ),
        ConfigurationKey(
            "relay.verify",
            \.relay.verify,
            .choice(),
            "Whether the hosts of relay domains are asked about each recipient while the client waits: \"try\" takes mail where they "
                + "cannot be asked, \"require\" puts it off with 450."
        ),
        ConfigurationKey(
            "relay.verify-positive",
            \.relay.verifyPositive,
            .duration(.seconds(1) ... .seconds(30 * 86_400)),
            "How long a recipient that its host took is not asked about again."
        ),
        ConfigurationKey(
            "relay.verify-negative",
            \.relay.verifyNegative,
            .duration(.seconds(1) ... .seconds(30 * 86_400)),
            "How long a recipient that its host refused is refused without asking again."
        ),
    ]

    static let directoryKeys: [ConfigurationKey] = [
        ConfigurationKey(
            "smtp.lookup-networks",
            \.smtp.lookupNetworks,
            .list(of: .network),
            "Networks whose hosts get full answers to VRFY and EXPN; others get them once they logged in."
        ),
        ConfigurationKey(
            "directory.separator",
            \.directory.separator,
            .separator,
            "Parts a user's name from a detail: mail to user+detail is delivered to user. \"\" takes every name whole."
        ),
        ConfigurationKey(
            "directory.roles",
            \.directory.roles,
            .list(of: .word),
            "Names that lead to the postmaster in every local domain where nobody has them (RFC 2142). Postmaster always does."
        ),
        ConfigurationKey(
            "delivery.alias-files",
            \.delivery.aliasFiles,
            .list(of: .path),
            "Folders in whose files aliases may have mail written, as mboxes. None, unless listed here."
        ),
        ConfigurationKey(
            "delivery.alias-commands",
            \.delivery.aliasCommands,
            .flag,
            "Whether aliases may have commands run, with the rights of the server."
        ),
        ConfigurationKey(
            "delivery.command-timeout",
            \.delivery.commandTimeout,
            .duration(.seconds(1) ... .seconds(3600)),
            "How long such a command may run before it is ended and its mail tried again later."
        ),
    ]
}

extension ValueForm where Value == CertificateFingerprint {
    static let fingerprint = ValueForm.text("the SHA-256 of a certificate in hexadecimal digits")
}

extension ValueForm where Value == String {
    /// What may stand in a local part, at most a few characters of it.
    static let separator = ValueForm.text(
        "up to four characters such as \"+\", none of which is a letter, a digit or @",
        parse: { text in
            let isFit =
                text.utf8.count <= 4
                && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !$0.isASCIIAlphanumeric && $0 != .at }
            return isFit ? text : nil
        },
        write: { $0 }
    )
}
