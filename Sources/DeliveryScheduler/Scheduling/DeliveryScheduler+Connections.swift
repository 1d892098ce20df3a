import MailBytes
import MailEvents

/// What the one who drives the scheduler is to do next.
public enum Work: Hashable, Sendable {
    /// Open a connection, or begin a worker for what is delivered here; it is counted from now on.
    case connect(DestinationID)
    /// Let one idle connection go on.
    case reuse(DestinationID)
    /// Close one idle connection: another destination needs its place.
    case closeIdle(DestinationID)
}

/// What a connection is to send next.
public struct TakenEntry: Hashable, Sendable {
    public let id: EntryID
    public let message: QueueID
    /// Attempts that failed before this one.
    public let attempts: Int
    public let expires: Timestamp
}

extension DeliveryScheduler {
    /// What to do next; `nil` when nothing can be begun now. Destinations take turns.
    public mutating func nextWork(now: Timestamp) -> Work? {
        while ringFirst >= 0 {
            let index = takeTurn()
            let queue = queues[Int(index)]
            guard refreshWish(index) else { continue }
            if queue.idle > 0 {
                queues[Int(index)].idle -= 1
                queues[Int(index)].beginning += 1
                refreshRing(index)
                return .reuse(id(ofQueue: index))
            }
            let isInternal = isInternal(queue.destination)
            if !isInternal && totalConnections >= options.connections {
                refreshRing(index)
                return workAtLimit(now: now)
            }
            if !isInternal { totalConnections += 1 }
            queues[Int(index)].connections += 1
            queues[Int(index)].beginning += 1
            if queues[Int(index)].connectedIndex < 0 {
                queues[Int(index)].connectedIndex = Int32(connected.count)
                connected.append(index)
            }
            refreshRing(index)
            return .connect(id(ofQueue: index))
        }
        return nil
    }

    /// All connections are in use: what can go on without a new one, or which idle one makes room.
    private mutating func workAtLimit(now: Timestamp) -> Work? {
        for index in connected where queues[Int(index)].idle > 0 && !isInternal(queues[Int(index)].destination) {
            queues[Int(index)].idle -= 1
            if queues[Int(index)].isInRing {
                queues[Int(index)].beginning += 1
                refreshRing(index)
                return .reuse(id(ofQueue: index))
            }
            queues[Int(index)].beginning += 1
            return .closeIdle(id(ofQueue: index))
        }
        for index in connected where queues[Int(index)].isInRing && isInternal(queues[Int(index)].destination) {
            guard queues[Int(index)].idle > 0 else { continue }
            queues[Int(index)].idle -= 1
            queues[Int(index)].beginning += 1
            refreshRing(index)
            return .reuse(id(ofQueue: index))
        }
        return internalWork()
    }

    /// A worker for what is delivered here needs no connection to another host.
    private mutating func internalWork() -> Work? {
        for destination in [Destination.local, .unrouted] {
            guard let index = queueIndexes[destination], queues[Int(index)].isInRing else { continue }
            queues[Int(index)].connections += 1
            queues[Int(index)].beginning += 1
            if queues[Int(index)].connectedIndex < 0 {
                queues[Int(index)].connectedIndex = Int32(connected.count)
                connected.append(index)
            }
            refreshRing(index)
            return .connect(id(ofQueue: index))
        }
        return nil
    }

    /// The destination of an id; `nil` when nothing waits for it and nobody is connected to it any more.
    public func destination(_ id: DestinationID) -> Destination? {
        queueIndex(id).map { queues[Int($0)].destination }
    }

    /// Whether a connection that has had its share should make room: all are in use, and a destination that has fewer of them
    /// than this one waits for a place.
    public func shouldMakeRoom(_ destination: DestinationID) -> Bool {
        guard totalConnections >= options.connections, let own = queueIndex(destination) else { return false }
        for ring in [urgentRing, ordinaryRing] {
            var index = ring.first
            // The first few tell: who waits longest stands in front.
            for _ in 0..<8 where index >= 0 {
                let other = queues[Int(index)]
                if index != own, !isInternal(other.destination), other.connections < queues[Int(own)].connections {
                    return true
                }
                index = other.ringNext
            }
        }
        return false
    }

    /// The next entry for a connection; `nil` when there is none now. What was taken is ended by `complete`, `retry`, `giveBack`
    /// or `hold`.
    ///
    /// - Parameter isFirst: whether the connection takes for the first time since it was opened or let go on.
    public mutating func take(from destination: DestinationID, isFirst: Bool, now: Timestamp) -> TakenEntry? {
        guard let index = queueIndex(destination) else { return nil }
        if isFirst { queues[Int(index)].beginning = max(0, queues[Int(index)].beginning - 1) }
        defer { refreshRing(index) }
        if let until = queues[Int(index)].blockedUntil {
            guard until <= now else { return nil }
            unblock(index)
        }
        guard !queues[Int(index)].isSuspended else { return nil }
        while true {
            let slot = queues[Int(index)].ready.next()
            guard slot >= 0 else { return nil }
            unlink(slot)
            if entries[Int(slot)].expires <= now.microseconds {
                // Its timer has come and tells of it at the next poll.
                link(slot, .deferred)
                setTimer(slot)
                continue
            }
            setTimer(slot)
            let interval = queues[Int(index)].limits?.interval ?? options.intervalPerDestination
            if interval > .zero && !isInternal(queues[Int(index)].destination) {
                block(index, until: now + interval, dead: false)
            }
            let entry = entries[Int(slot)]
            return TakenEntry(
                id: id(slot),
                message: entry.message,
                attempts: Int(entry.attempts),
                expires: Timestamp(microseconds: entry.expires)
            )
        }
    }

    /// A connection has nothing to do and stays open.
    public mutating func becameIdle(_ destination: DestinationID) {
        guard let index = queueIndex(destination) else { return }
        queues[Int(index)].idle += 1
        refreshRing(index)
    }

    /// A connection is gone.
    ///
    /// - Parameters:
    ///   - wasIdle: it had been told to `becameIdle` and was not let go on since.
    ///   - tookNothing: it was opened or let go on, and took nothing since.
    public mutating func closed(_ destination: DestinationID, wasIdle: Bool, tookNothing: Bool = false) {
        guard let index = queueIndex(destination) else { return }
        if wasIdle { queues[Int(index)].idle = max(0, queues[Int(index)].idle - 1) }
        if tookNothing { queues[Int(index)].beginning = max(0, queues[Int(index)].beginning - 1) }
        queues[Int(index)].connections = max(0, queues[Int(index)].connections - 1)
        if !isInternal(queues[Int(index)].destination) { totalConnections = max(0, totalConnections - 1) }
        if queues[Int(index)].connections == 0, queues[Int(index)].connectedIndex >= 0 {
            let place = Int(queues[Int(index)].connectedIndex)
            let last = connected.removeLast()
            if place < connected.count {
                connected[place] = last
                queues[Int(last)].connectedIndex = Int32(place)
            }
            queues[Int(index)].connectedIndex = -1
        }
        releaseIfUnused(index)
    }
}
