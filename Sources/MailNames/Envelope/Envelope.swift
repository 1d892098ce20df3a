import MailBytes

/// What travels with a message but is not in it: RFC 5598 section 4.1, with the parameters of RFC 3461, 6152 and 6531.
public struct Envelope: Hashable, Sendable {
    public var reversePath: ReversePath
    public var recipients: [EnvelopeRecipient]
    public var bodyType: BodyType
    /// Whether the message was sent with SMTPUTF8.
    public var isInternationalized: Bool
    /// ENVID, decoded: RFC 3461 section 4.4.
    public var envelopeID: String?
    /// RET: RFC 3461 section 4.3. `nil` leaves it to us.
    public var returnContent: ReturnContent?
    public var origin: MessageOrigin
    /// When it was acknowledged.
    public var received: Timestamp
    /// When it is given up, wherever it waits.
    public var expires: Timestamp
    private var asked: Asked?

    /// What the sender asked for beyond that.
    public var terms: DeliveryTerms {
        get { asked?.terms ?? .plain }
        set { asked = newValue == .plain ? nil : Asked(newValue) }
    }

    /// Whether the sender asked for nothing that `terms` could tell.
    public var hasPlainTerms: Bool { asked == nil }

    /// Elsewhere, since nearly no message has it and each copy of the envelope would carry it along.
    private final class Asked: Hashable, Sendable {
        let terms: DeliveryTerms

        init(_ terms: DeliveryTerms) { self.terms = terms }

        static func == (left: Asked, right: Asked) -> Bool { left.terms == right.terms }

        func hash(into hasher: inout Hasher) { hasher.combine(terms) }
    }

    public init(
        reversePath: ReversePath,
        recipients: [EnvelopeRecipient],
        bodyType: BodyType = .sevenBit,
        isInternationalized: Bool = false,
        envelopeID: String? = nil,
        returnContent: ReturnContent? = nil,
        origin: MessageOrigin,
        received: Timestamp,
        expires: Timestamp,
        terms: DeliveryTerms? = nil
    ) {
        self.reversePath = reversePath
        self.recipients = recipients
        self.bodyType = bodyType
        self.isInternationalized = isInternationalized
        self.envelopeID = envelopeID
        self.returnContent = returnContent
        self.origin = origin
        self.received = received
        self.expires = expires
        if let terms, terms != .plain { asked = Asked(terms) }
    }
}

/// One forward-path of an envelope.
public struct EnvelopeRecipient: Hashable, Sendable {
    public var address: EmailAddress
    /// NOTIFY; `nil` when the sender did not say, which means failures and, as we like, delays: RFC 3461 section 4.1.
    public var notify: DeliveryNotify?
    /// ORCPT: RFC 3461 section 4.2.
    public var originalRecipient: OriginalRecipient?
    /// RRVS: RFC 7293.
    public var requiredOwnership: RequiredOwnership?

    public init(
        address: EmailAddress,
        notify: DeliveryNotify? = nil,
        originalRecipient: OriginalRecipient? = nil,
        requiredOwnership: RequiredOwnership? = nil
    ) {
        self.address = address
        self.notify = notify
        self.originalRecipient = originalRecipient
        self.requiredOwnership = requiredOwnership
    }
}

/// BODY: RFC 6152 section 3, RFC 3030 section 3.
public enum BodyType: UInt8, Hashable, Sendable {
    case sevenBit = 0
    case eightBitMIME = 1
    case binaryMIME = 2
}

/// RET: RFC 3461 section 4.3.
public enum ReturnContent: UInt8, Hashable, Sendable {
    case full = 1
    case headers = 2
}

/// NOTIFY: RFC 3461 section 4.1. The empty set is NEVER.
public struct DeliveryNotify: OptionSet, Hashable, Sendable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    public static let never: DeliveryNotify = []
    public static let success = DeliveryNotify(rawValue: 1)
    public static let failure = DeliveryNotify(rawValue: 2)
    public static let delay = DeliveryNotify(rawValue: 4)
}

/// ORCPT, decoded: RFC 3461 section 4.2, RFC 6533 section 3.
public struct OriginalRecipient: Hashable, Sendable {
    /// `rfc822`, `utf-8` or another registered type.
    public var addressType: String
    public var address: String

    public init(addressType: String, address: String) {
        self.addressType = addressType
        self.address = address
    }
}

/// How a message came to us.
public struct MessageOrigin: Hashable, Sendable {
    /// Through which door.
    public enum Door: UInt8, Hashable, Sendable {
        case smtp = 0
        case submission = 1
        case lmtp = 2
        case sendmail = 3
        /// Martlet wrote it: a report of a failure, delay or delivery.
        case report = 4
        /// A mailing list sent it: a post on its way to the members, or what the list answers.
        case list = 5
    }

    public var door: Door
    public var peer: IPAddress?
    /// What the client called itself.
    public var helo: String?
    /// The address of the account that logged in.
    public var account: String?
    /// The with-keyword of RFC 3848: `ESMTPSA`.
    public var transmissionType: String

    public init(
        door: Door,
        peer: IPAddress? = nil,
        helo: String? = nil,
        account: String? = nil,
        transmissionType: String
    ) {
        self.door = door
        self.peer = peer
        self.helo = helo
        self.account = account
        self.transmissionType = transmissionType
    }
}
