import MailBytes
import MailNames
import SMTPProtocol

/// How mail is taken in.
public struct SMTPOptions: Sendable, Hashable {
    /// What becomes of a CR or LF that stands alone.
    public var bareNewlines = DotUnstuffer.BareNewlines.refuse
    /// Whether passwords are taken in clear from this machine: for development alone.
    public var clearTextAuthentication = false
    /// Networks whose hosts get full answers to VRFY and EXPN.
    public var lookupNetworks: [IPNetwork] = []
    /// How long a submitted message may be held for its release; zero offers no FUTURERELEASE: RFC 4865.
    public var longestHold = Duration.seconds(30 * 86_400)
    /// Solicitation class keywords of what is not taken; none offers no NO-SOLICITING: RFC 3865.
    public var noSoliciting: [String] = []
    /// Whether MTRK is offered: RFC 3885.
    public var tracking = false
    /// Whether CHECKPOINT is offered: RFC 1845.
    public var checkpoint = false
    /// Whether VERB and ONEX are taken, which change nothing.
    public var verboseCommands = false
    /// Hosts that may speak for others: XCLIENT and XFORWARD.
    public var trustedNetworks: [IPNetwork] = []
    /// Whether hosts may have the queue for their domains tried: ETRN.
    public var etrn = true
    /// Whether TURN is taken after a log-in over TLS.
    public var turn = false
    /// Whether SOML and SAML are taken.
    public var notices = false

    public init() {}
}

/// How mail of programs on this machine is taken in.
public struct LocalMailOptions: Sendable, Hashable {
    /// The socket that the sendmail command of any user finds the server by; empty for none.
    public var socket = "/run/martlet/submit.sock"

    public init() {}
}

/// What one client, or all together, may take.
public struct LimitOptions: Sendable, Hashable {
    public var messageSize = ByteCount.mebibytes(50)
    public var recipients = 1000
    /// Messages that an account may submit in an hour; 0 for no limit.
    public var accountMessagesPerHour = 0
    /// Recipients that an account may name in a day; 0 for no limit.
    public var accountRecipientsPerDay = 0
    /// Messages of one connection; 0 for no limit.
    public var messagesPerConnection = 0
    public var connections = 10_000
    public var connectionsPerAddress = 100
    /// What of a message may be in memory while it arrives.
    public var memoryPerMessage = ByteCount.kibibytes(256)
    public var badCommands = 20
    public var idleCommands = 100
    public var failedLogins = 3
    /// Received fields that a message may have.
    public var hops = 100
    public var commandTimeout = Duration.seconds(300)
    public var contentTimeout = Duration.seconds(180)
    public var popTimeout = Duration.seconds(600)

    public init() {}
}
