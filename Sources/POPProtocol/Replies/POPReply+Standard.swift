import SASL

// What this server says. Texts are for people who debug a client: short, and they tell nothing about the machine.
extension POPReply {
    // MARK: - Authorization

    static func greeting(_ hostName: String) -> POPReply { .ok("\(hostName) POP3 server ready") }
    static let nameNoted = POPReply.ok("send the password")
    static let tlsFirst = POPReply.error("passwords are taken under TLS alone: use STLS")
    static let apopUnknown = POPReply.error("APOP needs passwords kept in clear: not supported")
    static let unknownMechanism = POPReply.error("no such authentication mechanism")
    static let cancelled = POPReply.error("authentication cancelled")
    static let malformedResponse = POPReply.error("the response cannot be decoded")
    static let rejected = POPReply.error("wrong name or password", code: .authentication)
    static let maildropInUse = POPReply.error("another session has the maildrop", code: .inUse)
    static let loginTooSoon = POPReply.error("too soon after the last log-in", code: .loginDelay)
    static let unavailable = POPReply.error("not now, try again later", code: .temporary)
    static let broken = POPReply.error("the maildrop cannot be opened", code: .permanent)
    static let beginTLS = POPReply.ok("begin TLS negotiation")
    static let tlsActive = POPReply.error("command not permitted when TLS is active")
    static let noTLS = POPReply.error("TLS is not available")
    static let tlsAfterUTF8 = POPReply.error("STLS comes before UTF8")
    static let utf8Enabled = POPReply.ok("UTF-8 mode")

    static func mechanisms(_ mechanisms: [SASLMechanismName]) -> POPReply {
        .ok("mechanisms follow", lines: mechanisms.map(\.text))
    }

    static func loggedIn(count: Int, octets: Int) -> POPReply {
        .ok("maildrop has \(count) \(count == 1 ? "message" : "messages") (\(octets) octets)")
    }

    // MARK: - Transaction

    static let listing = POPReply.ok("listing follows")
    static let messageFollows = POPReply.ok("message follows")
    static let deleted = POPReply.ok("message deleted")
    static let noSuchMessage = POPReply.error("no such message")
    static let alreadyDeleted = POPReply.error("message already deleted")
    static let messageUnavailable = POPReply.error("the message cannot be read", code: .temporary)
    static let alive = POPReply.ok("")

    static func capabilities(_ capabilities: [String]) -> POPReply {
        .ok("capability list follows", lines: capabilities)
    }

    static func statistics(count: Int, octets: Int) -> POPReply { .ok("\(count) \(octets)") }

    static func one(_ line: String) -> POPReply { .ok(line) }

    // MARK: - The end

    static let goodbye = POPReply.ok("goodbye")
    static let notAllDeleted = POPReply.error("some deleted messages not removed", code: .temporary)

    // MARK: - Whenever

    static let unknownCommand = POPReply.error("unknown command")
    static let badSyntax = POPReply.error("syntax error")
    static let wrongState = POPReply.error("command not valid in this state")
    static let lineTooLong = POPReply.error("line too long")
    static let tooManyErrors = POPReply.error("too many errors")
    static let tooManyFailures = POPReply.error("too many failed log-ins", code: .authentication)

    /// For a connection over a limit, before any session: RFC 3206 section 4.
    public static let tooManyConnections = POPReply.error("too many connections, try again later", code: .temporary)
}
