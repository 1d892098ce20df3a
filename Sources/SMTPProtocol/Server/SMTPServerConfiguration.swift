import MailBytes
import MailNames

/// What one listener's sessions offer and bear.
public struct SMTPServerConfiguration: Sendable {
    /// What the clients of a port are: RFC 5321, RFC 6409.
    public enum Role: Sendable {
        /// Other hosts bring mail.
        case transfer
        /// People send mail, after a log-in.
        case submission
        /// Another mail system on this host or beside it hands over what it has accepted, in LMTP: RFC 2033.
        case delivery
        /// Customers fetch what waits for their domains: RFC 2645.
        case onDemand
    }

    /// The server's name in greetings and replies.
    public var hostName: String
    public var role: Role
    public var offersTLS: Bool
    /// Takes passwords without TLS: on loopback, for development.
    public var allowsClearTextAuthentication: Bool
    /// Mechanisms by name, the best first; none offers no AUTH.
    public var mechanisms: [String]
    public var bareNewlines: DotUnstuffer.BareNewlines
    public var limits: SMTPLimits
    /// Where mail for `<Postmaster>` goes: RFC 5321 section 4.5.1.
    public var postmaster: EmailAddress
    /// What is offered beyond what every session has.
    public var offer: SMTPServiceOffer
    /// Whether clients may ask for the queue of a domain to be tried: RFC 1985.
    public var startsQueues = false
    /// Whether TURN is taken from those who logged in over TLS: RFC 821 section 3.8.
    public var offersTurn = false
    /// Whether SOML and SAML are taken: RFC 821 section 3.4.
    public var raisesNotices = false

    public init(
        hostName: String,
        role: Role,
        offersTLS: Bool,
        allowsClearTextAuthentication: Bool = false,
        mechanisms: [String] = [],
        bareNewlines: DotUnstuffer.BareNewlines = .refuse,
        limits: SMTPLimits = SMTPLimits(),
        postmaster: EmailAddress,
        offer: SMTPServiceOffer = SMTPServiceOffer()
    ) {
        self.hostName = hostName
        self.role = role
        self.offersTLS = offersTLS
        self.allowsClearTextAuthentication = allowsClearTextAuthentication
        self.mechanisms = mechanisms
        self.bareNewlines = bareNewlines
        self.limits = limits
        self.postmaster = postmaster
        self.offer = offer
    }

    /// What is offered beyond what every session has, as the session stands.
    func offered(isEncrypted: Bool) -> SMTPExtensions {
        var offered = offer.holding(for: role, isEncrypted: isEncrypted)
        // Where bare newlines become CR LF the server's octets are not the client's, and the offset of a transaction counts both.
        if bareNewlines == .normalise { offered.remove(.checkpoint) }
        return offered
    }
}

/// Bounds of a session; the defaults are at least those of RFC 5321 section 4.5.3.1.
public struct SMTPLimits: Sendable, Hashable {
    /// Octets of a command line without CR LF: 512 and the room that extensions ask for.
    public var commandLine = 2048
    /// Octets of a line of AUTH: RFC 4954 section 4.
    public var authenticationLine = 12_286
    public var messageSize = ByteCount.mebibytes(50)
    public var recipientsPerTransaction = 1000
    /// 0 is no limit.
    public var transactionsPerConnection = 0
    /// Wrong commands before the connection is ended.
    public var badCommands = 20
    /// EHLO once more, RSET, NOOP, VRFY, EXPN, HELP, and DATA without recipients, between two messages, before each of them counts
    /// as a wrong command.
    public var idleCommands = 100
    /// MAIL and RCPT answered 4yz between two messages before each of them counts as a wrong command.
    public var deferredCommands = 10_000
    public var failedAuthentications = 3

    public init() {}
}
