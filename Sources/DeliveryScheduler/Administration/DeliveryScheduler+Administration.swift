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
