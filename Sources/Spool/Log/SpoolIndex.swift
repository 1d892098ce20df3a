import Synchronization

/// What the spool knows in memory: the live messages, the segments, and how much of each segment is still needed.
///
/// The writer changes it after each write; readers look things up from any thread.
struct SpoolIndex: Sendable {
    var entries: [UInt64: MessageEntry] = [:]
    /// By sequence number; the largest is the one being written.
    var segments: [UInt64: Segment] = [:]

    var liveBytes: Int { segments.values.reduce(0) { $0 + $1.liveBytes } }

    /// Takes in a message, or the new place of one that is there: what is known of its recipients stays.
    mutating func insert(_ id: UInt64, _ entry: MessageEntry) {
        retain(entry)
        if let old = entries[id] {
            release(old)
            entries[id]?.move(to: entry.location, chunks: entry.chunks)
        } else {
            entries[id] = entry
        }
    }

    mutating func remove(_ id: UInt64) {
        guard let entry = entries.removeValue(forKey: id) else { return }
        release(entry)
    }

    private func retain(_ entry: MessageEntry) {
        segments[entry.location.segment]?.liveBytes += entry.location.length
        for chunk in entry.chunks ?? [] { segments[chunk.segment]?.liveBytes += chunk.length }
    }

    private func release(_ entry: MessageEntry) {
        segments[entry.location.segment]?.liveBytes -= entry.location.length
        for chunk in entry.chunks ?? [] { segments[chunk.segment]?.liveBytes -= chunk.length }
    }

    /// Applies changes of recipients' states. A message whose recipients are all finished stays until it is removed.
    mutating func apply(_ progress: [(UInt32, RecipientState)], to id: UInt64) {
        guard let recipients = entries[id]?.recipients else { return }
        for (recipient, state) in progress
        where recipient < recipients || recipient >= SpoolProgress.firstExpandedAddress {
            entries[id]?.set(state, of: recipient)
        }
    }

    mutating func apply(isHeld: Bool, route: String?, to id: UInt64) {
        entries[id]?.isHeld = isHeld
        entries[id]?.route = route
    }

    /// Applies an operator's order to a message, if it is there.
    mutating func apply(_ change: SpoolOrder.Change, to id: UInt64) {
        switch change {
        case .hold: entries[id]?.isHeld = true
        case .release: entries[id]?.isHeld = false
        case .route(let route): entries[id]?.route = route
        case .done: remove(id)
        }
    }

    /// Chunks of an upload that is not committed yet keep their segments.
    ///
    /// - Parameter count: 1, or -1 when they are needed for that no more.
    func pin(_ chunks: [RecordLocation], by count: Int) {
        for chunk in chunks { segments[chunk.segment]?.pendingBytes += count * chunk.length }
    }
}

/// The index with its lock.
final class SharedIndex: Sendable {
    private let index = Mutex(SpoolIndex())

    func with<Result: Sendable>(_ body: (inout SpoolIndex) -> Result) -> Result {
        index.withLock { body(&$0) }
    }
}
