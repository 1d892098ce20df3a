import MailBytes
import MailNames

/// How a destination fares, and what that means for all that waits for it.
extension DeliveryScheduler {
    /// The destination accepted a connection: it is alive.
    ///
    /// One that was dead before has to take a message first until more than one connection is made.
    public mutating func established(_ destination: DestinationID) {
        guard let index = queueIndex(destination) else { return }
        let queue = queues[Int(index)]
        if !queue.isEstablished && queue.failures == 0 {
            queues[Int(index)].isEstablished = true
            queues[Int(index)].window = max(queue.window, Double(options.initialConnectionsPerDestination))
        }
        if queue.isDead {
            queues[Int(index)].isDead = false
            if queue.blockedUntil != nil { unblock(index) }
        }
        refreshRing(index)
    }

    /// The destination dealt with a message on a connection, whatever it said to it: one more connection for each round of them.
    public mutating func succeeded(_ destination: DestinationID) {
        guard let index = queueIndex(destination) else { return }
        var window = queues[Int(index)].window
        if !queues[Int(index)].isEstablished {
            queues[Int(index)].isEstablished = true
            window = max(window, Double(options.initialConnectionsPerDestination))
        }
        queues[Int(index)].failures = 0
        queues[Int(index)].window = min(window + 1 / max(1, window), Double(max(1, options.connectionsPerDestination)))
        refreshRing(index)
    }

    /// The destination could not be reached, or broke a connection off: fewer connections, and none at all for a while when
    /// it has not accepted any since the last failure.
    ///
    /// - Parameter addresses: what was tried; when one of them connects to us the destination is tried again at once.
    /// - Returns: until when nothing is tried; `nil` when others of its connections go on.
    @discardableResult
    public mutating func failed(
        _ destination: DestinationID,
        addresses: [IPAddress] = [],
        now: Timestamp
    ) -> Timestamp? {
        guard let index = queueIndex(destination) else { return nil }
        remember(addresses, of: index)
        queues[Int(index)].window /= 2
        guard !queues[Int(index)].isEstablished || queues[Int(index)].window < 1 else {
            refreshRing(index)
            return nil
        }
        // Several connections that were under way together and fail together are one failure.
        if queues[Int(index)].isDead, let until = queues[Int(index)].blockedUntil, until > now { return until }
        queues[Int(index)].isEstablished = isInternal(queues[Int(index)].destination)
        queues[Int(index)].window = 1
        queues[Int(index)].failures += 1
        let delay = options.probes.delay(afterFailures: queues[Int(index)].failures, using: &generator)
        block(index, until: now + delay, dead: true)
        return now + delay
    }

    /// Some messages for the destination wait for a host with one of these addresses to be ready for them.
    public mutating func remember(_ addresses: [IPAddress], for destination: DestinationID) {
        guard let index = queueIndex(destination) else { return }
        remember(addresses, of: index)
    }

    /// A host connected to us: what waits for it is tried at once, though not more often than `intervalOfEarlyAttempts`.
    ///
    /// - Returns: how many destinations are tried.
    @discardableResult
    public mutating func hostAppeared(at address: IPAddress, named name: Domain? = nil, now: Timestamp) -> Int {
        var candidates = queuesByAddress[address] ?? []
        if let name, let index = queueIndexes[.domain(name)], !candidates.contains(index) { candidates.append(index) }
        var tried = 0
        for index in candidates {
            let queue = queues[Int(index)]
            guard now - queue.lastEarlyAttempt >= options.intervalOfEarlyAttempts else { continue }
            guard queue.isDead && queue.blockedUntil != nil || queue.deferred.count > 0 else { continue }
            queues[Int(index)].lastEarlyAttempt = now
            wake(index, now: now)
            tried += 1
        }
        return tried
    }

    /// A delay of another schedule than that of attempts, from the same source of chance.
    public mutating func delay(_ schedule: RetrySchedule, afterFailures failures: Int) -> Duration {
        schedule.delay(afterFailures: failures, using: &generator)
    }

    /// Makes everything that waits for a destination ready, but for what is held.
    mutating func wake(_ index: Int32, now: Timestamp) {
        if queues[Int(index)].blockedUntil != nil { unblock(index) }
        var slot = queues[Int(index)].deferred.first
        while slot >= 0 {
            let next = entries[Int(slot)].next
            defer { slot = next }
            // What its sender scheduled is not tried earlier: RFC 4865 section 4.
            if entries[Int(slot)].isScheduled { continue }
            entries[Int(slot)].due = min(entries[Int(slot)].due, now.microseconds)
            entries[Int(slot)].flags.remove(.waitsForDue)
            unlink(slot)
            link(slot, .ready)
            setTimer(slot)
        }
        refreshRing(index)
    }
}
