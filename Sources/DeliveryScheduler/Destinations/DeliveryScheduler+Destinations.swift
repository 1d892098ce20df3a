import MailBytes
import MailNames

/// The table of destinations and the round in which they are served.
extension DeliveryScheduler {
    func queueIndex(_ id: DestinationID) -> Int32? {
        guard id.index >= 0, Int(id.index) < queues.count else { return nil }
        let isHere = !queues[Int(id.index)].isFree && queues[Int(id.index)].generation == id.generation
        return isHere ? id.index : nil
    }

    func id(ofQueue index: Int32) -> DestinationID {
        DestinationID(index: index, generation: queues[Int(index)].generation)
    }

    mutating func queueIndex(for destination: Destination) -> Int32 {
        if let index = queueIndexes[destination] { return index }
        let index: Int32
        var queue = DestinationQueue(destination: destination)
        queue.isSuspended = suspensions[destination] != nil
        queue.limits = ownLimits(destination)
        if isInternal(destination) {
            queue.isEstablished = true
            queue.window = Double(max(1, options.localWorkers))
        }
        if let free = freeQueues.popLast() {
            index = free
            queue.generation = queues[Int(free)].generation &+ 1
            queues[Int(free)] = queue
        } else {
            queues.append(queue)
            index = Int32(queues.count - 1)
        }
        queueIndexes[destination] = index
        return index
    }

    /// Whether no connection to another host is needed.
    func isInternal(_ destination: Destination) -> Bool {
        switch destination {
        case .local, .unrouted: true
        case .domain, .literal, .relay, .lmtp: false
        }
    }

    /// Forgets a destination that nothing waits for and that nobody is connected to.
    mutating func releaseIfUnused(_ index: Int32) {
        let queue = queues[Int(index)]
        guard !queue.isFree, queue.entries == 0, queue.connections == 0 else {
            refreshRing(index)
            return
        }
        leaveRing(index)
        queueTimers.remove(index)
        forgetAddresses(index)
        queueIndexes[queue.destination] = nil
        queues[Int(index)].isFree = true
        freeQueues.append(index)
    }

    /// Lets a destination's block end when its time has come, and puts it into the round or takes it out.
    mutating func refresh(_ index: Int32, now: Timestamp) {
        if let until = queues[Int(index)].blockedUntil, until <= now { unblock(index) }
        refreshRing(index)
    }

    /// Field by field: this is asked at each step, and the whole of a queue is much to copy.
    func refreshWish(_ index: Int32) -> Bool {
        let index = Int(index)
        guard queues[index].blockedUntil == nil, !queues[index].isSuspended,
            queues[index].ready.count > queues[index].beginning
        else { return false }
        return queues[index].idle > 0 || queues[index].connections < allowance(index)
    }

    /// Connections a destination may have now.
    private func allowance(_ index: Int) -> Int {
        if isInternal(queues[index].destination) { return max(1, options.localWorkers) }
        let bound = queues[index].limits?.connections ?? options.connectionsPerDestination
        return max(1, min(Int(queues[index].window), bound))
    }

    mutating func refreshRing(_ index: Int32) {
        if refreshWish(index) { joinRing(index) } else { leaveRing(index) }
    }

    mutating func block(_ index: Int32, until: Timestamp, dead: Bool) {
        queues[Int(index)].blockedUntil = until
        queues[Int(index)].isDead = dead
        queueTimers.set(index, to: until.microseconds)
        leaveRing(index)
    }

    mutating func unblock(_ index: Int32) {
        queues[Int(index)].blockedUntil = nil
        queueTimers.remove(index)
    }

    private mutating func joinRing(_ index: Int32) {
        let wanted: Ring = queues[Int(index)].ready.urgent > 0 ? .urgent : .ordinary
        guard queues[Int(index)].ring != wanted else { return }
        leaveRing(index)
        queues[Int(index)].ring = wanted
        queues[Int(index)].ringNext = -1
        withRing(wanted) { queues, ends in
            queues[Int(index)].ringPrevious = ends.last
            if ends.last >= 0 { queues[Int(ends.last)].ringNext = index } else { ends.first = index }
            ends.last = index
        }
    }

    mutating func leaveRing(_ index: Int32) {
        let (previous, next) = (queues[Int(index)].ringPrevious, queues[Int(index)].ringNext)
        withRing(queues[Int(index)].ring) { queues, ends in
            if previous >= 0 { queues[Int(previous)].ringNext = next } else { ends.first = next }
            if next >= 0 { queues[Int(next)].ringPrevious = previous } else { ends.last = previous }
        }
        queues[Int(index)].ring = .none
        queues[Int(index)].ringNext = -1
        queues[Int(index)].ringPrevious = -1
    }

    private mutating func withRing(_ ring: Ring, _ body: (inout [DestinationQueue], inout RingEnds) -> Void) {
        switch ring {
        case .none: break
        case .ordinary: body(&queues, &ordinaryRing)
        case .urgent: body(&queues, &urgentRing)
        }
    }

    /// The destination whose turn it is: one with something urgent, but after four of these one of the others. -1 for none.
    var ringFirst: Int32 {
        guard urgentRing.first >= 0 else { return ordinaryRing.first }
        return ordinaryRing.first >= 0 && urgentInRow >= Self.urgentTurns ? ordinaryRing.first : urgentRing.first
    }

    private static var urgentTurns: Int { 4 }

    /// Takes the destination out whose turn it is.
    mutating func takeTurn() -> Int32 {
        let index = ringFirst
        guard index >= 0 else { return -1 }
        urgentInRow = queues[Int(index)].ring == .urgent && ordinaryRing.first >= 0 ? urgentInRow + 1 : 0
        leaveRing(index)
        return index
    }

    // MARK: Addresses of hosts that are waited for

    mutating func remember(_ addresses: [IPAddress], of index: Int32) {
        for address in addresses {
            let known = queues[Int(index)].addresses
            guard known.count < options.rememberedAddressesPerDestination, !known.contains(address) else { continue }
            queues[Int(index)].addresses.append(address)
            queuesByAddress[address, default: []].append(index)
        }
    }

    mutating func forgetAddresses(_ index: Int32) {
        for address in queues[Int(index)].addresses {
            queuesByAddress[address]?.removeAll { $0 == index }
            if queuesByAddress[address]?.isEmpty == true { queuesByAddress[address] = nil }
        }
        queues[Int(index)].addresses = []
    }
}
