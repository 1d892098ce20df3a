import Foundation
import GRDB
import InternetMessage
import MailBytes
import NIOCore
import SQLDatabase

/// Deliveries to one account that are written in one transaction.
struct DeliveryBatch {
    /// Messages in a transaction, about.
    static let messages = 256
    /// Octets in a transaction, about.
    static let bytes = 8 << 20
    /// Octets of a body that lies in the database; larger ones lie in files.
    static let bytesInDatabase = 64 << 10
    /// How long a delivery is known as such.
    private static let memory = Duration.seconds(30 * 86_400)
    /// The time between two looks for deliveries to be forgotten.
    private static let pruningInterval = Duration.seconds(86_400)

    /// A body on its way into the database: all of it, or the file that holds it already.
    private struct Staged {
        let item: LocalDelivery
        var content: Data?
        var file: Int64?
        var size: Int
        var summary: MessageSummary
    }

    private let account: AccountStore
    private let items: [LocalDelivery]

    init(_ account: AccountStore, _ items: [LocalDelivery]) {
        self.account = account
        self.items = items
    }

    /// What became of each, in order. An item whose content cannot be read fails alone.
    func write() throws -> [Result<DeliveredMessage, any Error>] {
        let database = try account.database()
        let staged = items.map { item in Result { try stage(item) } }
        let files = staged.compactMap { try? $0.get().file }
        do {
            if !files.isEmpty { try account.bodies.sync() }
            let results = try database.writeBlocking { try store(staged, in: $0) }
            for (body, result) in zip(staged, results) {
                guard let file = try? body.get().file, let message = try? result.get(), message.isRepeated else {
                    continue
                }
                account.bodies.remove(file)
            }
            return results
        } catch {
            for file in files { account.bodies.remove(file) }
            throw error
        }
    }

    // MARK: Bodies

    private func stage(_ item: LocalDelivery) throws -> Staged {
        switch item.content {
        case .whole(let prefix, let body):
            let size = prefix.count + body.readableBytes
            guard size <= Self.bytesInDatabase else {
                var parser = MessageParser()
                parser.consume(prefix.span)
                parser.consume(body.readableBytesUInt8Span)
                let beginning = prefix + body.readableBytesView.prefix(MessageSummary.headerBytes)
                let summary = MessageSummary(beginning.span, parser.finish())
                let file = try makeFile { file in
                    try prefix.withUnsafeBytes { try file.append($0) }
                    try body.withUnsafeReadableBytes { try file.append($0) }
                }
                return Staged(item: item, file: file, size: size, summary: summary)
            }
            var content = Data(capacity: size)
            content.append(contentsOf: prefix)
            body.withUnsafeReadableBytes { content.append(contentsOf: $0) }
            var parser = MessageParser()
            parser.consume(content.span)
            let summary = MessageSummary(content.span, parser.finish())
            return Staged(item: item, content: content, size: size, summary: summary)
        case .pieces(let prefix, let count, let read):
            return try stage(item, prefix, count) { index throws(MailStoreError) in
                do { return try read(index) } catch { throw MailStoreError(.contentUnreadable, underlying: error) }
            }
        }
    }

    private func stage(
        _ item: LocalDelivery,
        _ prefix: [UInt8],
        _ count: Int,
        _ read: (Int) throws(MailStoreError) -> ByteBuffer
    ) throws -> Staged {
        var start = ByteBuffer(bytes: prefix)
        var index = 0
        while index < count, start.readableBytes <= Self.bytesInDatabase {
            var piece = try read(index)
            start.writeBuffer(&piece)
            index += 1
        }
        var parser = MessageParser()
        parser.consume(start.readableBytesUInt8Span)
        guard start.readableBytes > Self.bytesInDatabase else {
            return Staged(
                item: item,
                content: Data(start.readableBytesView),
                size: start.readableBytes,
                summary: MessageSummary(start.readableBytesUInt8Span, parser.finish())
            )
        }
        var size = start.readableBytes
        let file = try makeFile { file in
            try start.withUnsafeReadableBytes { try file.append($0) }
            for index in index..<count {
                let piece = try read(index)
                size += piece.readableBytes
                parser.consume(piece.readableBytesUInt8Span)
                try piece.withUnsafeReadableBytes { try file.append($0) }
            }
        }
        let summary = MessageSummary(start.readableBytesUInt8Span, parser.finish())
        return Staged(item: item, file: file, size: size, summary: summary)
    }

    private func makeFile(_ fill: (BodyFile) throws -> Void) throws -> Int64 {
        var number = account.takeFileNumber()
        let file = try account.bodies.make(&number)
        account.skipFileNumbers(to: number)
        do {
            try fill(file)
            try file.sync()
            return number
        } catch {
            account.bodies.remove(number)
            throw error
        }
    }

    // MARK: Rows

    private func store(
        _ staged: [Result<Staged, any Error>],
        in database: Database
    ) throws -> [Result<DeliveredMessage, any Error>] {
        let now = account.clock.now()
        let rows = try DeliveryRows(database, account: account.id, now: now)
        var results: [Result<DeliveredMessage, any Error>] = []
        results.reserveCapacity(staged.count)
        for body in staged {
            switch body {
            case .failure(let error): results.append(.failure(error))
            case .success(let body): results.append(.success(try rows.insert(body)))
            }
        }
        try rows.finish()
        if rows.pruned + Self.pruningInterval < now { try rows.prune(before: now - Self.memory) }
        return results
    }

    /// The statements of a transaction and the counters it moves on.
    private final class DeliveryRows {
        private let database: Database
        private let now: Timestamp
        private let mailbox: Int64
        private let modseq: Int64
        private var uid: Int64
        private var id: Int64
        let pruned: Timestamp
        private let remember: Statement
        private let recall: Statement
        private let body: Statement
        private let message: Statement
        private let conversations: ConversationLinks

        init(_ database: Database, account: Int64, now: Timestamp) throws {
            self.database = database
            self.now = now
            let inbox = try Row.fetchOne(
                database.cachedStatement(
                    sql: "SELECT id, uid_next, highest_modseq FROM mailbox WHERE name = '\(AccountSchema.inbox)'"
                )
            )
            let counters = try Row.fetchOne(database.cachedStatement(sql: "SELECT next_id, pruned FROM account"))
            guard let inbox, let counters else { throw MailStoreError(.damaged(account: account)) }
            self.mailbox = inbox[0]
            self.uid = inbox[1]
            self.modseq = inbox[2] + 1
            self.id = counters[0]
            self.pruned = Timestamp(microseconds: counters[1])
            self.remember = try database.cachedStatement(
                sql: """
                    INSERT INTO delivered (queue_id, recipient, time, mailbox, uid)
                    VALUES (?, ?, ?, '\(AccountSchema.inbox)', ?) ON CONFLICT DO NOTHING
                    """
            )
            self.recall = try database.cachedStatement(
                sql: "SELECT mailbox, uid FROM delivered WHERE queue_id = ? AND recipient = ?"
            )
            self.body = try database.cachedStatement(
                sql: "INSERT INTO body (id, size, file, content) VALUES (?, ?, ?, ?)"
            )
            self.message = try database.cachedStatement(
                sql: """
                    INSERT INTO message (mailbox, uid, modseq, email_id, thread_id, received, saved, size, utf8_header,
                        message_id, subject, "from", preview, structure, body)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """
            )
            self.conversations = try ConversationLinks(database)
        }

        func insert(_ staged: Staged) throws -> DeliveredMessage {
            let item = staged.item
            guard let newUID = UInt32(exactly: uid) else {
                throw MailStoreError(.uidsExhausted(mailbox: AccountSchema.inbox))
            }
            let queueID = Int64(bitPattern: item.queueID)
            try remember.execute(arguments: [queueID, item.recipient, now.microseconds, uid])
            if database.changesCount == 0, let row = try Row.fetchOne(recall, arguments: [queueID, item.recipient]) {
                return DeliveredMessage(mailbox: row[0], uid: row[1], isRepeated: true)
            }
            try body.execute(arguments: [id, staged.size, staged.file, staged.content])
            let summary = staged.summary
            let thread = try conversations.thread(of: summary, new: id)
            try message.execute(
                arguments: [
                    mailbox, uid, modseq, id, thread, item.received.microseconds, now.microseconds, staged.size,
                    summary.hasUTF8, summary.messageID, summary.subject, summary.from, summary.preview,
                    Data(summary.structure), id,
                ]
            )
            uid += 1
            id += 1
            return DeliveredMessage(mailbox: AccountSchema.inbox, uid: newUID, isRepeated: false)
        }

        func finish() throws {
            try database.cachedStatement(sql: "UPDATE mailbox SET uid_next = ?, highest_modseq = ? WHERE id = ?")
                .execute(arguments: [uid, modseq, mailbox])
            try database.cachedStatement(sql: "UPDATE account SET next_id = ?").execute(arguments: [id])
        }

        func prune(before time: Timestamp) throws {
            try database.execute(sql: "DELETE FROM delivered WHERE time < ?", arguments: [time.microseconds])
            try database.execute(sql: "DELETE FROM expunged WHERE time < ?", arguments: [time.microseconds])
            if database.changesCount > 0 { try ConversationLinks.prune(database) }
            try database.execute(sql: "UPDATE account SET pruned = ?", arguments: [now.microseconds])
        }
    }
}
