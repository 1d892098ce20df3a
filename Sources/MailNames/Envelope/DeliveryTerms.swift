import MailBytes

/// What a sender may ask of the hosts on the way beyond the plain envelope. Most messages ask for nothing.
public struct DeliveryTerms: Hashable, Sendable {
    /// BY: RFC 2852.
    public var deliverBy: DeliverBy?
    /// HOLDFOR or HOLDUNTIL: not sent on before, RFC 4865.
    public var holdUntil: Timestamp?
    /// MT-PRIORITY: RFC 6710.
    public var priority: MessagePriority
    /// REQUIRETLS: each hop is encrypted and verified, or there is none, RFC 8689.
    public var requiresTLS: Bool
    /// `TLS-Required: No`: what receiving domains say of TLS does not keep it from them, RFC 8689 section 3.
    public var waivesTLS: Bool
    /// MTRK: RFC 3885.
    public var tracking: MessageTracking?
    /// SOLICIT: the keywords of what the message solicits, RFC 3865 section 3.
    public var solicitation: String?
    /// Each recipient gets a copy of its own, whose reverse-path says whom it is for: what a mailing list sends.
    public var hasPathPerRecipient: Bool

    public init(
        deliverBy: DeliverBy? = nil,
        holdUntil: Timestamp? = nil,
        priority: MessagePriority = .normal,
        requiresTLS: Bool = false,
        waivesTLS: Bool = false,
        tracking: MessageTracking? = nil,
        solicitation: String? = nil,
        hasPathPerRecipient: Bool = false
    ) {
        self.deliverBy = deliverBy
        self.holdUntil = holdUntil
        self.priority = priority
        self.requiresTLS = requiresTLS
        self.waivesTLS = waivesTLS
        self.tracking = tracking
        self.solicitation = solicitation
        self.hasPathPerRecipient = hasPathPerRecipient
    }

    /// Nothing is asked for.
    public static let plain = DeliveryTerms()
}

/// A message that should be delivered by a moment: RFC 2852 section 4.
public struct DeliverBy: Hashable, Sendable {
    /// What happens when it is not.
    public enum Mode: UInt8, Hashable, Sendable {
        /// N: the sender is told, and it is tried on.
        case notify = 0
        /// R: it is given up.
        case `return` = 1
    }

    public var time: Timestamp
    public var mode: Mode
    /// T: a host that cannot pass the request on tells the sender of having relayed it.
    public var traces: Bool

    public init(time: Timestamp, mode: Mode, traces: Bool = false) {
        self.time = time
        self.mode = mode
        self.traces = traces
    }
}

/// How urgent a message is, from -9 to 9; 0 is what has no priority of its own: RFC 6710 section 5.
public struct MessagePriority: Hashable, Comparable, Sendable {
    public let rawValue: Int8

    /// `nil` when the number is no priority.
    public init?(_ value: Int) {
        guard (-9...9).contains(value) else { return nil }
        rawValue = Int8(value)
    }

    private init(rawValue: Int8) { self.rawValue = rawValue }

    public static let normal = MessagePriority(rawValue: 0)

    public static func < (left: MessagePriority, right: MessagePriority) -> Bool { left.rawValue < right.rawValue }
}

/// What allows a sender to ask later what became of the message: RFC 3885 section 3.1.
public struct MessageTracking: Hashable, Sendable {
    /// The certifier, base64 as it was sent: the hash of a secret that the sender alone knows.
    public var certifier: String
    /// Until when the sender may ask; `nil` leaves it to us.
    public var expires: Timestamp?

    public init(certifier: String, expires: Timestamp? = nil) {
        self.certifier = certifier
        self.expires = expires
    }
}

/// Since when a mailbox must have had the owner whom the sender means: RFC 7293 section 3.1.
public struct RequiredOwnership: Hashable, Sendable {
    /// What a host does that cannot pass the request on.
    public enum Fallback: UInt8, Hashable, Sendable {
        /// R: refuses.
        case reject = 0
        /// C: goes on without it.
        case `continue` = 1
    }

    public var since: Timestamp
    public var fallback: Fallback

    public init(since: Timestamp, fallback: Fallback = .reject) {
        self.since = since
        self.fallback = fallback
    }
}
