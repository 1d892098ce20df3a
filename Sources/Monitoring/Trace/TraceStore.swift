import Dispatch
import Foundation
import Glibc
import GRDB
import MailBytes
import MailEvents
import SQLDatabase
import Synchronization

/// Keeps the life of each message, and finds it again by queue id, Message-ID, address or domain.
///
/// Recording appends to memory and nothing else. A thread writes what came to a journal file several times a second, which
/// survives the end of the process, and moves the journal into the database when there is time for it; a query catches up first.
public final class TraceStore: TraceRecorder {
    /// How long and how much is kept.
    public struct Options: Sendable, Hashable {
        public var retention = Duration.seconds(30 * 86_400)
        /// Octets that wait to be written to the journal; what comes beyond is counted and left out.
        public var waiting = ByteCount.mebibytes(64)
        /// The size at which the journal is moved into the database even under load.
        public var journal = ByteCount.mebibytes(256)

        public init() {}
    }

    private struct Buffer {
        var bytes: [UInt8] = []
        var left = 0
        var isStopped = false
    }

    let database: SQLDatabase
    private let options: Options
    private let clock: WallClock
    private let buffer = Mutex(Buffer())
    private let bell = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)
    /// Held while the journal is written or moved.
    private let journal: Mutex<TraceJournal>

    /// Opens the store in a folder, making it where it is not there.
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
        self.journal = Mutex(try TraceJournal(path: folder + "/journal"))
        let thread = Thread { [self] in run() }
        thread.name = "trace"
        thread.stackSize = 1 << 20
        thread.start()
    }

    /// Records an entry: encodes it into memory. Never waits for a disk.
    public func record(_ entry: TraceEntry) {
        let isLarge = buffer.withLock { buffer in
            guard buffer.bytes.count < options.waiting.bytes else {
                buffer.left += 1
                return false
            }
            entry.encode(into: &buffer.bytes)
            return buffer.bytes.count > 4 << 20
        }
        if isLarge { bell.signal() }
    }

    /// Entries that were left out because the disk was too slow.
    public var leftOut: Int { buffer.withLock(\.left) }

    /// Writes everything and ends.
    public func close() {
        buffer.withLock { $0.isStopped = true }
        bell.signal()
        ended.wait()
        try? database.close()
    }

    private func run() {
        var quiet = 0
        var lastPruned = Timestamp.distantPast
        while true {
            _ = bell.wait(timeout: .now() + .milliseconds(100))
            let (bytes, isStopped) = buffer.withLock { buffer in
                defer { buffer.bytes = [] }
                return (buffer.bytes, buffer.isStopped)
            }
            let size = journal.withLock { journal -> Int in
                journal.append(bytes)
                return journal.size
            }
            // The index waits for a calm moment, so that it takes nothing from mail under load; a full journal does not wait.
            quiet = bytes.count < 64 << 10 ? quiet + 1 : 0
            if size > 0 && (quiet > 3 || size > options.journal.bytes || isStopped) { indexJournal() }
            if isStopped {
                ended.signal()
                return
            }
            let now = clock.now()
            if quiet > 20 && now - lastPruned > .seconds(600) {
                lastPruned = now
                prune(before: now - options.retention)
            }
        }
    }

    /// Brings everything recorded so far into the database.
    func catchUp() {
        let bytes = buffer.withLock { buffer in
            defer { buffer.bytes = [] }
            return buffer.bytes
        }
        journal.withLock { $0.append(bytes) }
        indexJournal()
    }

    private func indexJournal() {
        journal.withLock { journal in
            // What cannot be indexed now stays in the journal and is tried again.
            try? journal.drain { entries in
                try database.writeBlocking { database in
                    for entry in entries { try Self.insert(entry, in: database) }
                }
            }
        }
    }

    private func prune(before time: Timestamp) {
        try? database.writeBlocking { database in
            try database.execute(
                sql: """
                    DELETE FROM lookup WHERE entry IN (SELECT id FROM entry WHERE time < ? ORDER BY time LIMIT 20000);
                    DELETE FROM entry WHERE id IN (SELECT id FROM entry WHERE time < ? ORDER BY time LIMIT 20000);
                    """,
                arguments: [time.microseconds, time.microseconds]
            )
        }
    }
}
