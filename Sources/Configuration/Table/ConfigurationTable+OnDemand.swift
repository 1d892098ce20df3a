import MailNames

extension ValueForm where Value == OnDemandDomain {
    static let onDemandDomain = ValueForm.text(
        "a domain and the account that fetches its mail, such as \"example.org=fetch@example.net\""
    )
}

extension ConfigurationTable {
    static let onDemandKeys: [ConfigurationKey] = [
        ConfigurationKey(
            "odmr.domains",
            \.onDemand.domains,
            .list(of: .onDemandDomain),
            "Domains whose mail is taken and waits, each with the account that fetches it: \"example.org=fetch@example.net\"."
        ),
        ConfigurationKey(
            "fetch.host",
            \.fetch.host,
            .optional(.smartHost),
            "The host that holds mail for this one, with its port: mostly 366 for \"odmr\", 25 for \"etrn\".",
            example: "\"odmr.example.net:366\""
        ),
        ConfigurationKey(
            "fetch.way",
            \.fetch.way,
            .choice(),
            "\"odmr\" fetches it over the connection that is made; \"etrn\" asks for it to be sent to the hosts that DNS names."
        ),
        ConfigurationKey(
            "fetch.domains",
            \.fetch.domains,
            .list(of: .domain),
            "The domains that are asked for; none for all that the account has. ETRN needs them named."
        ),
        ConfigurationKey(
            "fetch.security",
            \.fetch.security,
            .choice(),
            "TLS towards that host, as in outbound.security."
        ),
        ConfigurationKey(
            "fetch.username",
            \.fetch.username,
            .optional(.word),
            "Who to log in as.",
            example: "\"fetch@example.net\""
        ),
        ConfigurationKey(
            "fetch.password-file",
            \.fetch.passwordFile,
            .optional(.path),
            "A file of mode 0600 whose first line is the password.",
            example: "\"/etc/martlet/fetch.password\""
        ),
        ConfigurationKey(
            "fetch.interval",
            \.fetch.interval,
            .duration(.zero ... .seconds(7 * 86_400)),
            "How often; \"0s\" for only when `martlet fetch-mail` is called."
        ),
    ]
}
