import MailBytes
import MailEvents
import MailNames

/// What is tried when and where: RFC 5321 section 4.5.4.1. Pure: moments come in, decisions come out, and the same seed and the
/// same moments give the same decisions.
///
/// An entry is one message waiting for one destination, in about 120 bytes; every step costs O(log n) of the entries.
/// Who drives it asks `nextWork(now:)` for what to connect to, `take(from:now:)` for each next message on a connection, tells it
/// what came of it, and calls `poll(now:limit:)` when `nextWake` has come.
public struct DeliveryScheduler: ~Copyable, Sendable {
    /// The bounds; changed ones hold from the next decision on.
    public var options: SchedulerOptions

    var generator: SplitMix64
    var entries: [Entry] = []
    var freeEntries: [Int32] = []
    /// The first entry of each message.
    var messages: [QueueID: Int32] = [:]
    var timers = TimerHeap()

    var queues: [DestinationQueue] = []
    var freeQueues: [Int32] = []
    var queueIndexes: [Destination: Int32] = [:]
    var queueTimers = TimerHeap()
    /// Destinations that wait for a host, by the host's address.
    var queuesByAddress: [IPAddress: [Int32]] = [:]
    /// Destinations with connections.
    var connected: [Int32] = []
    /// The rounds of destinations that may be served: those with something urgent, and the others.
    var urgentRing = RingEnds()
    var ordinaryRing = RingEnds()
    /// Destinations served in a row that had something urgent, while others waited.
    var urgentInRow = 0
    /// Destinations where nothing is tried, and why.
    var suspensions: [Destination: Suspension] = [:]
    /// The bounds of destinations that have their own.
    var ownLimits: @Sendable (Destination) -> DestinationLimits? = { _ in nil }
    /// Connections to other hosts.
    var totalConnections = 0

    /// A scheduler with nothing in it.
    ///
    /// - Parameter seed: where the jitter begins.
    public init(options: SchedulerOptions = SchedulerOptions(), seed: UInt64) {
        self.options = options
        self.generator = SplitMix64(seed: seed)
    }

    /// Messages that wait or are being tried.
    public var messageCount: Int { messages.count }

    /// Messages times destinations.
    public var entryCount: Int { entries.count - freeEntries.count }

    /// Whether the entry is still here.
    public func contains(_ id: EntryID) -> Bool { slot(id) != nil }

    /// Whether something of the message waits or is being tried.
    public func contains(_ message: QueueID) -> Bool { messages[message] != nil }

    // MARK: Entries coming and going

    /// A message is to go to a destination.
    ///
    /// One that waits there already is not added again: the earlier of the two moments counts.
    ///
    /// - Parameters:
    ///   - due: when it is tried first; `nil` for at once.
    ///   - warns: when the sender is to be told of the delay; `nil` for never.
    ///   - attempts: failed attempts so far.
    ///   - hold: holds it from the beginning.
    ///   - isPart: it is a part of the message that goes beside what waits there already, in an entry of its own.
    ///   - isScheduled: its sender asked that it is not tried before `due`, whatever happens: RFC 4865.
    @discardableResult
    public mutating func add(
        _ message: QueueID,
        to destination: Destination,
        due: Timestamp? = nil,
        expires: Timestamp,
        warns: Timestamp? = nil,
        attempts: Int = 0,
        hold: HoldReason? = nil,
        isPart: Bool = false,
        priority: PriorityClass = .normal,
        isScheduled: Bool = false,
        now: Timestamp
    ) -> EntryID {
        let queue = queueIndex(for: destination)
        let due = due ?? now
        if !isPart, let waiting = waitingEntry(of: message, in: queue) {
            if hold == nil && due.microseconds < entries[Int(waiting)].due && entries[Int(waiting)].state == .deferred {
                entries[Int(waiting)].due = due.microseconds
                place(waiting, now: now)
            }
            return id(waiting)
        }
        let slot = allocate(
            Entry(
                message: message,
                due: due.microseconds,
                expires: expires.microseconds,
                warns: warns?.microseconds ?? .max,
                destination: queue,
                generation: 0,
                attempts: UInt16(clamping: attempts),
                state: .inFlight,
                priority: priority,
                flags: isScheduled ? .scheduled : [],
                holdReason: hold
            )
        )
        queues[Int(queue)].inFlight += 1
        if let first = messages[message] {
            entries[Int(slot)].nextSibling = first
            entries[Int(first)].previousSibling = slot
        }
        messages[message] = slot
        place(slot, now: now)
        return id(slot)
    }

    /// The entry is done: delivered, given up or dropped.
    public mutating func complete(_ id: EntryID) {
        guard let slot = slot(id) else { return }
        remove(slot)
    }

    /// The attempt failed for now; says when the next one is.
    @discardableResult
    public mutating func retry(_ id: EntryID, now: Timestamp) -> Timestamp? {
        guard let slot = slot(id), entries[Int(slot)].state == .inFlight else { return nil }
        let attempts = entries[Int(slot)].attempts
        entries[Int(slot)].attempts = attempts == .max ? .max : attempts + 1
        let delay = options.retries.delay(afterFailures: Int(attempts) + 1, using: &generator)
        let due = now + delay
        entries[Int(slot)].due = due.microseconds
        place(slot, now: now)
        return due
    }

    /// What was taken is given back untried; it is tried again from `due` on, and that is no failure.
    ///
    /// It waits until then even when its time is over: what could not be given up just now is not asked about again at once.
    public mutating func giveBack(_ id: EntryID, due: Timestamp? = nil, now: Timestamp) {
        guard let slot = slot(id), entries[Int(slot)].state == .inFlight else { return }
        entries[Int(slot)].due = (due ?? now).microseconds
        entries[Int(slot)].flags.insert(.waitsForDue)
        place(slot, now: now)
    }

    /// What was taken is held instead of tried.
    public mutating func hold(_ id: EntryID, because reason: HoldReason, now: Timestamp) {
        guard let slot = slot(id), entries[Int(slot)].state == .inFlight else { return }
        entries[Int(slot)].holdReason = reason
        place(slot, now: now)
    }

    /// The sender was told of the delay, or is not to be.
    public mutating func warned(_ id: EntryID) {
        guard let slot = slot(id) else { return }
        entries[Int(slot)].warns = .max
        setTimer(slot)
    }

    /// The sender could not be told of the delay now, and is to be at another time.
    public mutating func warn(_ id: EntryID, at time: Timestamp) {
        guard let slot = slot(id) else { return }
        entries[Int(slot)].warns = time.microseconds
        setTimer(slot)
    }
}
