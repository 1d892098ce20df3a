import MailBytes
import MailEvents

/// What is held until its destination's host comes for it.
extension DeliveryScheduler {
    /// What is held for a destination and that reason, in the order it came.
    public func held(for destination: Destination, because reason: HoldReason) -> [EntryID] {
        guard let index = queueIndexes[destination] else { return [] }
        var found: [EntryID] = []
        var slot = queues[Int(index)].held.first
        while slot >= 0 {
            if entries[Int(slot)].holdReason == reason { found.append(id(slot)) }
            slot = entries[Int(slot)].next
        }
        return found
    }

    /// Takes one that is held, to be ended as what `take(from:isFirst:now:)` gives. One that is tried again later is held
    /// again until then.
    public mutating func takeHeld(_ entry: EntryID) -> TakenEntry? {
        guard let slot = slot(entry), entries[Int(slot)].state == .held else { return nil }
        unlink(slot)
        setTimer(slot)
        let taken = entries[Int(slot)]
        return TakenEntry(
            id: entry,
            message: taken.message,
            attempts: Int(taken.attempts),
            expires: Timestamp(microseconds: taken.expires)
        )
    }
}
