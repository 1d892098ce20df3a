import Dispatch
import Foundation
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

    /// A message handed in, with its envelope encoded already: that needs not be done by the one thread that all wait for.
    struct Commit: Sendable {
        var envelope: Envelope
        var metadata: [UInt8]
        var content: Content
        /// What happens to another message in the same moment.
        var settling: SpoolProgress?
        var eventLoop: any EventLoop
        var then: @Sendable (Result<QueueID, SpoolError>) -> Void
    }

    enum Work: Sendable {
        case commit(Commit)
        case chunk(SpoolUpload, ByteBuffer)
        case abandonUpload(SpoolUpload)
        case abandon(UInt64)
        case progress([SpoolProgress], (@Sendable (Result<Void, SpoolError>) -> Void)?)
        case order(SpoolOrder, @Sendable (Result<Void, SpoolError>) -> Void)
        /// A file that was prepared, or `nil` when that failed.
        case spare(String?)
        case stop(@Sendable () -> Void)
    }

    /// A closure in a generic box of its own would be wrapped once more at each access.
    private struct Subscriber {
        var body: (@Sendable ([Committed]) -> Void)?
    }

    struct Inbox {
        var work: [Work] = []
        var isClosed = false
    }

    public let options: SpoolOptions
    /// What opening found.
    public let recoveryReport: RecoveryReport
    let index: SharedIndex
    let reader: SpoolReader
    let recent: RecentContent
    private let clock: WallClock
    private let inbox = Mutex(Inbox())
    private let bell = DispatchSemaphore(value: 0)
    private let room: Atomic<Bool>
    private let backlog = Atomic<Int>(0)
    private let subscriber = Mutex(Subscriber())
    private let lock: FolderLock?

    /// Opens the spool in a folder, making it where it is not there, and recovers what a crash left.
    ///
    /// - Throws: `SpoolError`: `.locked` when another server has it, `.newerFormat` when it is of a newer program, `.disk` or
    ///   `.full` when nothing can be written.
    public static func open(folder: String, options: SpoolOptions = SpoolOptions(), clock: WallClock) throws -> Spool {
        try FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        let lock = try FolderLock(folder)
        return try Spool(files: SystemFiles(folder: folder), options: options, clock: clock, lock: lock)
    }

    package convenience init(files: any SpoolFiles, options: SpoolOptions, clock: WallClock) throws(SpoolError) {
        try self.init(files: files, options: options, clock: clock, lock: nil)
    }

    private init(
        files: any SpoolFiles,
        options: SpoolOptions,
        clock: WallClock,
        lock: FolderLock?
    ) throws(SpoolError) {
        let index = SharedIndex()
        let log = try SpoolLog(files: files, options: options, random: SystemRandomNumberGenerator(), index: index)
        log.changesAreApplied = true
        self.options = options
        self.index = index
        self.reader = log.reader
        self.recoveryReport = log.report
        self.recent = RecentContent(capacity: options.recentContent.bytes)
        self.clock = clock
        self.room = Atomic(log.hasRoom())
        self.lock = lock
        SpoolWriter.start(spool: self, files: files, log: log)
    }

    // MARK: Messages in

    /// Whether new messages are taken: false when the disk or a bound is full. Cheap.
    public var accepts: Bool { room.load(ordering: .relaxed) }

    /// Commits a message. `then` is called on `eventLoop` when it is on stable storage, with its queue id, or when it
    /// could not be stored, and then nothing of it counts.
    ///
    /// - Parameter settling: what becomes of the message that this one was made from. Both are in one write: after a crash both hold, or
    ///   neither, and when the commit fails, neither does.
    public func commit(
        _ envelope: Envelope,
        _ content: Content,
        settling: SpoolProgress? = nil,
        on eventLoop: any EventLoop,
        then: @escaping @Sendable (Result<QueueID, SpoolError>) -> Void
    ) {
        guard accepts else {
            if case .upload(let upload) = content { upload.abandon() }
            eventLoop.execute { then(.failure(SpoolError(.full))) }
            return
        }
        if case .upload(let upload) = content, let rest = upload.finish() {
            addToBacklog(rest.readableBytes)
            hand(.chunk(upload, rest))
        }
        let commit = Commit(
            envelope: envelope,
            metadata: EnvelopeHead.encode(envelope),
            content: content,
            settling: settling,
            eventLoop: eventLoop,
            then: then
        )
        if !hand(.commit(commit)) { eventLoop.execute { then(.failure(SpoolError(.closed))) } }
    }

    /// Begins a message that is too large for memory.
    public func upload(on eventLoop: any EventLoop) -> SpoolUpload {
        SpoolUpload(spool: self, eventLoop: eventLoop)
    }

    /// Who is told of each message after it is durable. One call a batch, on the writer's thread: it must not wait.
    public func subscribe(_ body: @escaping @Sendable ([Committed]) -> Void) {
        subscriber.withLock { $0.body = body }
    }

    /// Ends writing, after all that was handed in before, and lets go of the folder. What comes later is refused.
    public func close() async {
        await withCheckedContinuation { continuation in
            if !hand(.stop { continuation.resume() }) { continuation.resume() }
        }
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
        _ = bell.wait(timeout: waiting == .never ? .distantFuture : .now() + waiting)
        return inbox.withLock { inbox in
            var work: [Work] = []
            work.reserveCapacity(64)
            swap(&work, &inbox.work)
            return work
        }
    }

    /// Octets of uploads on their way to the disk; returns how many that are now.
    @discardableResult
    func addToBacklog(_ octets: Int) -> Int { backlog.add(octets, ordering: .relaxed).newValue }

    func unlock() { lock?.release() }

    func announce(_ messages: [Committed]) {
        guard let body = subscriber.withLock({ $0.body }) else { return }
        body(messages)
    }

    func setRoom(_ value: Bool) { room.store(value, ordering: .relaxed) }

    func now() -> Timestamp { clock.now() }
}
