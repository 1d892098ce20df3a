import NIOCore
import Synchronization

/// The content of a large message on its way in: pieces go to the disk as they arrive, and memory holds little of it.
///
/// Used from one event loop at a time. It ends by being committed, or by `abandon()`, or when nobody holds it any more; the last two free
/// its space.
public final class SpoolUpload: Sendable {
    /// Small pieces are gathered up to this, for each becomes a record of its own.
    private static let piece = 128 << 10

    private struct State {
        /// The queue id, once the writer has given it.
        var id: UInt64?
        var gathered = ByteBuffer()
        var failure: SpoolError?
        var backlog = 0
        var size = 0
        var resume: (@Sendable () -> Void)?
        var isOver = false
        var eventLoop: any EventLoop
    }

    private let spool: Spool
    private let state: Mutex<State>

    init(spool: Spool, eventLoop: any EventLoop) {
        self.spool = spool
        self.state = Mutex(State(eventLoop: eventLoop))
    }

    deinit {
        let id = state.withLock { $0.isOver ? nil : $0.id }
        if let id { spool.hand(.abandon(id)) }
    }

    /// Octets handed in so far.
    public var size: Int { state.withLock { $0.size } }

    /// Hands in the next piece.
    ///
    /// - Parameter resume: called on the event loop once the disk has caught up, when the answer was false.
    /// - Returns: whether more may come at once; false asks to stop reading until `resume`.
    public func append(_ buffer: ByteBuffer, resume: @escaping @Sendable () -> Void) -> Bool {
        let piece = state.withLock { state -> ByteBuffer? in
            guard !state.isOver, state.failure == nil else { return nil }
            state.size += buffer.readableBytes
            if state.gathered.readableBytes == 0 && buffer.readableBytes >= Self.piece { return buffer }
            state.gathered.writeImmutableBuffer(buffer)
            guard state.gathered.readableBytes >= Self.piece else { return nil }
            return Self.takeGathered(&state)
        }
        guard let piece else { return true }
        let octets = piece.readableBytes
        let total = spool.addToBacklog(octets)
        let mayGoOn = state.withLock { state in
            state.backlog += octets
            let limit = spool.options.uploadBacklog.bytes
            guard state.backlog > limit / 8 || total > limit else { return true }
            state.resume = resume
            return false
        }
        if !spool.hand(.chunk(self, piece)) {
            fail(SpoolError(.closed))
            written(octets)
        }
        return mayGoOn
    }

    /// From now on it is used from another loop. Who waits for `resume` is not told any more.
    public func move(to eventLoop: any EventLoop) {
        state.withLock {
            $0.eventLoop = eventLoop
            $0.resume = nil
        }
    }

    private static func takeGathered(_ state: inout State) -> ByteBuffer {
        let gathered = state.gathered
        state.gathered = ByteBuffer()
        return gathered
    }

    /// Gives the content up. Nothing happens when it was committed.
    public func abandon() {
        let wasOver = state.withLock { state in
            defer { state.isOver = true }
            return state.isOver
        }
        // Behind the chunks that are still under way.
        if !wasOver { spool.hand(.abandonUpload(self)) }
    }

    // MARK: For the spool

    /// The rest of the content, when the upload is committed.
    func finish() -> ByteBuffer? {
        state.withLock { state in
            state.isOver = true
            return state.gathered.readableBytes > 0 ? Self.takeGathered(&state) : nil
        }
    }

    /// The queue id, once there is one.
    var id: UInt64? { state.withLock { $0.id } }
    var failure: SpoolError? { state.withLock { $0.failure } }

    func identifier(_ make: () -> UInt64) -> UInt64 {
        if let id = state.withLock({ $0.id }) { return id }
        let id = make()
        state.withLock { $0.id = id }
        return id
    }

    func fail(_ error: SpoolError) { state.withLock { $0.failure = $0.failure ?? error } }

    func written(_ octets: Int) {
        spool.addToBacklog(-octets)
        let waiting = state.withLock { state -> (resume: @Sendable () -> Void, eventLoop: any EventLoop)? in
            state.backlog -= octets
            guard state.backlog <= spool.options.uploadBacklog.bytes / 16, let resume = state.resume else { return nil }
            state.resume = nil
            return (resume, state.eventLoop)
        }
        if let waiting { waiting.eventLoop.execute { waiting.resume() } }
    }
}
