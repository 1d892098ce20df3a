import NIOCore
import Synchronization

/// The content of a large message on its way in: pieces go to the disk as they arrive, and memory holds little of it.
///
/// Used from one event loop. It ends by being committed, or by `abandon()`, which frees its space.
public final class SpoolUpload: Sendable {
    private struct State {
        var id: UInt64?
        var chunks: [RecordLocation] = []
        var failure: SpoolError?
        var backlog = 0
        var size = 0
        var resume: (@Sendable () -> Void)?
    }

    private let spool: Spool
    private let eventLoop: any EventLoop
    private let state = Mutex(State())

    init(spool: Spool, eventLoop: any EventLoop) {
        self.spool = spool
        self.eventLoop = eventLoop
    }

    /// Octets handed in so far.
    public var size: Int { state.withLock { $0.size } }

    /// Hands in the next piece.
    ///
    /// - Parameter resume: called on the event loop once the disk has caught up, when the answer was false.
    /// - Returns: whether more may come at once; false asks to stop reading until `resume`.
    public func append(_ buffer: ByteBuffer, resume: @escaping @Sendable () -> Void) -> Bool {
        let mayGoOn = state.withLock { state in
            state.size += buffer.readableBytes
            state.backlog += buffer.readableBytes
            guard state.backlog > spool.options.uploadBacklog.bytes / 4 else { return true }
            state.resume = resume
            return false
        }
        spool.hand(.chunk(self, buffer))
        return mayGoOn
    }

    /// Gives the content up.
    public func abandon() { spool.hand(.abandon(self)) }

    // MARK: For the writer

    var chunks: [RecordLocation] { state.withLock { $0.chunks } }
    var failure: SpoolError? { state.withLock { $0.failure } }

    func identifier(_ make: () -> UInt64) -> UInt64 {
        if let id = state.withLock({ $0.id }) { return id }
        let id = make()
        state.withLock { $0.id = id }
        return id
    }

    /// The chunk's segment is kept until the upload is committed or given up.
    func add(_ location: RecordLocation, in index: SharedIndex) {
        state.withLock { $0.chunks.append(location) }
        index.with { $0.segments[location.segment]?.pendingUploads += 1 }
    }

    func release(in index: SharedIndex) {
        let chunks = state.withLock { state in
            defer { state.chunks = [] }
            return state.chunks
        }
        index.with { index in
            for chunk in chunks { index.segments[chunk.segment]?.pendingUploads -= 1 }
        }
    }

    func fail(_ error: SpoolError) { state.withLock { $0.failure = error } }

    func written(_ octets: Int) {
        let resume = state.withLock { state -> (@Sendable () -> Void)? in
            state.backlog -= octets
            guard state.backlog <= spool.options.uploadBacklog.bytes / 8 else { return nil }
            defer { state.resume = nil }
            return state.resume
        }
        if let resume { eventLoop.execute { resume() } }
    }
}
