import MailBytes
import MailNames

/// What waits for one destination and how it has fared.
struct DestinationQueue: Sendable {
    var destination: Destination
    var generation: UInt32 = 0
    var isFree = false

    var ready = ReadyLists()
    var deferred = EntryList()
    var held = EntryList()
    var inFlight = 0

    /// Connections open or being opened, idle ones too.
    var connections = 0
    /// Of these, those that have not yet asked for their first entry.
    var beginning = 0
    /// Of these, those that wait for something to do.
    var idle = 0
    /// How many connections it may have now: grows with success, shrinks with failure.
    var window: Double = 1
    /// Whether a connection was accepted since the last time it could not be reached.
    var isEstablished = false
    /// Times in a row that it could not be reached.
    var failures = 0
    /// Nothing is tried before: it could not be reached, or the rate is used up.
    var blockedUntil: Timestamp?
    /// Whether `blockedUntil` stands for a destination that could not be reached, not for the rate.
    var isDead = false
    var lastEarlyAttempt: Timestamp = .distantPast
    /// Whether nothing is tried until it is resumed.
    var isSuspended = false
    /// Its own bounds instead of those of all.
    var limits: DestinationLimits?
    /// The addresses that were tried in vain, or whose hosts deferred a message.
    var addresses: [IPAddress] = []

    /// Neighbours in the round of destinations that may be served; -1 for none.
    var ringNext: Int32 = -1
    var ringPrevious: Int32 = -1
    var ring: Ring = .none
    var isInRing: Bool { ring != .none }
    /// Place among the destinations with connections; -1 when it has none.
    var connectedIndex: Int32 = -1

    var entries: Int { ready.count + deferred.count + held.count + inFlight }
}

/// In which round a destination waits for its turn.
enum Ring: UInt8, Sendable {
    case none, ordinary, urgent
}

/// The ends of a round.
struct RingEnds: Sendable {
    var first: Int32 = -1
    var last: Int32 = -1
}

/// A chain of entries, linked in the entries themselves.
struct EntryList: Sendable {
    var first: Int32 = -1
    var last: Int32 = -1
    var count = 0
}
