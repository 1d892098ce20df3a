import MailBytes

/// Every key, once. Reader, checks, `--set`, the annotated sample and the reference page are made from it.
public enum ConfigurationTable {
    /// The tables of the file with what they are about, in the order of the pages.
    static let tables: [(name: String, sentence: String)] = [
        ("", "Who the server is."),
        (
            "listen",
            "Where services listen. [::] is every address of the machine, IPv4 included. An empty list leaves a service out. "
                + "Sockets from systemd come before these."
        ),
        ("tls", "The server's certificate. Without one, a self-signed certificate is made at start."),
        ("authentication", "How people log in."),
        ("smtp", "How mail is taken in."),
        ("submission", "How mail of people who logged in is taken."),
        ("sendmail", "Mail from programs on this machine, by the sendmail command."),
        ("relay", "Who may send to other domains. Nobody, unless listed here."),
        ("directory", "How the names of local domains are read. Domains, accounts and aliases are set by commands."),
        (
            "ldap",
            "A directory server that is asked about the names of local domains which the database does not know. While it is down "
                + "they are put off with 4xx."
        ),
        ("delivery", "What mail may do on this machine beside lying in mailboxes."),
        ("outbound", "How mail for other domains leaves."),
        ("return-path", "Where reports about mail that is submitted here come back to."),
        ("odmr", "Mail that customers fetch: on-demand mail relay, RFC 2645. It waits in the queue until they come."),
        ("fetch", "Mail of ours that another host holds: from where, how and how often it is fetched."),
        ("resolver", "Who is asked for names."),
        ("queue", "How long and how often mail is tried."),
        ("lists", "What holds for all mailing lists. The lists are made with `martlet list add`."),
        ("spool", "What the queue may take of the disk."),
        ("limits", "What one client, or all together, may take."),
        ("trace", "The record of what happened to each message."),
        ("log", "What is written to standard error."),
    ]

    /// All keys, in the order of the pages.
    public static let keys: [ConfigurationKey] =
        serverKeys + listenKeys + authenticationKeys + receptionKeys + relayKeys + directoryKeys + ldapKeys
        + outboundKeys + returnPathKeys + onDemandKeys + queueKeys + limitKeys + recordKeys

    private static let serverKeys: [ConfigurationKey] = [
        ConfigurationKey(
            "hostname",
            \.server.hostName,
            .optional(.domain),
            "The server's name in greetings and in the fields it adds to messages; the system's host name when left out.",
            example: "\"mail.example.org\"",
            needsRestart: true
        ),
        ConfigurationKey(
            "data",
            \.server.data,
            .path,
            "The data folder: queue, mailboxes, directory, trace and the control socket.",
            needsRestart: true
        ),
        ConfigurationKey(
            "user",
            \.server.user,
            .word,
            "The user that the server becomes once its ports are bound, when it was started as root.",
            needsRestart: true
        ),
        ConfigurationKey(
            "postmaster",
            \.server.postmaster,
            .optional(.address),
            "Where mail to Postmaster without a domain goes; postmaster@ the host name when left out.",
            example: "\"postmaster@example.org\""
        ),
    ]

    private static let listenKeys: [ConfigurationKey] = [
        ConfigurationKey(
            "listen.smtp",
            \.listen.smtp,
            .list(of: .listenAddress),
            "Mail from other hosts.",
            needsRestart: true
        ),
        ConfigurationKey(
            "listen.submission",
            \.listen.submission,
            .list(of: .listenAddress),
            "Mail from people, after STARTTLS and a log-in.",
            needsRestart: true
        ),
        ConfigurationKey(
            "listen.submissions",
            \.listen.submissions,
            .list(of: .listenAddress),
            "Mail from people under TLS from the first byte.",
            needsRestart: true
        ),
        ConfigurationKey(
            "listen.lmtp",
            \.listen.lmtp,
            .list(of: .listenAddress),
            "Mail that another mail system hands over for mailboxes here, in LMTP and without a log-in.",
            needsRestart: true
        ),
        ConfigurationKey(
            "listen.lmtp-socket",
            \.listen.lmtpSocket,
            .optional(.path),
            "A Unix socket for the same, which every program of this machine may use.",
            example: "\"/run/martlet/lmtp\"",
            needsRestart: true
        ),
        ConfigurationKey(
            "listen.pop3",
            \.listen.pop3,
            .list(of: .listenAddress),
            "POP3 with STLS.",
            needsRestart: true
        ),
        ConfigurationKey(
            "listen.pop3s",
            \.listen.pop3s,
            .list(of: .listenAddress),
            "POP3 under TLS from the first byte.",
            needsRestart: true
        ),
        ConfigurationKey(
            "listen.odmr",
            \.listen.odmr,
            .list(of: .listenAddress),
            "Where customers fetch the mail of odmr.domains, after STARTTLS and a log-in; the port is 366.",
            needsRestart: true
        ),
        ConfigurationKey(
            "listen.mtqp",
            \.listen.mtqp,
            .list(of: .listenAddress),
            "Message tracking (RFC 3887): senders who kept a secret with MTRK ask what became of a message; the port is 1038.",
            needsRestart: true
        ),
        ConfigurationKey(
            "listen.proxy-networks",
            \.listen.proxyNetworks,
            .list(of: .network),
            "Proxies in front of this server, such as HAProxy. Each connection of theirs must begin with a header of the PROXY "
                + "protocol, version 1 or 2, and counts as one of the client that it names."
        ),
        ConfigurationKey(
            "tls.certificate",
            \.tls.certificate,
            .optional(.path),
            "A PEM file with the certificate, followed by those between it and its root. Read again on SIGHUP.",
            example: "\"/etc/martlet/certificate.pem\""
        ),
        ConfigurationKey(
            "tls.key",
            \.tls.key,
            .optional(.path),
            "A PEM file with the certificate's private key, of mode 0600.",
            example: "\"/etc/martlet/key.pem\""
        ),
        ConfigurationKey(
            "tls.client-authorities",
            \.tls.clientAuthorities,
            .optional(.path),
            "A PEM file with authorities whose certificates people may log in with (the mechanism EXTERNAL): asked for on all "
                + "ports but 25. The address in the certificate is the account's.",
            example: "\"/etc/martlet/people-ca.pem\""
        ),
    ]

    private static let receptionKeys: [ConfigurationKey] = [
        ConfigurationKey(
            "smtp.bare-newlines",
            \.smtp.bareNewlines,
            .choice(),
            "What becomes of a CR or LF that stands alone in a message: it is refused with 5xx, or made a CR LF of. "
                + "It never ends the content. In content that comes by BDAT it is always refused, unless it is BINARYMIME."
        ),
        ConfigurationKey(
            "smtp.clear-text-authentication",
            \.smtp.clearTextAuthentication,
            .flag,
            "Takes passwords without TLS from this machine's own addresses. For development alone."
        ),
        ConfigurationKey(
            "smtp.longest-hold",
            \.smtp.longestHold,
            .duration(.zero ... .seconds(3650 * 86_400)),
            "How long a submitted message may wait for the time that its sender named (FUTURERELEASE, RFC 4865); \"0s\" offers it "
                + "not at all."
        ),
        ConfigurationKey(
            "smtp.no-soliciting",
            \.smtp.noSoliciting,
            .list(of: .solicitation),
            "Classes of solicitations that are refused (NO-SOLICITING, RFC 3865), such as \"net.example:ADV\"; not offered when the "
                + "list is empty."
        ),
        ConfigurationKey(
            "smtp.tracking",
            \.smtp.tracking,
            .flag,
            "Offers MTRK (RFC 3885): senders may ask later what became of their messages."
        ),
        ConfigurationKey(
            "smtp.checkpoint",
            \.smtp.checkpoint,
            .flag,
            "Offers CHECKPOINT (RFC 1845): who loses the connection in the middle of a large message goes on where it was, within 24 "
                + "hours and until the server is restarted or its configuration changes. Not where smtp.bare-newlines is normalise."
        ),
        ConfigurationKey(
            "smtp.verbose-commands",
            \.smtp.verboseCommands,
            .flag,
            "Takes VERB and ONEX, which old programs send and which change nothing."
        ),
        ConfigurationKey(
            "submission.check-from",
            \.submission.checkFrom,
            .flag,
            "Whether the addresses in the From field of what an account submits have to be its own, or of an alias that leads to it. "
                + "Turn it off for programs that log in to send what others wrote."
        ),
        ConfigurationKey(
            "smtp.xclient-networks",
            \.smtp.trustedNetworks,
            .list(of: .network),
            "Hosts that may speak for others with XCLIENT, and say with XFORWARD from whom they had a message. What they say is "
                + "believed, log-ins too."
        ),
        ConfigurationKey(
            "smtp.etrn",
            \.smtp.etrn,
            .flag,
            "Takes ETRN: who has logged in, is in relay.networks, or is a host that DNS names for mail to the domain, may have "
                + "what waits for it tried at once."
        ),
        ConfigurationKey(
            "smtp.turn",
            \.smtp.turn,
            .flag,
            "Takes TURN from accounts of odmr.domains on the submission ports, after a log-in over TLS."
        ),
        ConfigurationKey(
            "smtp.notices",
            \.smtp.notices,
            .flag,
            "Takes SOML and SAML of RFC 821 as MAIL; sessions that would show a notice at once come with IMAP. SEND is answered "
                + "502 always: nobody is logged in at a terminal."
        ),
        ConfigurationKey(
            "sendmail.socket",
            \.sendmail.socket,
            .pathOrNone,
            "The socket by which every user of this machine can send mail. Its folder is made where root starts the server. "
                + "Without one, only root and `user` can.",
            needsRestart: true
        ),
    ]

    private static let outboundKeys: [ConfigurationKey] = [
        ConfigurationKey(
            "outbound.mode",
            \.outbound.mode,
            .choice(),
            "Where it goes: \"mx\" to the hosts that DNS names, \"smart-host\" all to one host, \"hold\" is queued and held, "
                + "\"catch\" is kept and shown, and never sent."
        ),
        ConfigurationKey("outbound.port", \.outbound.port, .count(1...65_535), "The port of hosts that DNS names."),
        ConfigurationKey(
            "outbound.smart-host",
            \.outbound.smartHost,
            .optional(.smartHost),
            "The host that takes all of it when the mode is \"smart-host\"; with \"lmtp:\" in front, a mail system that is spoken "
                + "to in LMTP.",
            example: "\"smtp.example.net:587\""
        ),
        ConfigurationKey(
            "outbound.security",
            \.outbound.security,
            .choice(),
            "TLS: \"opportunistic\" where it is offered (with a certificate that fits where there is a log-in), \"required\" with a certificate that fits, \"implicit\" from the first "
                + "byte with a certificate that fits, or \"none\"."
        ),
        ConfigurationKey(
            "outbound.username",
            \.outbound.username,
            .optional(.word),
            "Who to log in as at the smart host.",
            example: "\"relay@example.org\""
        ),
        ConfigurationKey(
            "outbound.password-file",
            \.outbound.passwordFile,
            .optional(.path),
            "A file of mode 0600 whose first line is the password for the smart host.",
            example: "\"/etc/martlet/smart-host.password\""
        ),
        ConfigurationKey(
            "outbound.connections",
            \.outbound.connections,
            .count(1...10_000),
            "Connections to all hosts together."
        ),
        ConfigurationKey(
            "outbound.connections-per-destination",
            \.outbound.connectionsPerDestination,
            .count(1...1000),
            "Connections for one destination, once it has shown that it takes so many."
        ),
        ConfigurationKey(
            "outbound.interval-per-destination",
            \.outbound.intervalPerDestination,
            .duration(.zero ... .seconds(3600)),
            "The least time between two messages for one destination; \"0s\" for no limit."
        ),
        ConfigurationKey(
            "outbound.other-hostnames",
            \.outbound.otherHostNames,
            .list(of: .domain),
            "Other names that MX records may give this server: mail is not sent to it again by them."
        ),
        ConfigurationKey(
            "outbound.recipients",
            \.outbound.recipientsPerTransaction,
            .count(1...10_000),
            "Recipients named in one transaction."
        ),
        ConfigurationKey(
            "outbound.messages-per-connection",
            \.outbound.messagesPerConnection,
            .count(1...100_000),
            "Messages sent over one connection."
        ),
        ConfigurationKey(
            "outbound.connect-timeout",
            \.outbound.connectTimeout,
            .duration(.seconds(1) ... .seconds(600)),
            "How long a connection may take to be made."
        ),
        ConfigurationKey(
            "outbound.convert-signed",
            \.outbound.convertSigned,
            .flag,
            "Converts messages with octets beyond ASCII for hosts without 8BITMIME also where that breaks a DKIM signature; else such "
                + "a message goes back to its sender."
        ),
        ConfigurationKey(
            "resolver.servers",
            \.resolver.servers,
            .list(of: .resolver),
            "Resolvers to ask, also for names under \"test\"; those of /etc/resolv.conf when the list is empty.",
            needsRestart: true
        ),
        ConfigurationKey(
            "resolver.trust-anchor",
            \.resolver.trustAnchorFile,
            .optional(.path),
            "A file with trust anchors for DNSSEC; without one no answer counts as secure.",
            example: "\"/usr/share/dns/root.key\"",
            needsRestart: true
        ),
        ConfigurationKey(
            "resolver.timeout",
            \.resolver.timeout,
            .duration(.seconds(1) ... .seconds(120)),
            "How long one question may take.",
            needsRestart: true
        ),
        ConfigurationKey(
            "resolver.lookups",
            \.resolver.lookups,
            .count(1...10_000),
            "Questions asked at the same time; others wait.",
            needsRestart: true
        ),
    ]

    private static let queueKeys: [ConfigurationKey] = [
        ConfigurationKey(
            "queue.lifetime",
            \.queue.lifetime,
            .duration(.seconds(60) ... .seconds(60 * 86_400)),
            "How long a message is tried before it goes back to its sender. Messages keep what held when they came."
        ),
        ConfigurationKey(
            "queue.report-lifetime",
            \.queue.reportLifetime,
            .duration(.seconds(60) ... .seconds(60 * 86_400)),
            "The same for the reports that Martlet writes."
        ),
        ConfigurationKey(
            "queue.delay-warning",
            \.queue.delayWarning,
            .duration(.zero ... .seconds(60 * 86_400)),
            "After how long a sender is told that a message still waits; \"0s\" for never."
        ),
        ConfigurationKey(
            "queue.first-retries",
            \.queue.firstRetries,
            .list(of: .duration(.seconds(1) ... .seconds(86_400))),
            "The delays after the first failures, in order."
        ),
        ConfigurationKey(
            "queue.retry",
            \.queue.retry,
            .duration(.seconds(1) ... .seconds(86_400)),
            "The delay after those; it grows by half from one failure to the next."
        ),
        ConfigurationKey(
            "queue.longest-retry",
            \.queue.longestRetry,
            .duration(.seconds(1) ... .seconds(7 * 86_400)),
            "No delay is longer, but for the random part that is added to each."
        ),
        ConfigurationKey(
            "queue.double-bounce-recipient",
            \.queue.doubleBounceRecipient,
            .optional(.address),
            "Where reports of failures go that cannot be delivered themselves; they are dropped, with a trace, when left out.",
            example: "\"postmaster@example.org\""
        ),
        ConfigurationKey(
            "lists.unsubscribe-url",
            \.lists.unsubscribePage,
            .optional(
                .text(
                    "an https URL",
                    parse: { $0.hasPrefix("https://") && $0.utf8.count > 8 ? $0 : nil },
                    write: { $0 }
                )
            ),
            "A page for leaving lists with one click (RFC 8058): list and member are added to it in each member's copy. Martlet does "
                + "not serve that page yet, and programs take the field seriously only in signed mail.",
            example: "\"https://lists.example.org/unsubscribe\""
        ),
        ConfigurationKey(
            "spool.max-size",
            \.spool.maximumSize,
            .size(.mebibytes(128) ... .gibibytes(1 << 20)),
            "The size of the queue on disk beyond which new messages are put off with 452.",
            needsRestart: true
        ),
        ConfigurationKey(
            "spool.min-free",
            \.spool.minimumFree,
            .size(.zero ... .gibibytes(1 << 20)),
            "Free space on the queue's disk below which new messages are put off with 452; delivery goes on.",
            needsRestart: true
        ),
    ]

    private static let limitKeys: [ConfigurationKey] = [
        ConfigurationKey(
            "limits.message-size",
            \.limits.messageSize,
            .size(.kibibytes(1) ... .gibibytes(16)),
            "The size of a message; RFC 5321 section 4.5.3.1.7 asks for 64 KiB at least."
        ),
        ConfigurationKey(
            "limits.recipients",
            \.limits.recipients,
            .count(1...100_000),
            "Recipients of a message in one transaction; RFC 5321 section 4.5.3.1.8 asks for 100 at least."
        ),
        ConfigurationKey(
            "limits.messages-per-connection",
            \.limits.messagesPerConnection,
            .count(0...1_000_000),
            "Messages that one connection may bring; 0 for any number."
        ),
        ConfigurationKey(
            "limits.account-messages-per-hour",
            \.limits.accountMessagesPerHour,
            .count(0...1_000_000),
            "Messages that one account may submit in an hour; 0 for any number."
        ),
        ConfigurationKey(
            "limits.account-recipients-per-day",
            \.limits.accountRecipientsPerDay,
            .count(0...10_000_000),
            "Recipients that one account may name in a day; 0 for any number."
        ),
        ConfigurationKey(
            "limits.connections",
            \.limits.connections,
            .count(1...1_000_000),
            "Connections of each service together."
        ),
        ConfigurationKey(
            "limits.connections-per-address",
            \.limits.connectionsPerAddress,
            .count(1...1_000_000),
            "Connections of one IPv4 address or one IPv6 /64 network to each service."
        ),
        ConfigurationKey(
            "limits.memory-per-message",
            \.limits.memoryPerMessage,
            .size(.kibibytes(4) ... .mebibytes(64)),
            "What of an arriving message may be in memory; what is longer goes to the disk as it arrives."
        ),
        ConfigurationKey(
            "limits.bad-commands",
            \.limits.badCommands,
            .count(1...10_000),
            "Wrong commands before a connection is ended."
        ),
        ConfigurationKey(
            "limits.idle-commands",
            \.limits.idleCommands,
            .count(1...100_000),
            "NOOP, RSET, VRFY and the like between two messages before each counts as a wrong command."
        ),
        ConfigurationKey(
            "limits.failed-logins",
            \.limits.failedLogins,
            .count(1...100),
            "Failed log-ins before a connection is ended."
        ),
        ConfigurationKey(
            "limits.hops",
            \.limits.hops,
            .count(1...1000),
            "Received fields that a message may have before it counts as going in circles; RFC 5321 section 6.3 asks for 100."
        ),
        ConfigurationKey(
            "limits.command-timeout",
            \.limits.commandTimeout,
            .duration(.seconds(1) ... .seconds(86_400)),
            "How long an SMTP client may take for its next command."
        ),
        ConfigurationKey(
            "limits.content-timeout",
            \.limits.contentTimeout,
            .duration(.seconds(1) ... .seconds(86_400)),
            "How long an SMTP client may pause within a message."
        ),
        ConfigurationKey(
            "limits.pop-timeout",
            \.limits.popTimeout,
            .duration(.seconds(1) ... .seconds(86_400)),
            "How long a POP3 client may be silent; RFC 1939 section 3 asks for ten minutes at least."
        ),
    ]

    private static let recordKeys: [ConfigurationKey] = [
        ConfigurationKey(
            "trace.retention",
            \.trace.retention,
            .duration(.seconds(3600) ... .seconds(3650 * 86_400)),
            "How long it is kept.",
            needsRestart: true
        ),
        ConfigurationKey(
            "log.level",
            \.log.level,
            .choice(),
            "The least important lines that are written.",
            needsRestart: true
        ),
    ]
}
