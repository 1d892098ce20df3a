import MailBytes
import MailEvents

/// What operators order of a message, or of all of them: that is one pass over the table, in the order in which it lies in memory.
extension DeliveryScheduler {
    /// All messages, in no order. 8 octets each: fit for a million.
    public var allMessages: [QueueID] { Array(messages.keys) }

    /// Entries that are being tried.
    public var inFlight: Int { queues.reduce(0) { $0 + ($1.isFree ? 0 : $1.inFlight) } }

    /// Keeps a message from being tried; what is being tried now is held when that fails.
    public mutating func hold(_ message: QueueID, because reason: HoldReason = .byOperator, now: Timestamp) {
        forEachEntry(of: message) { $0.hold($1, because: reason, now: now) }
    }

    /// Keeps everything from being tried.
    public mutating func holdEverything(now: Timestamp) {
        forEveryEntry { $0.hold($1, because: .byOperator, now: now) }
    }

    private mutating func hold(_ slot: Int32, because reason: HoldReason, now: Timestamp) {
        let index = Int(slot)
        if entries[index].state == .inFlight {
            if reason == .byOperator { entries[index].wish = .hold } else { entries[index].holdReason = reason }
            return
        }
        let held = entries[index].holdReason
        // The operator's word stands above what the configuration holds mail for, and outlives it.
        guard held == nil || reason == .byOperator && (held == .onDemand || held == .byConfiguration) else { return }
        entries[index].holdReason = reason
        // Held for another reason, it stays where it is.
        if held == nil { place(slot, now: now) }
    }

    /// Lets a message go that is held, or that its sender scheduled for later: it is tried at once.
    public mutating func release(_ message: QueueID, now: Timestamp) {
        forEachEntry(of: message) { $0.release($1, now: now) }
    }

    /// Lets everything go that is held or scheduled.
    public mutating func releaseEverything(now: Timestamp) {
        forEveryEntry { $0.release($1, now: now) }
    }

    private mutating func release(_ slot: Int32, now: Timestamp) {
        let index = Int(slot)
        if entries[index].wish == .hold { entries[index].wish = .none }
        let isHeld = entries[index].state == .held
        guard isHeld || entries[index].isScheduled && entries[index].state == .deferred else { return }
        entries[index].holdReason = nil
        entries[index].due = now.microseconds
        place(slot, now: now)
    }

    /// Tries a message at once, with the destinations it waits for.
    public mutating func flush(_ message: QueueID, now: Timestamp) {
        forEachEntry(of: message) { $0.flush($1, now: now) }
    }

    private mutating func flush(_ slot: Int32, now: Timestamp) {
        let index = Int(slot)
        let queue = entries[index].destination
        switch entries[index].state {
        case .held: return
        case .deferred where entries[index].isScheduled: return
        case .inFlight: entries[index].wish = .flush
        case .ready, .deferred:
            entries[index].due = min(entries[index].due, now.microseconds)
            place(slot, now: now)
        }
        if queues[Int(queue)].blockedUntil != nil { unblock(queue) }
        refreshRing(queue)
    }

    /// A message has another next hop: it is tried at once, also where its own was the reason to hold it. What the operator holds, and
    /// what cannot be read, stays held.
    public mutating func rerouted(_ message: QueueID, now: Timestamp) {
        forEachEntry(of: message) { $0.rerouted($1, now: now) }
    }

    /// All messages have another next hop.
    public mutating func everythingWasRerouted(now: Timestamp) {
        forEveryEntry { $0.rerouted($1, now: now) }
    }

    private mutating func rerouted(_ slot: Int32, now: Timestamp) {
        let reason = entries[Int(slot)].holdReason
        guard reason != .byOperator && reason != .damaged && entries[Int(slot)].wish != .hold else { return }
        release(slot, now: now)
        flush(slot, now: now)
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

    /// Takes everything out that waits; what is being tried stays until it is completed.
    ///
    /// - Returns: the messages of which something is being tried.
    @discardableResult
    public mutating func removeEverythingWaiting() -> [QueueID] {
        var kept: [Int32] = []
        for index in entries.indices where !entries[index].isFree {
            if entries[index].state == .inFlight {
                kept.append(Int32(index))
            } else {
                entries[index].flags.insert(.free)
                freeEntries.append(Int32(index))
            }
        }
        // What is being tried has no moment, and is in no chain of its destination.
        timers = TimerHeap()
        messages = [:]
        for slot in kept {
            let message = entries[Int(slot)].message
            let first = messages[message] ?? -1
            (entries[Int(slot)].previousSibling, entries[Int(slot)].nextSibling) = (-1, first)
            if first >= 0 { entries[Int(first)].previousSibling = slot }
            messages[message] = slot
        }
        for index in queues.indices where !queues[index].isFree {
            queues[index].ready = ReadyLists()
            (queues[index].deferred, queues[index].held) = (EntryList(), EntryList())
            releaseIfUnused(Int32(index))
        }
        return Array(messages.keys)
    }

    private mutating func forEachEntry(of message: QueueID, _ body: (inout DeliveryScheduler, Int32) -> Void) {
        var slot = messages[message] ?? -1
        while slot >= 0 {
            let next = entries[Int(slot)].nextSibling
            body(&self, slot)
            slot = next
        }
    }

    private mutating func forEveryEntry(_ body: (inout DeliveryScheduler, Int32) -> Void) {
        for slot in entries.indices where !entries[slot].isFree { body(&self, Int32(slot)) }
    }
}
