import GRDB
import Glibc
import MailBytes
import NIOCore
import SQLDatabase
import Synchronization

/// One account's database, opened when it is needed, and the deliveries that wait for it.
///
/// What touches the disk waits, and belongs on the store's threads.
final class AccountStore: Sendable {
    struct Request: Sendable {
        let items: [LocalDelivery]
        let reply: CheckedContinuation<[DeliveredMessage], any Error>

        var cost: Int { items.reduce(0) { $0 + $1.content.cost } }
    }

    private struct Queue {
        var waiting = CircularBuffer<Request>()
        var isWriting = false
    }

    private struct Opened {
        var database: SQLDatabase?
        var nextFile: Int64 = 1
    }

    let id: Int64
    let clock: WallClock
    let bodies: BodyFolder
    private let path: String
    private let queue = Mutex(Queue())
    /// Held while the database is opened or closed.
    private let opened = Mutex(Opened())

    init(id: Int64, folder: String, clock: WallClock) {
        self.id = id
        self.clock = clock
        let digits = String(id & 0xFF, radix: 16)
        let base = "\(folder)/\(digits.count < 2 ? "0" : "")\(digits)/\(id)"
        self.path = base + ".db"
        self.bodies = BodyFolder(path: base + ".bodies")
    }

    // MARK: Database

    func database() throws -> SQLDatabase {
        try opened.withLock { opened in
            if let database = opened.database { return database }
            let isNew = access(path, F_OK) != 0
            let folder = SystemFolder.parent(of: path)
            if isNew { try SystemFolder.make(folder) }
            let validity = UInt32(clamping: max(1, clock.now().seconds))
            let database = try SQLDatabase.open(
                path: path,
                migrations: AccountSchema.migrations(uidValidity: validity),
                durability: .full,
                readers: 2
            )
            if isNew { try SystemFolder.sync(folder) }
            let found = bodies.numbers()
            if !found.isEmpty {
                let referred = try database.readBlocking { database in
                    try Int64.fetchSet(database, sql: "SELECT file FROM body WHERE file IS NOT NULL")
                }
                bodies.removeLeftovers(found, referred: referred)
            }
            opened.nextFile = (found.max() ?? 0) + 1
            opened.database = database
            return database
        }
    }

    /// Closes the database if `isIdle` still says so; it is opened again when it is needed.
    func close(if isIdle: () -> Bool) {
        opened.withLock { opened in
            guard isIdle() else { return }
            // What cannot be closed now is closed when its last user lets go of it.
            try? opened.database?.close()
            opened.database = nil
        }
    }

    /// A number for a new file of a body.
    func takeFileNumber() -> Int64 {
        opened.withLock { opened in
            defer { opened.nextFile += 1 }
            return opened.nextFile
        }
    }

    func skipFileNumbers(to number: Int64) {
        opened.withLock { $0.nextFile = max($0.nextFile, number + 1) }
    }

    // MARK: Deliveries

    /// Puts a request into the queue; `true` when somebody has to call `writeBatch()` for it.
    func enqueue(_ request: Request) -> Bool {
        queue.withLock { queue in
            queue.waiting.append(request)
            defer { queue.isWriting = true }
            return !queue.isWriting
        }
    }

    /// Writes what fits into one transaction and answers it; `true` when more waits.
    func writeBatch() -> Bool {
        let batch = takeBatch()
        do {
            let items = batch.flatMap(\.items)
            var results = try DeliveryBatch(self, items).write()[...]
            for request in batch {
                let own = results.prefix(request.items.count)
                results = results.dropFirst(request.items.count)
                request.reply.resume(with: Result { try own.map { try $0.get() } })
            }
        } catch {
            for request in batch { request.reply.resume(throwing: error) }
        }
        return queue.withLock { queue in
            queue.isWriting = !queue.waiting.isEmpty
            return queue.isWriting
        }
    }

    /// Refuses everything that waits.
    func refuseWaiting() {
        let refused = queue.withLock { queue in
            queue.isWriting = false
            defer { queue.waiting.removeAll() }
            return Array(queue.waiting)
        }
        for request in refused { request.reply.resume(throwing: MailStoreError(.closed)) }
    }

    private func takeBatch() -> [Request] {
        queue.withLock { queue in
            var batch: [Request] = []
            var messages = 0
            var bytes = 0
            while let request = queue.waiting.first {
                messages += request.items.count
                bytes += request.cost
                let isFull = messages > DeliveryBatch.messages || bytes > DeliveryBatch.bytes
                if isFull && !batch.isEmpty { break }
                batch.append(queue.waiting.removeFirst())
            }
            return batch
        }
    }
}
