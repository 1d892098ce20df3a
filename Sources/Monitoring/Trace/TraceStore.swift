import Dispatch
import Foundation
import MailBytes
import MailEvents
import SQLDatabase
import Synchronization

/// Keeps the life of each message, and finds it again by queue id, Message-ID, address or domain.
///
/// Recording appends to memory and nothing else. A thread writes what came to a journal several times a second, which
/// survives the end of the process, and moves the journal into the database when mail leaves it time; a query catches up
/// first. An entry that reached the journal is in the database once, whenever the process ends.
public final class TraceStore: TraceRecorder {
    /// How long and how much is kept.
    public struct Options: Sendable, Hashable {
        /// Entries of this age are deleted.
        public var retention = Duration.seconds(30 * 86_400)
        /// Octets that wait to be written to the journal; what comes beyond is counted and left out.
        public var waiting = ByteCount.mebibytes(64)
        /// Octets of the journal that may wait for the database. Half of it may gather under load before indexing takes
        /// time from mail; what comes beyond all of it is counted and left out.
        public var journal = ByteCount.mebibytes(1024)

        public init() {}
    }

    /// What recording threads and the store's thread hand each other.
    private struct Desk {
        var bytes: [UInt8] = []
        /// An empty array with room, which takes the place of `bytes`.
        var spare: [UInt8] = []
        var leftOut = 0
        /// Queries that wait for the index.
        var waiters: [CheckedContinuation<Void, Never>] = []
        var isStopped = false
        var isEnded = false
    }

    /// Octets after which the thread is woken before its time.
    private static let large = 4 << 20
    /// Room that a buffer keeps while it is empty.
    private static let keptRoom = 2 << 20

    let database: SQLDatabase
    let options: Options
    let clock: WallClock
    private let desk = Mutex(Desk())
    private let bell = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)
    /// Used by the store's thread alone.
    private let journal: Mutex<TraceJournal>

    /// Opens the store in a folder, making it where it is not there.
    ///
    /// - Throws: `SQLDatabaseError`, or an error of the file system.
    public init(folder: String, options: Options = Options(), clock: WallClock) throws {
        try FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        self.options = options
        self.clock = clock
        self.database = try SQLDatabase.open(
            path: folder + "/trace.db",
            migrations: Self.migrations,
            durability: .processCrash
        )
        let indexed = try database.readBlocking(Self.indexed(in:))
        self.journal = Mutex(try TraceJournal(folder: folder, indexed: indexed))
        let thread = Thread { [self] in run() }
        thread.name = "trace"
        thread.stackSize = 1 << 20
        thread.start()
    }

    // MARK: Recording

    /// Records an entry: encodes it into memory. Never waits for a disk.
    public func record(_ entry: TraceEntry) {
        let isLarge = desk.withLock { desk in
            let before = desk.bytes.count
            guard before < options.waiting.bytes, !desk.isStopped else {
                desk.leftOut += 1
                return false
            }
            entry.encode(into: &desk.bytes)
            return before < Self.large && desk.bytes.count >= Self.large
        }
        if isLarge { bell.signal() }
    }

    /// Octets that were recorded and are in memory alone.
    var unwritten: Int { desk.withLock(\.bytes.count) }

    /// Entries, or failed writes of several, that were left out because the disk was too slow or full.
    public var leftOut: Int { desk.withLock(\.leftOut) }

    /// Returns once everything recorded before is in the database.
    func catchUp() async {
        await withCheckedContinuation { continuation in
            let isEnded = desk.withLock { desk in
                if !desk.isEnded { desk.waiters.append(continuation) }
                return desk.isEnded
            }
            if isEnded { continuation.resume() } else { bell.signal() }
        }
    }

    /// Indexes everything and ends. Entries that come later are left out, queries fail. Blocks the calling thread.
    public func close() {
        let isFirst = desk.withLock { desk in
            defer { desk.isStopped = true }
            return !desk.isStopped
        }
        guard isFirst else { return }
        bell.signal()
        ended.wait()
        // Fails only while a query still reads: its connection ends with it.
        try? database.close()
    }

    // MARK: The store's thread

    private func run() {
        var pace = TracePace(retention: options.retention, journal: options.journal)
        while true {
            _ = bell.wait(timeout: .now() + .milliseconds(100))
            // Taken before what was recorded is written: whoever waits finds all that came before the question.
            let (waiters, isStopped) = takeWaiters()
            let count = write()
            let waiting = journal.withLock { $0.waiting }
            if isStopped || !waiters.isEmpty {
                index(until: nil)
                for waiter in waiters { waiter.resume() }
            } else {
                let time = pace.indexing(arrived: count, waiting: waiting)
                if time > .zero && waiting > 0 { index(until: ContinuousClock.now + time) }
            }
            if isStopped { return end() }
            if let moment = pace.deletion(now: clock.now()) {
                let deleted = (try? deleteEntries(before: moment, limit: TracePace.deletions)) ?? 0
                pace.deleted(deleted, now: clock.now())
            }
        }
    }

    private func end() {
        let waiters = desk.withLock { desk in
            desk.isEnded = true
            defer { desk.waiters = [] }
            return desk.waiters
        }
        for waiter in waiters { waiter.resume() }
        ended.signal()
    }

    private func takeWaiters() -> (waiters: [CheckedContinuation<Void, Never>], isStopped: Bool) {
        desk.withLock { desk in
            defer { desk.waiters = [] }
            return (desk.waiters, desk.isStopped)
        }
    }

    /// Appends what was recorded to the journal, and says how many octets that were.
    @discardableResult
    private func write() -> Int {
        var bytes = desk.withLock { desk in
            var bytes: [UInt8] = []
            swap(&bytes, &desk.spare)
            swap(&bytes, &desk.bytes)
            return bytes
        }
        let count = bytes.count
        let isKept = journal.withLock { journal in
            journal.waiting < options.journal.bytes && journal.append(bytes)
        }
        let keptRoom = bytes.capacity <= Self.keptRoom
        bytes.removeAll(keepingCapacity: keptRoom)
        desk.withLock { desk in
            if !isKept && count > 0 { desk.leftOut += 1 }
            swap(&desk.spare, &bytes)
        }
        return count
    }

    /// Moves portions of the journal into the database, as far as it reaches now, until `deadline` has passed.
    ///
    /// A query that comes upon a long journal takes many portions. What is recorded meanwhile is written between them, or
    /// memory would be full of it before the end.
    private func index(until deadline: ContinuousClock.Instant?) {
        let end = journal.withLock { $0.end }
        while let portion = journal.withLock({ $0.next() }) {
            do {
                try database.writeBlocking { database in
                    for entry in portion.entries { try Self.insert(entry, in: database) }
                    try Self.setIndexed(portion.end, in: database)
                }
            } catch {
                // What cannot be indexed now stays in the journal and is tried again.
                return
            }
            journal.withLock { $0.passed(to: portion.end) }
            if portion.end >= end { return }
            if let deadline, ContinuousClock.now >= deadline { return }
            write()
        }
    }
}
