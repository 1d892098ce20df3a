import Synchronization

/// Keeps everything in memory: for tests.
public final class CollectingTraceRecorder: TraceRecorder {
    private let kept = Mutex<[TraceEntry]>([])

    public init() {}

    public func record(_ entry: TraceEntry) {
        kept.withLock { $0.append(entry) }
    }

    /// What was recorded so far.
    public var entries: [TraceEntry] { kept.withLock { $0 } }
}
