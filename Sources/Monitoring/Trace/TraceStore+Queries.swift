import Foundation
import GRDB
import MailBytes
import MailEvents

/// The entries of one message in order, or a single one that belongs to none.
public struct TraceHistory: Sendable, Hashable {
    public var queueID: QueueID?
    public var entries: [TraceEntry]
}

extension TraceStore {
    /// The histories that a query finds, the newest first: a queue id, a Message-ID, an address, a domain or an IP address.
    ///
    /// - Parameter limit: of messages, and of entries without one.
    public func find(_ query: String, limit: Int = 20) async throws -> [TraceHistory] {
        await catchUp()
        let id = QueueID(query.trimmingCharacters(in: .whitespaces))
        let key = Self.normalised(query)
        return try await database.read { database in
            if let id {
                let entries = try Self.entries(of: id, in: database)
                if !entries.isEmpty { return [TraceHistory(queueID: id, entries: entries)] }
            }
            var histories: [TraceHistory] = []
            let queues = try Int64.fetchAll(
                database,
                sql: "SELECT queue FROM lookup WHERE key = ? AND queue <> 0 ORDER BY queue DESC LIMIT ?",
                arguments: [key, limit]
            )
            for queue in queues {
                let id = QueueID(rawValue: UInt64(bitPattern: queue))
                histories.append(TraceHistory(queueID: id, entries: try Self.entries(of: id, in: database)))
            }
            let alone = try Row.fetchAll(
                database,
                sql: """
                    SELECT content FROM entry WHERE id IN (
                        SELECT entry FROM lookup WHERE key = ? AND queue = 0 ORDER BY entry DESC LIMIT ?
                    ) ORDER BY id DESC
                    """,
                arguments: [key, limit]
            )
            histories += alone.compactMap(Self.entry(_:)).map { TraceHistory(queueID: nil, entries: [$0]) }
            return histories.sorted {
                ($0.entries.first?.time ?? .distantPast) > ($1.entries.first?.time ?? .distantPast)
            }
        }
    }

    /// The first 5000 entries of one message in order, without catching up.
    private static func entries(of id: QueueID, in database: Database) throws -> [TraceEntry] {
        try Row.fetchAll(
            database,
            sql: "SELECT content FROM entry WHERE queue = ? AND queue <> 0 ORDER BY time, id LIMIT 5000",
            arguments: [Int64(bitPattern: id.rawValue)]
        ).compactMap(entry(_:))
    }

    private static func entry(_ row: Row) -> TraceEntry? {
        let content = Array(row["content"] as Data)
        return TraceEntry(decoding: content.span)
    }
}

extension TraceHistory {
    /// The time line for people.
    public var text: String {
        guard let first = entries.first else { return "" }
        var lines: [String] = []
        lines.append(queueID.map { "Message \($0)" } ?? "Without a message")
        if let messageID = entries.lazy.compactMap({ $0.event[.messageID] }).first { lines[0] += "  \(messageID)" }
        for entry in entries {
            let since = Double((entry.time - first.time).wholeMicroseconds) / 1_000_000
            let offset = entry.time == first.time ? "" : String(format: "+%.3f s", since)
            let moment = entry.time == first.time ? entry.time.iso8601 : offset
            lines.append("  \(moment.padding(toLength: 26, withPad: " ", startingAt: 0))\(entry.event.sentence)")
            for detail in entry.event.details { lines.append(String(repeating: " ", count: 30) + detail) }
        }
        return lines.joined(separator: "\n")
    }
}

extension TraceHistory: Encodable {
    private enum Keys: String, CodingKey { case queueID = "queue-id", entries }

    private struct Line: Encodable {
        var time: String
        var event: String
        var sentence: String
        var fields: [[String: String]]
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(queueID?.description, forKey: .queueID)
        let lines = entries.map { entry in
            Line(
                time: entry.time.iso8601,
                event: "\(entry.event.kind)",
                sentence: entry.event.sentence,
                fields: entry.event.fields.map { [$0.field.name: $0.text] }
            )
        }
        try container.encode(lines, forKey: .entries)
    }
}
