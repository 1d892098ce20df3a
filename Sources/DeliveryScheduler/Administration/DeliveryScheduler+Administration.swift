import MailBytes
import MailEvents

/// What operators ask for.
extension DeliveryScheduler {
    /// How one destination stands.
    public struct DestinationStatus: Hashable, Sendable {
        public let destination: Destination
        public let ready: Int
        public let deferred: Int
        public let held: Int
        public let inFlight: Int
        public let connections: Int
        /// When it is tried again, because it could not be reached; `nil` when it can.
        public let blockedUntil: Timestamp?
        /// Times in a row that it could not be reached.
        public let failures: Int
        /// Why nothing is tried there, by the operator's word; `nil` when that is not so.
        public let suspension: Suspension?
    }

    /// Every destination that something waits for, that is connected to, or that is suspended.
    public var destinations: [DestinationStatus] {
        let unused = suspensions.filter { queueIndexes[$0.key] == nil }.map { destination, suspension in
            DestinationStatus(
                destination: destination,
                ready: 0,
                deferred: 0,
                held: 0,
                inFlight: 0,
                connections: 0,
                blockedUntil: nil,
                failures: 0,
                suspension: suspension
            )
        }
        return unused
            + queues.filter { !$0.isFree }.map { queue in
                DestinationStatus(
                    destination: queue.destination,
                    ready: queue.ready.count,
                    deferred: queue.deferred.count,
                    held: queue.held.count,
                    inFlight: queue.inFlight,
                    connections: queue.connections,
                    blockedUntil: queue.isDead ? queue.blockedUntil : nil,
                    failures: queue.failures,
                    suspension: suspensions[queue.destination]
                )
            }
    }

    /// The entries of a message.
    public func status(of message: QueueID) -> [EntryStatus] {
        var found: [EntryStatus] = []
        var slot = messages[message] ?? -1
        while slot >= 0 {
            found.append(status(slot))
            slot = entries[Int(slot)].nextSibling
        }
        return found
    }

    private func status(_ slot: Int32) -> EntryStatus {
        let entry = entries[Int(slot)]
        // Field by field: a million entries are asked for when the queue is listed, and the whole of a queue is much to copy.
        let queue = Int(entry.destination)
        let due = Timestamp(microseconds: entry.due)
        let (blocked, isSuspended) = (queues[queue].blockedUntil, queues[queue].isSuspended)
        let next: Timestamp? =
            switch entry.state {
            case .held, .inFlight: nil
            case .ready, .deferred: isSuspended ? nil : max(due, blocked ?? due)
            }
        return EntryStatus(
            message: entry.message,
            destination: queues[queue].destination,
            state: entry.state,
            attempts: Int(entry.attempts),
            nextAttempt: next,
            expires: Timestamp(microseconds: entry.expires),
            holdReason: entry.holdReason,
            destinationIsDead: queues[queue].isDead && blocked != nil,
            isScheduled: entry.isScheduled && entry.state == .deferred,
            isSuspended: isSuspended
        )
    }

    /// Which queues are of destinations of a kind: asked once a destination, not once an entry.
    private func wanted(_ isWanted: (Destination) -> Bool) -> [Bool] {
        queues.map { !$0.isFree && isWanted($0.destination) }
    }

    /// The oldest messages after one, in order: a page of the queue.
    ///
    /// - Parameters:
    ///   - destinations: chooses by destinations of the message.
    ///   - isWanted: chooses by one of the message's entries that are for these.
    public func page(
        after: QueueID?,
        limit: Int,
        destinations: (Destination) -> Bool = { _ in true },
        where isWanted: (EntryStatus) -> Bool
    ) -> [QueueID] {
        guard limit > 0 else { return [] }
        let chosen = wanted(destinations)
        var found: [QueueID] = []
        // No message behind this one can be on the page.
        var bound: QueueID?
        for slot in entries.indices where !entries[slot].isFree {
            guard chosen[Int(entries[slot].destination)] else { continue }
            let message = entries[slot].message
            if let after, message <= after { continue }
            if let bound, message > bound { continue }
            guard isWanted(status(Int32(slot))) else { continue }
            found.append(message)
            if found.count >= 4 * limit {
                found = Self.smallest(found, limit)
                bound = found.count == limit ? found.last : nil
            }
        }
        return Self.smallest(found, limit)
    }

    private static func smallest(_ messages: [QueueID], _ limit: Int) -> [QueueID] {
        var result: [QueueID] = []
        for message in messages.sorted() where result.last != message {
            result.append(message)
            if result.count == limit { break }
        }
        return result
    }

    /// The messages that wait for destinations of a kind, in the order they came.
    public func messages(where isWanted: (Destination) -> Bool) -> [QueueID] {
        let chosen = wanted(isWanted)
        var found: [QueueID] = []
        for entry in entries where !entry.isFree && chosen[Int(entry.destination)] { found.append(entry.message) }
        return Self.smallest(found, .max)
    }

    // MARK: One message

    /// Keeps a message from being tried; what is being tried now is held when that fails.
    public mutating func hold(_ message: QueueID, because reason: HoldReason = .byOperator, now: Timestamp) {
        forEachEntry(of: message) { scheduler, slot in
            if scheduler.entries[Int(slot)].state == .inFlight {
                if reason == .byOperator {
                    scheduler.entries[Int(slot)].wish = .hold
                } else {
                    scheduler.entries[Int(slot)].holdReason = reason
                }
            } else {
                let held = scheduler.entries[Int(slot)].holdReason
                // The operator's word stands above what the configuration holds mail for, and outlives it.
                let yields = held == nil || reason == .byOperator && (held == .onDemand || held == .byConfiguration)
                guard yields else { return }
                scheduler.entries[Int(slot)].holdReason = reason
                scheduler.place(slot, now: now)
            }
        }
    }

    /// Lets a message go that is held, or that its sender scheduled for later: it is tried at once.
    public mutating func release(_ message: QueueID, now: Timestamp) {
        forEachEntry(of: message) { scheduler, slot in
            if scheduler.entries[Int(slot)].wish == .hold { scheduler.entries[Int(slot)].wish = .none }
            let entry = scheduler.entries[Int(slot)]
            guard entry.state == .held || entry.isScheduled && entry.state == .deferred else { return }
            scheduler.entries[Int(slot)].holdReason = nil
            scheduler.entries[Int(slot)].due = now.microseconds
            scheduler.place(slot, now: now)
        }
    }

    /// Tries a message at once, with the destinations it waits for.
    public mutating func flush(_ message: QueueID, now: Timestamp) {
        forEachEntry(of: message) { scheduler, slot in
            let queue = scheduler.entries[Int(slot)].destination
            switch scheduler.entries[Int(slot)].state {
            case .held: return
            case .deferred where scheduler.entries[Int(slot)].isScheduled: return
            case .inFlight: scheduler.entries[Int(slot)].wish = .flush
            case .ready, .deferred:
                scheduler.entries[Int(slot)].due = min(scheduler.entries[Int(slot)].due, now.microseconds)
                scheduler.place(slot, now: now)
            }
            if scheduler.queues[Int(queue)].blockedUntil != nil { scheduler.unblock(queue) }
            scheduler.refreshRing(queue)
        }
    }

    /// Takes a message's waiting entries out; those being tried stay until they are completed.
    ///
    /// - Returns: whether something of it is being tried.
    @discardableResult
    public mutating func removeWaiting(_ message: QueueID) -> Bool {
        var isInFlight = false
        forEachEntry(of: message) { scheduler, slot in
            if scheduler.entries[Int(slot)].state == .inFlight {
                isInFlight = true
            } else {
                scheduler.remove(slot)
            }
        }
        return isInFlight
    }

    private mutating func forEachEntry(of message: QueueID, _ body: (inout DeliveryScheduler, Int32) -> Void) {
        var slot = messages[message] ?? -1
        while slot >= 0 {
            let next = entries[Int(slot)].nextSibling
            body(&self, slot)
            slot = next
        }
    }

    // MARK: Destinations

    /// Tries everything that waits for the chosen destinations at once, but for what is held.
    ///
    /// - Returns: the number of destinations with something to try.
    @discardableResult
    public mutating func flush(now: Timestamp, where isWanted: (Destination) -> Bool = { _ in true }) -> Int {
        var flushed = 0
        for index in queues.indices where !queues[index].isFree && isWanted(queues[index].destination) {
            wake(Int32(index), now: now)
            if queues[index].ready.count > 0 { flushed += 1 }
        }
        return flushed
    }

    /// Lets go what is held for a reason, for all destinations.
    public mutating func releaseAll(heldFor reason: HoldReason, now: Timestamp) {
        for slot in entries.indices where !entries[slot].isFree {
            guard entries[slot].state == .held, entries[slot].holdReason == reason else { continue }
            entries[slot].holdReason = nil
            entries[slot].due = now.microseconds
            place(Int32(slot), now: now)
        }
    }
}
