import Foundation
import GRDB
import MailBytes
import MailEvents
import MailNames
import SQLDatabase

extension TraceStore {
    static let migrations: [SQLMigration] = [
        SQLMigration("entries and what they are found by") { database in
            // A message is found by a key once, however many of its entries have it: `entry` is 0 then.
            try database.execute(
                sql: """
                    CREATE TABLE entry (
                        id INTEGER PRIMARY KEY, queue INTEGER NOT NULL, time INTEGER NOT NULL, content BLOB NOT NULL
                    );
                    CREATE INDEX entry_queue ON entry (queue) WHERE queue <> 0;
                    CREATE INDEX entry_time ON entry (time);
                    CREATE TABLE lookup (
                        key TEXT NOT NULL, queue INTEGER NOT NULL, entry INTEGER NOT NULL,
                        PRIMARY KEY (key, queue, entry)
                    ) WITHOUT ROWID;
                    CREATE INDEX lookup_queue ON lookup (queue) WHERE queue <> 0;
                    CREATE INDEX lookup_entry ON lookup (entry) WHERE queue = 0;
                    CREATE TABLE journal (file INTEGER NOT NULL, position INTEGER NOT NULL);
                    INSERT INTO journal VALUES (0, 0);
                    """
            )
        }
    ]

    // MARK: Position in the journal

    static func indexed(in database: Database) throws -> TraceJournal.Position {
        guard let row = try Row.fetchOne(database, sql: "SELECT file, position FROM journal") else { return .start }
        return TraceJournal.Position(file: row["file"], offset: row["position"])
    }

    static func setIndexed(_ position: TraceJournal.Position, in database: Database) throws {
        try database.cachedStatement(sql: "UPDATE journal SET file = ?, position = ?")
            .execute(arguments: [position.file, position.offset])
    }

    // MARK: Entries

    static func insert(_ entry: TraceEntry, in database: Database) throws {
        var content: [UInt8] = []
        entry.encode(into: &content)
        let queue = Int64(bitPattern: entry.queueID?.rawValue ?? 0)
        let insert = try database.cachedStatement(sql: "INSERT INTO entry (queue, time, content) VALUES (?, ?, ?)")
        try insert.execute(arguments: [queue, entry.time.microseconds, Data(content.dropFirst(4))])
        let id = queue == 0 ? database.lastInsertedRowID : 0
        let key = try database.cachedStatement(sql: "INSERT OR IGNORE INTO lookup (key, queue, entry) VALUES (?, ?, ?)")
        for text in keys(of: entry.event) { try key.execute(arguments: [text, queue, id]) }
    }

    /// What an entry is found by: its addresses, their domains, ids.
    static func keys(of event: TraceEvent) -> Set<String> {
        var keys: Set<String> = []
        for field in event.fields where field.field.isLookupKey {
            let text = normalised(field.text)
            if text.isEmpty { continue }
            keys.insert(text)
            if field.field != .messageID, let at = text.lastIndex(of: "@") {
                let domain = text[text.index(after: at)...]
                if !domain.isEmpty { keys.insert(String(domain)) }
            }
        }
        return keys
    }

    /// Without angle brackets and case; domains with A-labels, IP addresses in their canonical form.
    static func normalised(_ text: String) -> String {
        var text = text.trimmingCharacters(in: .whitespaces).lowercased()
        if text.hasPrefix("<") && text.hasSuffix(">") { text = String(text.dropFirst().dropLast()) }
        if text.contains("@") {
            return (try? EmailAddress(parsing: text))?.description.lowercased() ?? text
        }
        if let address = IPAddress(text) { return address.description }
        return (try? Domain(parsing: text))?.ascii ?? text
    }

    // MARK: Retention

    /// Deletes the oldest entries before a moment, and what they were found by.
    ///
    /// - Returns: how many; `limit` when there may be more.
    func deleteEntries(before moment: Timestamp, limit: Int) throws -> Int {
        try database.writeBlocking { database in
            let old = try Row.fetchAll(
                database,
                sql: "SELECT id, queue FROM entry WHERE time < ? ORDER BY time LIMIT ?",
                arguments: [moment.microseconds, limit]
            )
            let deletion = try database.cachedStatement(sql: "DELETE FROM entry WHERE id = ?")
            let alone = try database.cachedStatement(sql: "DELETE FROM lookup WHERE queue = 0 AND entry = ?")
            var queues: Set<Int64> = []
            for row in old {
                let (id, queue): (Int64, Int64) = (row["id"], row["queue"])
                try deletion.execute(arguments: [id])
                if queue == 0 { try alone.execute(arguments: [id]) } else { queues.insert(queue) }
            }
            // A message can be found as long as it has an entry.
            let message = try database.cachedStatement(
                sql: """
                    DELETE FROM lookup WHERE queue = ?1 AND queue <> 0
                        AND NOT EXISTS (SELECT 1 FROM entry WHERE queue = ?1 AND queue <> 0)
                    """
            )
            for queue in queues { try message.execute(arguments: [queue]) }
            return old.count
        }
    }
}
