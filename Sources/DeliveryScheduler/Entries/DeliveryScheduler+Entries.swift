import MailBytes
import MailEvents

/// The table of entries: slots, chains and timers.
extension DeliveryScheduler {
    func id(_ slot: Int32) -> EntryID {
        EntryID(slot: slot, generation: entries[Int(slot)].generation)
    }

    /// The slot of an entry that is still here.
    func slot(_ id: EntryID) -> Int32? {
        guard id.slot >= 0, Int(id.slot) < entries.count else { return nil }
        let isHere = !entries[Int(id.slot)].isFree && entries[Int(id.slot)].generation == id.generation
        return isHere ? id.slot : nil
    }

    mutating func allocate(_ entry: Entry) -> Int32 {
        if let slot = freeEntries.popLast() {
            let generation = entries[Int(slot)].generation &+ 1
            entries[Int(slot)] = entry
            entries[Int(slot)].generation = generation
            return slot
        }
        entries.append(entry)
        return Int32(entries.count - 1)
    }

    /// The entry of a message that waits in a queue.
    func waitingEntry(of message: QueueID, in queue: Int32) -> Int32? {
        var slot = messages[message] ?? -1
        while slot >= 0 {
            if entries[Int(slot)].destination == queue && entries[Int(slot)].state != .inFlight { return slot }
            slot = entries[Int(slot)].nextSibling
        }
        return nil
    }

    /// Puts an entry where its moments and wishes say.
    mutating func place(_ slot: Int32, now: Timestamp) {
        unlink(slot)
        let index = Int(slot)
        switch entries[index].wish {
        case .none: break
        case .hold: entries[index].holdReason = entries[index].holdReason ?? .byOperator
        case .flush: entries[index].due = now.microseconds
        }
        entries[index].wish = .none
        if entries[index].due <= now.microseconds { entries[index].isUntimed() }
        let state: EntryState =
            entries[index].holdReason != nil ? .held : entries[index].due <= now.microseconds ? .ready : .deferred
        link(slot, state)
        setTimer(slot)
        refresh(entries[index].destination, now: now)
    }

    /// The next moment at which something is to happen to an entry by itself.
    mutating func setTimer(_ slot: Int32) {
        let entry = entries[Int(slot)]
        let wake: Int64
        switch entry.state {
        case .inFlight: wake = .max
        case .held where entry.holdReason == .caught || entry.holdReason == .damaged: wake = .max
        case .deferred where entry.waitsForDue: wake = entry.due
        case .ready, .held: wake = min(entry.expires, entry.warns)
        case .deferred: wake = min(entry.due, entry.expires, entry.warns)
        }
        if wake == .max { timers.remove(slot) } else { timers.set(slot, to: wake) }
    }

    /// Takes an entry out of its chain; it counts as in flight then.
    mutating func unlink(_ slot: Int32) {
        let (previous, next) = (entries[Int(slot)].previous, entries[Int(slot)].next)
        let queue = Int(entries[Int(slot)].destination)
        let state = entries[Int(slot)].state
        guard state != .inFlight else { return }
        if previous >= 0 { entries[Int(previous)].next = next }
        if next >= 0 { entries[Int(next)].previous = previous }
        withList(queue, state, entries[Int(slot)].priority) { list in
            if previous < 0 { list.first = next }
            if next < 0 { list.last = previous }
            list.count -= 1
        }
        entries[Int(slot)].previous = -1
        entries[Int(slot)].next = -1
        entries[Int(slot)].state = .inFlight
        queues[queue].inFlight += 1
    }

    /// Appends an entry that is in no chain to one.
    mutating func link(_ slot: Int32, _ state: EntryState) {
        let queue = Int(entries[Int(slot)].destination)
        entries[Int(slot)].state = state
        queues[queue].inFlight -= 1
        var last: Int32 = -1
        withList(queue, state, entries[Int(slot)].priority) { list in
            last = list.last
            if last < 0 { list.first = slot }
            list.last = slot
            list.count += 1
        }
        entries[Int(slot)].previous = last
        if last >= 0 { entries[Int(last)].next = slot }
    }

    private mutating func withList(
        _ queue: Int,
        _ state: EntryState,
        _ priority: PriorityClass,
        _ body: (inout EntryList) -> Void
    ) {
        switch state {
        case .ready: queues[queue].ready.change(priority, body)
        case .deferred: body(&queues[queue].deferred)
        case .held: body(&queues[queue].held)
        case .inFlight: break
        }
    }

    mutating func remove(_ slot: Int32) {
        unlink(slot)
        timers.remove(slot)
        let entry = entries[Int(slot)]
        if entry.nextSibling >= 0 { entries[Int(entry.nextSibling)].previousSibling = entry.previousSibling }
        if entry.previousSibling >= 0 {
            entries[Int(entry.previousSibling)].nextSibling = entry.nextSibling
        } else if entry.nextSibling >= 0 {
            messages[entry.message] = entry.nextSibling
        } else {
            messages[entry.message] = nil
        }
        entries[Int(slot)].flags.insert(.free)
        freeEntries.append(slot)
        queues[Int(entry.destination)].inFlight -= 1
        releaseIfUnused(entry.destination)
    }
}
