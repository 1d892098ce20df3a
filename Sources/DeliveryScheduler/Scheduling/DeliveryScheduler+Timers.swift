import MailBytes
import MailEvents

/// What happens to an entry by itself.
public enum DueEvent: Hashable, Sendable {
    /// The message's time is over. The entry counts as taken; the answer is `complete`.
    case expired(EntryID, message: QueueID)
    /// The message has waited long enough that its sender wants to know; told once an entry.
    case delayed(EntryID, message: QueueID)
}

extension DeliveryScheduler {
    /// The next moment at which `poll` has something to do; `nil` when there is none.
    public var nextWake: Timestamp? {
        switch (timers.first?.time, queueTimers.first?.time) {
        case (nil, nil): nil
        case (let time?, nil), (nil, let time?): Timestamp(microseconds: time)
        case (let entry?, let queue?): Timestamp(microseconds: min(entry, queue))
        }
    }

    /// Lets happen what is due: attempts whose time has come become ready, blocks end, expiry and delays are told.
    ///
    /// - Parameter limit: steps at most; when it is reached, `nextWake` is not later than `now`.
    public mutating func poll(now: Timestamp, limit: Int = 1000) -> [DueEvent] {
        while let (time, index) = queueTimers.first, time <= now.microseconds {
            unblock(index)
            refreshRing(index)
        }
        var events: [DueEvent] = []
        var steps = 0
        while steps < limit, let (time, slot) = timers.first, time <= now.microseconds {
            steps += 1
            let entry = entries[Int(slot)]
            if entry.expires <= now.microseconds && !(entry.waitsForDue && entry.due > now.microseconds) {
                unlink(slot)
                timers.remove(slot)
                refreshRing(entry.destination)
                events.append(.expired(id(slot), message: entry.message))
                continue
            }
            if entry.warns <= now.microseconds {
                entries[Int(slot)].warns = .max
                events.append(.delayed(id(slot), message: entry.message))
            }
            if entry.state == .deferred && entry.due <= now.microseconds {
                unlink(slot)
                entries[Int(slot)].isUntimed()
                link(slot, .ready)
                refreshRing(entry.destination)
            }
            setTimer(slot)
        }
        return events
    }
}
