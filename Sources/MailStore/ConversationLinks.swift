import Crypto
import GRDB

/// Which conversation a message belongs to: that of a message with one of its identifiers and the same base subject, as
/// RFC 8621 section 3 describes it.
///
/// A link is a number made of both, so that the table stays small. Conversations that a later message would tie together stay
/// apart: a message never changes its thread id.
struct ConversationLinks {
    private let find: Statement
    private let add: Statement

    init(_ database: Database) throws {
        find = try database.cachedStatement(sql: "SELECT thread FROM thread_link WHERE link = ?")
        add = try database.cachedStatement(
            sql: "INSERT INTO thread_link (link, thread) VALUES (?, ?) ON CONFLICT DO NOTHING"
        )
    }

    /// The conversation of a message; `id` begins a new one.
    func thread(of summary: MessageSummary, new id: Int64) throws -> Int64 {
        let subject = summary.baseSubject
        let links = summary.identifiers.map { Self.link($0, subject) }
        var thread = id
        for link in links {
            if let found = try Int64.fetchOne(find, arguments: [link]) {
                thread = found
                break
            }
        }
        for link in links { try add.execute(arguments: [link, thread]) }
        return thread
    }

    /// A stranger chooses both parts: what ties must not be easy to meet by chance or on purpose.
    private static func link(_ identifier: String, _ subject: String) -> Int64 {
        var hash = SHA256()
        hash.update(data: Array(identifier.utf8))
        hash.update(data: [0])
        hash.update(data: Array(subject.utf8))
        return hash.finalize().prefix(8).reduce(0) { $0 << 8 | Int64($1) }
    }

    /// Forgets the conversations of which no message is left.
    static func prune(_ database: Database) throws {
        try database.execute(sql: "DELETE FROM thread_link WHERE thread NOT IN (SELECT thread_id FROM message)")
    }
}
