extension ConfigurationTable {
    static let authenticationKeys: [ConfigurationKey] = [
        ConfigurationKey(
            "authentication.mechanisms",
            \.authentication.mechanisms,
            .list(of: .choice()),
            "How people may prove who they are, under TLS alone. What cannot work is not offered: OAUTHBEARER and XOAUTH2 without a "
                + "token-key, EXTERNAL without tls.client-authorities and a certificate, the -PLUS ones where TLS gives nothing "
                + "to bind to. Without SCRAM in the list, nothing is kept for it when a password is set."
        ),
        ConfigurationKey(
            "authentication.token-key",
            \.authentication.tokenKey,
            .optional(.path),
            "A file with the key that bearer tokens (JSON Web Tokens) are signed with: a public key in PEM for RS256 or ES256, "
                + "or a line of at least 32 characters for HS256.",
            example: "\"/etc/martlet/tokens.pem\""
        ),
        ConfigurationKey(
            "authentication.token-issuer",
            \.authentication.tokenIssuer,
            .optional(.word),
            "The issuer that tokens must name; any when left out.",
            example: "\"https://login.example.org\""
        ),
        ConfigurationKey(
            "authentication.token-audience",
            \.authentication.tokenAudience,
            .optional(.word),
            "The audience that tokens must name; any when left out. Leave it out only where the key signs tokens for nobody else.",
            example: "\"mail.example.org\""
        ),
        ConfigurationKey(
            "authentication.token-claim",
            \.authentication.tokenClaim,
            .word,
            "The claim of a token that has the account's address."
        ),
    ]
}
