import Foundation
import GRDB
import MailBytes
import MailEvents
import MailNames
import SQLDatabase

extension TraceStore {
    static let migrations: [SQLMigration] = [
        SQLMigration("entries and what they are found by") { database in
            try database.execute(
                sql: """
                    CREATE TABLE entry (
                        id INTEGER PRIMARY KEY, queue INTEGER NOT NULL, time INTEGER NOT NULL, content BLOB NOT NULL
                    );
                    CREATE INDEX entry_queue ON entry (queue) WHERE queue <> 0;
                    CREATE INDEX entry_time ON entry (time);
                    CREATE TABLE lookup (
                        key TEXT NOT NULL, entry INTEGER NOT NULL, queue INTEGER NOT NULL, PRIMARY KEY (key, entry)
                    ) WITHOUT ROWID;
                    CREATE INDEX lookup_entry ON lookup (entry);
                    """
            )
        }
    ]

    static func insert(_ entry: TraceEntry, in database: Database) throws {
        var content: [UInt8] = []
        entry.encode(into: &content)
        let queue = Int64(bitPattern: entry.queueID?.rawValue ?? 0)
        let insert = try database.cachedStatement(sql: "INSERT INTO entry (queue, time, content) VALUES (?, ?, ?)")
        try insert.execute(arguments: [queue, entry.time.microseconds, Data(content.dropFirst(4))])
        let id = database.lastInsertedRowID
        let key = try database.cachedStatement(sql: "INSERT OR IGNORE INTO lookup (key, entry, queue) VALUES (?, ?, ?)")
        for text in keys(of: entry.event) { try key.execute(arguments: [text, id, queue]) }
    }

    /// What an entry is found by: its addresses, their domains, ids.
    private static func keys(of event: TraceEvent) -> Set<String> {
        var keys: Set<String> = []
        for field in event.fields where field.field.isLookupKey && !field.text.isEmpty {
            let text = normalised(field.text)
            keys.insert(text)
            if field.field != .messageID, let at = text.lastIndex(of: "@") {
                let domain = text[text.index(after: at)...]
                if !domain.isEmpty { keys.insert(String(domain)) }
            }
        }
        return keys
    }

    /// Without angle brackets and case; domains with A-labels.
    static func normalised(_ text: String) -> String {
        var text = text.trimmingCharacters(in: .whitespaces).lowercased()
        if text.hasPrefix("<") && text.hasSuffix(">") { text = String(text.dropFirst().dropLast()) }
        if let address = try? EmailAddress(parsing: text) { return address.description.lowercased() }
        if !text.contains("@"), let domain = try? Domain(parsing: text) { return domain.ascii }
        return text
    }
}
