import MailNames

/// One transaction as the client is to do it: an envelope and what the content is like.
public struct SMTPDelivery: Sendable, Equatable {
    public var reversePath: ReversePath
    public var recipients: [EnvelopeRecipient]
    public var bodyType: BodyType
    /// Whether the content is known to have octets beyond 127. Then a server without 8BITMIME does not get what was
    /// declared 8BITMIME: RFC 6152 section 3. The channel looks where it matters.
    public var hasEightBitContent: Bool
    public var isInternationalized: Bool
    public var envelopeID: String?
    public var returnContent: ReturnContent?
    /// Octets of content as it lies in the spool.
    public var size: Int
    /// Whether it ends behind RCPT, with no message: it only asks whether the recipients would be taken.
    public var isProbe = false
    private var rare: Boxed<RarelyAsked>?

    /// What few deliveries have.
    private struct RarelyAsked: Hashable {
        var terms = DeliveryTerms.plain
        var transactionID: TransactionIdentifier?
    }

    private var rarelyAsked: RarelyAsked {
        get { rare?.value ?? RarelyAsked() }
        set { rare = newValue == RarelyAsked() ? nil : Boxed(newValue) }
    }

    /// What the sender asked for beyond the plain envelope.
    public var terms: DeliveryTerms {
        get { rare?.value.terms ?? .plain }
        set { rarelyAsked.terms = newValue }
    }

    /// What the transaction is called, so that it goes on where it was when its connection is lost: RFC 1845. The same for each
    /// attempt with the same content to the same recipients, and for no other. Servers without CHECKPOINT are not told.
    public var transactionID: TransactionIdentifier? {
        get { rare?.value.transactionID }
        set { rarelyAsked.transactionID = newValue }
    }

    public init(
        reversePath: ReversePath,
        recipients: [EnvelopeRecipient],
        bodyType: BodyType = .sevenBit,
        hasEightBitContent: Bool = false,
        isInternationalized: Bool = false,
        envelopeID: String? = nil,
        returnContent: ReturnContent? = nil,
        size: Int,
        terms: DeliveryTerms = .plain
    ) {
        self.reversePath = reversePath
        self.recipients = recipients
        self.bodyType = bodyType
        self.hasEightBitContent = hasEightBitContent
        self.isInternationalized = isInternationalized
        self.envelopeID = envelopeID
        self.returnContent = returnContent
        self.size = size
        self.terms = terms
    }
}

/// What became of one recipient in one transaction.
public enum SMTPRecipientOutcome: Sendable, Equatable {
    /// The server has taken responsibility: RFC 5321 section 4.2.5.
    case accepted(SMTPReply)
    /// A later attempt may succeed. The reply is the server's, or says what was wrong with the connection.
    case deferred(SMTPReply)
    /// No attempt will succeed here.
    case failed(SMTPReply)
    /// The server took others of the transaction and wants this one in another, or on another connection: 452 4.5.3, LIMITS.
    case notTried
}

/// What became of a transaction.
public struct SMTPTransactionResult: Sendable, Equatable {
    /// In the order of the delivery's recipients.
    public var outcomes: [SMTPRecipientOutcome]
    /// Whether NOTIFY and ORCPT went with it, so that the next hop reports successes: RFC 3461 section 5.2.
    public var passedNotifications: Bool
    /// Whether the sender is to be told of the relaying, unless NOTIFY is NEVER: RFC 2852 section 4.1.4.
    public var owesRelayNotice: Bool

    public init(outcomes: [SMTPRecipientOutcome], passedNotifications: Bool, owesRelayNotice: Bool = false) {
        self.outcomes = outcomes
        self.passedNotifications = passedNotifications
        self.owesRelayNotice = owesRelayNotice
    }
}

/// Why a connection is of no use for mail.
public struct SMTPClientFailure: Error, Sendable, Equatable {
    public enum Reason: Sendable, Equatable {
        /// The greeting, EHLO or HELO was refused.
        case refused
        /// 521 or 554 in the greeting, or 521 to EHLO: this host takes no mail, RFC 7504.
        case takesNoMail
        case tlsRequired
        case authenticationFailed
        /// The server said what no server says.
        case protocolError
        case connectionLost
        case timedOut
    }

    public var reason: Reason
    /// What was said, or what we say about it.
    public var reply: SMTPReply

    public init(_ reason: Reason, _ reply: SMTPReply) {
        self.reason = reason
        self.reply = reply
    }

    /// A failure of the connection, as a reply that a report can carry.
    public static func connection(_ reason: Reason, _ text: String) -> SMTPClientFailure {
        SMTPClientFailure(reason, SMTPReply(421, EnhancedStatus(4, 4, 2), text))
    }
}
