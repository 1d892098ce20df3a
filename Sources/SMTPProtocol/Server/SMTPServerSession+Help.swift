/// HELP: RFC 5321 section 4.1.1.8.
extension SMTPServerSession {
    /// A command, how it is written, and whether it is on.
    private struct Topic {
        let verb: String
        let lines: [String]
        let isOn: @Sendable (SMTPServerConfiguration, _ isEncrypted: Bool) -> Bool

        init(
            _ verb: String,
            _ lines: String...,
            isOn: @escaping @Sendable (SMTPServerConfiguration, Bool) -> Bool = { _, _ in true }
        ) {
            self.verb = verb
            self.lines = lines
            self.isOn = isOn
        }
    }

    private static let topics: [Topic] = [
        Topic("EHLO", "EHLO host-name", "Says who you are, and asks what is offered here. RFC 5321 section 4.1.1.1"),
        Topic("HELO", "HELO host-name", "As EHLO, without extensions. RFC 5321 section 4.1.1.1"),
        Topic(
            "MAIL",
            "MAIL FROM:<sender> [parameter ...]",
            "Begins a message; failures are reported to the sender. RFC 5321 section 4.1.1.2",
            "Parameters: SIZE=octets BODY=7BIT|8BITMIME|BINARYMIME SMTPUTF8 RET=FULL|HDRS ENVID=id"
        ),
        Topic(
            "RCPT",
            "RCPT TO:<recipient> [parameter ...]",
            "Names one recipient of the message. RFC 5321 section 4.1.1.3",
            "Parameters: NOTIFY=NEVER|SUCCESS,FAILURE,DELAY ORCPT=type;address"
        ),
        Topic("DATA", "DATA", "The message follows, and ends with a line of one dot. RFC 5321 section 4.1.1.4"),
        Topic("BDAT", "BDAT octets [LAST]", "A part of the message follows, of so many octets. RFC 3030 section 2"),
        Topic("RSET", "RSET", "Forgets the message begun. RFC 5321 section 4.1.1.5"),
        Topic("NOOP", "NOOP", "Does nothing. RFC 5321 section 4.1.1.9"),
        Topic("QUIT", "QUIT", "Ends the session. RFC 5321 section 4.1.1.10"),
        Topic("VRFY", "VRFY name", "Asks whether there is somebody of that name. RFC 5321 section 4.1.1.6"),
        Topic("EXPN", "EXPN name", "Asks whom a name stands for. RFC 5321 section 4.1.1.7"),
        Topic("HELP", "HELP [command]", "This text, or one about a command. RFC 5321 section 4.1.1.8"),
        Topic(
            "STARTTLS",
            "STARTTLS",
            "Goes on over TLS. RFC 3207",
            isOn: { configuration, isEncrypted in configuration.offersTLS && !isEncrypted }
        ),
        Topic(
            "AUTH",
            "AUTH mechanism [initial-response]",
            "Logs in. EHLO says which mechanisms there are. RFC 4954",
            isOn: { configuration, isEncrypted in
                !configuration.mechanisms.isEmpty && (isEncrypted || configuration.allowsClearTextAuthentication)
            }
        ),
    ]

    /// The commands that are on, or what is asked about.
    func help(_ topic: String?) -> SMTPReply {
        let known = Self.topics.filter { $0.isOn(configuration, isEncrypted) }
        guard let topic else {
            let verbs = known.map(\.verb)
            let half = (verbs.count + 1) / 2
            let lines = [
                verbs.prefix(half).joined(separator: " "), verbs.dropFirst(half).joined(separator: " "),
                "HELP and one of them says more",
            ]
            return SMTPReply(214, EnhancedStatus(2, 0, 0), lines: lines)
        }
        let verb = topic.prefix { $0 != " " }.uppercased()
        guard let found = known.first(where: { $0.verb == verb }) else {
            return SMTPReply(504, EnhancedStatus(5, 5, 4), "There is no help on that; HELP alone lists the commands")
        }
        return SMTPReply(214, EnhancedStatus(2, 0, 0), lines: found.lines)
    }
}
