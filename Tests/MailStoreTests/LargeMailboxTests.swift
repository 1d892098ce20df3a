import GRDB
import Testing

@testable import MailStore

@Suite("A mailbox of 100,000 messages", .timeLimit(.minutes(15)))
struct LargeMailboxTests {
    private static let count = 100_000

    @Test func `it opens for POP3 without a body being read`() async throws {
        try await StoreFixture.with { fixture in
            _ = try await fixture.store.deliver(message(1), to: 1)
            await fixture.store.close()
            // Bodies in files that are not there: whoever looks at one fails.
            let queue = try DatabaseQueue(path: fixture.folder + "/01/1.db")
            try await queue.write { database in
                try database.execute(
                    sql: """
                        INSERT INTO body (id, size, file)
                            WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n LIMIT \(Self.count))
                            SELECT i, 100000 + i, i FROM n;
                        INSERT INTO message (mailbox, uid, modseq, email_id, thread_id, received, saved, size, utf8_header,
                                preview, structure, body)
                            SELECT (SELECT id FROM mailbox WHERE name = 'INBOX'), id, id, id, id, 0, 0, size, id % 2,
                                '', x'', id
                            FROM body WHERE id > 1;
                        """
                )
            }
            try queue.close()

            let reopened = try await fixture.reopened()
            let maildrop = try await reopened.store.maildrop(1)
            #expect(maildrop.messages.count == Self.count + 1)
            let last = try #require(maildrop.messages.last)
            #expect(last == Maildrop.Message(uid: 100_001, size: 200_001, hasUTF8Header: true))
            await #expect(throws: (any Error).self) { try await maildrop.content(last.uid) }
            #expect(try await maildrop.whole(1).text.contains("Hello"))
            await reopened.store.close()
        }
    }
}
