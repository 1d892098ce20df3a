import MailBytes
import MailEvents

/// Names one message waiting for one destination.
public struct EntryID: Hashable, Sendable {
    let slot: Int32
    let generation: UInt32
}

/// What becomes of an entry.
public enum EntryState: UInt8, Hashable, Sendable {
    /// It is tried as soon as its destination has a connection for it.
    case ready
    /// It waits for its next attempt.
    case deferred
    /// It waits until it is released.
    case held
    /// It is being tried.
    case inFlight
}

/// Why an entry is held.
public enum HoldReason: UInt8, Hashable, Sendable, Codable {
    /// The operator said so.
    case byOperator = 1
    /// Outbound mail is held by configuration.
    case byConfiguration = 2
    /// Mail for other domains is kept and shown, never sent. Such mail does not expire while it is held: nothing is tried in vain.
    case caught = 3
    /// It cannot be read, and waits for somebody to look. Nothing is tried in vain, so that it does not expire.
    case damaged = 4
    /// Its domain's host fetches it when it likes: RFC 2645.
    case onDemand = 5
}

/// One message waiting for one destination, as operators see it.
public struct EntryStatus: Hashable, Sendable {
    public let message: QueueID
    public let destination: Destination
    public let state: EntryState
    /// Attempts that failed for now.
    public let attempts: Int
    /// When it is tried next, its destination's block considered; `nil` when it is not known.
    public let nextAttempt: Timestamp?
    public let expires: Timestamp
    public let holdReason: HoldReason?
    /// Whether its destination could not be reached and everything for it waits for a probe.
    public let destinationIsDead: Bool
    /// Whether its sender asked that it is not tried before `nextAttempt`.
    public let isScheduled: Bool
    /// Whether nothing is tried at its destination until the operator resumes that.
    public let isSuspended: Bool
}

/// One message and destination in the table: 64 bytes.
struct Entry: Sendable {
    enum Wish: UInt8 {
        case none, hold, flush
    }

    var message: QueueID
    /// When it is tried next, in microseconds.
    var due: Int64
    var expires: Int64
    /// When the sender is to be told of the delay; `Int64.max` when it is not, or was.
    var warns: Int64
    var destination: Int32
    /// Neighbours in the chain of its destination and state.
    var next: Int32 = -1
    var previous: Int32 = -1
    /// Neighbours among the entries of its message.
    var nextSibling: Int32 = -1
    var previousSibling: Int32 = -1
    var generation: UInt32
    var attempts: UInt16
    var state: EntryState
    var priority: PriorityClass = .normal
    var flags: Flags = []
    var holdReason: HoldReason?
    /// What the operator asked for while it was being tried.
    var wish: Wish = .none
}

extension Entry {
    struct Flags: OptionSet, Sendable {
        let rawValue: UInt8
        static let free = Flags(rawValue: 1)
        /// Its sender asked that it is not tried before `due`: RFC 4865.
        static let scheduled = Flags(rawValue: 2)
        /// It is looked at only from `due` on, even when its time is over before.
        static let waitsForDue = Flags(rawValue: 4)
        /// Somebody was told that it waits for a destination that cannot be reached.
        static let toldWaiting = Flags(rawValue: 8)
    }

    var isFree: Bool { flags.contains(.free) }
    var isScheduled: Bool { flags.contains(.scheduled) }
    var waitsForDue: Bool { flags.contains(.waitsForDue) }
    var isToldWaiting: Bool { flags.contains(.toldWaiting) }

    /// Its moment has come, whatever was said of it.
    mutating func isUntimed() { flags.subtract([.waitsForDue, .scheduled]) }
}
