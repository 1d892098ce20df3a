import DeliveryScheduler
import MailBytes
import MailNames

/// The bounds and choices of delivery. Changed ones hold from the next attempt on, also for what is queued already.
public struct DeliveryOptions: Sendable {
    /// Our own name: in HELO, in reports, and what must not come after us in a list of mail exchangers.
    public var hostName: Domain
    /// Other names of this host that a list of mail exchangers may have.
    public var otherHostNames: Set<Domain> = []
    public var outbound: OutboundMode = .mx
    /// Domains whose mail waits until their hosts fetch it: RFC 2645.
    public var onDemand: Set<Domain> = []
    /// The port of hosts that DNS names.
    public var outboundPort = 25
    /// How hosts that DNS names are spoken to.
    public var outboundSecurity: OutboundSecurity = .opportunistic
    public var scheduler = SchedulerOptions()
    /// What holds for some destinations instead.
    public var rules = DestinationRules()

    /// After how long a sender is told that the message still waits; `nil` for never.
    public var delayWarning: Duration? = .seconds(4 * 3600)
    /// How long a report of ours is tried.
    public var reportLifetime: Duration = .seconds(5 * 24 * 3600)
    /// When a report that could not be written is tried again, and a message that could not be given up.
    public var reportRetry: Duration = .seconds(300)
    /// Recipients named to another host in one transaction: at least 100 by RFC 5321 section 4.5.3.1.8.
    public var recipientsPerTransaction = 100
    /// Messages after which a connection makes room for another destination's when all are in use.
    public var messagesPerTurn = 20
    /// Whether a message signed by DKIM is converted for a host without 8BITMIME, which breaks the signature; else it fails.
    public var convertsSigned = false
    /// Whether mail that was submitted here leaves with signed return paths.
    public var signsReturnPaths = false
    /// Messages sent over one connection.
    public var messagesPerConnection = 500
    /// How old a connection may become before it is replaced.
    public var connectionAge: Duration = .seconds(300)
    /// How long a connection stays open with nothing to send.
    public var connectionIdle: Duration = .seconds(5)
    /// How long a TCP connection may take to be made.
    public var connectTimeout: Duration = .seconds(30)
    /// Addresses tried in one attempt: RFC 5321 section 5.1 asks for two at least.
    public var addressesPerAttempt = 8
    /// `Received` fields a message may have: RFC 5321 section 6.3.
    public var hops = 100
    /// Steps from alias to alias.
    public var aliasDepth = 16
    /// Addresses that one recipient may come to.
    public var aliasTargets = 10_000
    /// The largest message that a report returns whole when the sender asked for it with RET=FULL.
    public var returnedContent: ByteCount = .kibibytes(256)
    /// Where reports that cannot be delivered go, instead of being dropped.
    public var doubleBounceRecipient: EmailAddress?
    /// Messages whose envelopes are kept in memory at most, beside those that are being tried.
    public var messagesInMemory = 2000
    /// Messages that one worker writes into mailboxes at a time.
    public var localBatch = 64
    /// The page where members leave a list with one click (RFC 8058): an https URL, to which list and member are added.
    public var unsubscribePage: String?
    /// How long a question of a list may be answered.
    public var listTokenLifetime: Duration = .seconds(3 * 24 * 3600)
    /// What aliases may lead to outside of the mail system.
    public var outlets = OutletOptions()
    /// The least time between two such questions of a list to one address: whoever writes in another's name cannot flood it.
    public var listQuestionInterval: Duration = .seconds(300)
    /// After what time a message is tried again whose envelope the disk did not give; it doubles each time, up to an hour.
    public var readRetry: Duration = .seconds(60)
    /// How long what is in flight may take when delivery stops.
    public var stopGrace: Duration = .seconds(5)
    /// For one message that needs it: hosts are verified, and offer REQUIRETLS (RFC 8689 section 4.2.1).
    var requiresTLS = false

    public init(hostName: Domain) {
        self.hostName = hostName
    }
}
