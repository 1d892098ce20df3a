import Synchronization

/// What the spool knows in memory: the live messages, the segments, and how much of each segment is still needed.
///
/// The writer changes it after each sync; readers look things up from any thread.
struct SpoolIndex: Sendable {
    var entries: [UInt64: MessageEntry] = [:]
    /// By sequence number; the largest is the one being written.
    var segments: [UInt64: Segment] = [:]

    var liveBytes: Int { segments.values.reduce(0) { $0 + $1.liveBytes } }

    mutating func insert(_ id: UInt64, _ entry: MessageEntry) {
        if let old = entries[id] { release(old) }
        entries[id] = entry
        segments[entry.location.segment]?.liveBytes += entry.location.length
        for chunk in entry.chunks ?? [] { segments[chunk.segment]?.liveBytes += chunk.length }
    }

    mutating func remove(_ id: UInt64) {
        guard let entry = entries.removeValue(forKey: id) else { return }
        release(entry)
    }

    private func release(_ entry: MessageEntry) {
        segments[entry.location.segment]?.liveBytes -= entry.location.length
        for chunk in entry.chunks ?? [] { segments[chunk.segment]?.liveBytes -= chunk.length }
    }

    /// Applies changes of recipients' states. A message whose recipients are all finished stays until it is removed.
    mutating func apply(_ progress: [(UInt32, RecipientState)], to id: UInt64) {
        guard var entry = entries[id] else { return }
        var states = entry.progress ?? [:]
        for (recipient, state) in progress {
            // Larger numbers stand for addresses that a recipient's alias led to; they are kept and do not count.
            guard recipient < entry.recipients else {
                if recipient >= SpoolProgress.firstExpandedAddress { states[recipient] = state }
                continue
            }
            let wasFinished = states[recipient] == .finished
            if state == .finished && !wasFinished && entry.remaining > 0 { entry.remaining -= 1 }
            if state != .finished && wasFinished { entry.remaining += 1 }
            states[recipient] = state
        }
        entry.progress = states
        entries[id] = entry
    }

    mutating func apply(isHeld: Bool, route: String?, to id: UInt64) {
        entries[id]?.isHeld = isHeld
        entries[id]?.route = route
    }
}

/// The index with its lock.
final class SharedIndex: Sendable {
    private let index = Mutex(SpoolIndex())

    func with<Result: Sendable>(_ body: (inout SpoolIndex) -> Result) -> Result {
        index.withLock { body(&$0) }
    }
}
