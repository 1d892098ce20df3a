import Dispatch
import Foundation
import Glibc
import MailBytes
import MailEvents
import MailNames
import NIOCore
import Synchronization

/// The durable store of what waits to be delivered.
///
/// One thread writes. It takes all that sessions have handed in since the last time, writes it in one piece, syncs once,
/// and then tells them all: that sharing makes durability cheap. What is promised is in Guarantees.md.
public final class Spool: Sendable {
    /// A message just committed.
    public struct Committed: Sendable {
        public let id: QueueID
        public let envelope: Envelope
        public let size: Int
    }

    /// The content of a message on its way in.
    public enum Content: Sendable {
        /// All of it, in one or more pieces that follow each other.
        case buffers([ByteBuffer])
        case upload(SpoolUpload)
    }

    enum Work: Sendable {
        case commit(Envelope, Content, any EventLoop, @Sendable (Result<QueueID, SpoolError>) -> Void)
        case chunk(SpoolUpload, ByteBuffer)
        case abandon(SpoolUpload)
        case progress([SpoolProgress], (@Sendable (Result<Void, SpoolError>) -> Void)?)
        case stop(@Sendable () -> Void)
    }

    struct Inbox {
        var work: [Work] = []
        var isClosed = false
    }

    public let options: SpoolOptions
    /// What opening found.
    public let recoveryReport: RecoveryReport
    let index = SharedIndex()
    let recent: RecentContent
    private let clock: WallClock
    private let inbox = Mutex(Inbox())
    private let bell = DispatchSemaphore(value: 0)
    private let room = Atomic<Bool>(true)
    private let subscriber = Mutex<(@Sendable ([Committed]) -> Void)?>(nil)
    private let lock: CInt

    /// Opens the spool in a folder, making it where it is not there, and recovers what a crash left.
    ///
    /// - Throws: `SpoolError`: `.locked` when another server has it, `.newerFormat` when it is of a newer program.
    public static func open(folder: String, options: SpoolOptions = SpoolOptions(), clock: WallClock) throws -> Spool {
        try FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        let lock = Glibc.open(folder + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw SpoolError(.disk, path: folder, number: errno) }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            Glibc.close(lock)
            throw SpoolError(.locked, path: folder)
        }
        return try Spool(files: SystemFiles(folder: folder), options: options, clock: clock, lock: lock)
    }

    init(files: any SpoolFiles, options: SpoolOptions, clock: WallClock, lock: CInt) throws {
        self.options = options
        self.clock = clock
        self.lock = lock
        self.recent = RecentContent(capacity: options.recentContent.bytes)
        let recovered = try Recovery.run(files: files, index: index, options: options)
        self.recoveryReport = recovered.report
        let writer = SpoolWriter(spool: self, files: files, recovered: recovered)
        let log = try writer.makeLog()
        let thread = Thread { writer.run(log.log) }
        thread.name = "spool"
        thread.stackSize = 1 << 20
        thread.start()
    }

    deinit { if lock >= 0 { Glibc.close(lock) } }

    // MARK: Messages in

    /// Whether new messages are taken: false when the disk or a bound is full. Cheap.
    public var accepts: Bool { room.load(ordering: .relaxed) }

    /// Commits a message. `then` is called on `eventLoop` when it is on stable storage, with its queue id, or when it
    /// could not be stored, and then nothing of it counts.
    public func commit(
        _ envelope: Envelope,
        _ content: Content,
        on eventLoop: any EventLoop,
        then: @escaping @Sendable (Result<QueueID, SpoolError>) -> Void
    ) {
        guard accepts else {
            if case .upload(let upload) = content { upload.abandon() }
            then(.failure(SpoolError(.full)))
            return
        }
        if !hand(.commit(envelope, content, eventLoop, then)) { then(.failure(SpoolError(.closed))) }
    }

    /// Begins a message that is too large for memory.
    public func upload(on eventLoop: any EventLoop) -> SpoolUpload {
        SpoolUpload(spool: self, eventLoop: eventLoop)
    }

    /// Who is told of each message after it is durable. One call a batch, on the writer's thread: it must not wait.
    public func subscribe(_ body: @escaping @Sendable ([Committed]) -> Void) {
        subscriber.withLock { $0 = body }
    }

    /// Ends writing, after all that was handed in before.
    public func close() async {
        await withCheckedContinuation { continuation in
            if !hand(.stop { continuation.resume() }) { continuation.resume() }
        }
        // Another server may have the folder from now on.
        if lock >= 0 { flock(lock, LOCK_UN) }
    }

    // MARK: For the writer

    /// - Returns: false when the spool is closed.
    @discardableResult
    func hand(_ work: Work) -> Bool {
        let (wasEmpty, isOpen) = inbox.withLock { inbox in
            guard !inbox.isClosed else { return (false, false) }
            inbox.work.append(work)
            if case .stop = work { inbox.isClosed = true }
            return (inbox.work.count == 1, true)
        }
        if wasEmpty { bell.signal() }
        return isOpen
    }

    /// Waits for work and takes all of it; empty after a while without any.
    func take(waiting: DispatchTimeInterval) -> [Work] {
        _ = bell.wait(timeout: .now() + waiting)
        return inbox.withLock { inbox in
            var work: [Work] = []
            work.reserveCapacity(64)
            swap(&work, &inbox.work)
            return work
        }
    }

    func announce(_ messages: [Committed]) {
        guard let body = subscriber.withLock({ $0 }) else { return }
        body(messages)
    }

    func setRoom(_ value: Bool) { room.store(value, ordering: .relaxed) }

    func now() -> Timestamp { clock.now() }
}
