import Crypto
import Foundation
import GRDB
import MailBytes
import MailNames
import MailingLists
import SQLDatabase

/// Lists as mail meets them.
extension SQLDirectory: ListDirectory {
    public func list(_ id: ListID) async throws(DirectoryError) -> ListSettings? {
        try await read { try Self.settings(id, in: $0) }
    }

    public func recipients(of list: ListID) async throws(DirectoryError) -> [EmailAddress] {
        try await read { database in
            let rows = try String.fetchCursor(
                database,
                sql: "SELECT address FROM list_member WHERE list = ? AND suspended IS NULL ORDER BY member",
                arguments: [list.rawValue]
            )
            var recipients: [EmailAddress] = []
            while let text = try rows.next() {
                if let address = try? EmailAddress(parsing: text) { recipients.append(address) }
            }
            return recipients
        }
    }

    public func isMember(_ addresses: [EmailAddress], of list: ListID) async throws(DirectoryError) -> Bool {
        try await read { database in
            try addresses.contains { address in
                try Bool.fetchOne(
                    database,
                    sql: "SELECT EXISTS (SELECT 1 FROM list_member WHERE list = ? AND member = ?)",
                    arguments: [list.rawValue, address.memberKey]
                ) ?? false
            }
        }
    }

    @discardableResult
    public func addMembers(_ addresses: [EmailAddress], to list: ListID) async throws(DirectoryError) -> Int {
        let now = clock.now()
        return try await changeMembers { database in
            let before = try Self.memberCount(list, in: database)
            let statement = try database.makeStatement(
                sql: """
                    INSERT INTO list_member (list, member, address, joined) VALUES (?, ?, ?, ?)
                    ON CONFLICT (list, member) DO UPDATE SET suspended = NULL, bounce_score = 0, bounced = NULL
                    """
            )
            for address in addresses {
                try statement.execute(
                    arguments: [list.rawValue, address.memberKey, address.description, now.microseconds]
                )
            }
            return try Self.memberCount(list, in: database) - before
        }
    }

    @discardableResult
    public func removeMembers(_ addresses: [EmailAddress], from list: ListID) async throws(DirectoryError) -> Int {
        try await changeMembers { database in
            let statement = try database.makeStatement(sql: "DELETE FROM list_member WHERE list = ? AND member = ?")
            var removed = 0
            for address in addresses {
                try statement.execute(arguments: [list.rawValue, address.memberKey])
                removed += database.changesCount
            }
            return removed
        }
    }

    public func countBounces(
        _ bounces: [ListBounce],
        of list: ListID
    ) async throws(DirectoryError) -> [ListBounce] {
        let now = clock.now()
        return try await changeMembers { database in
            guard let settings = try Self.settings(list, in: database) else { return [] }
            let find = try database.makeStatement(
                sql: "SELECT bounce_score, bounced FROM list_member WHERE list = ? AND member = ? AND suspended IS NULL"
            )
            let keep = try database.makeStatement(
                sql: """
                    UPDATE list_member SET bounce_score = ?, bounced = ?, suspended = ? WHERE list = ? AND member = ?
                    """
            )
            var suspended: [ListBounce] = []
            for bounce in bounces {
                let key = bounce.member.memberKey
                guard let row = try Row.fetchOne(find, arguments: [list.rawValue, key]) else { continue }
                let counted = (row["bounced"] as Int64?).map(Timestamp.init(microseconds:))
                var score = BounceScore(value: row["bounce_score"], counted: counted)
                let verdict = score.count(bounce.severity, limit: settings.bounceLimit, now: now)
                guard verdict != .known else { continue }
                let since = verdict == .suspended ? now.microseconds : nil
                try keep.execute(
                    arguments: [score.value, score.counted?.microseconds, since, list.rawValue, key]
                )
                if verdict == .suspended { suspended.append(bounce) }
            }
            return suspended
        }
    }

    public func listSeal() -> ListSeal { seal }

    static func seal(in database: SQLDatabase) throws -> ListSeal {
        let secret = try database.readBlocking { try Data.fetchOne($0, sql: "SELECT secret FROM list_secret") }
        guard let secret, secret.count >= 32 else { throw DirectoryError(.unavailable) }
        let key = SymmetricKey(data: secret)
        return { content in
            var code = HMAC<SHA256>(key: key)
            code.update(data: content)
            return Array(code.finalize())
        }
    }

    // MARK: Rows

    /// The list that an address belongs to, and what for; `nil` when it belongs to none.
    static func listAnswer(_ address: EmailAddress, _ domain: Domain, in database: Database) throws -> RecipientAnswer?
    {
        if let list = try listID(address.localPart.folded, domain, in: database) {
            return .list(ListTarget(list, .post))
        }
        guard let (name, role) = ListRole.parse(address.localPart.text), let local = try? LocalPart(text: name),
            let list = try listID(local.folded, domain, in: database)
        else { return nil }
        guard role == .owner else { return .list(ListTarget(list, role)) }
        return try settings(list, in: database).map { .alias([$0.owner]) }
    }

    static func listID(_ local: String, _ domain: Domain, in database: Database) throws -> ListID? {
        try Int64.fetchOne(
            database,
            sql: "SELECT id FROM list WHERE domain = ? AND local_part = ?",
            arguments: [domain.ascii, local]
        ).map(ListID.init)
    }

    static func settings(_ id: ListID, in database: Database) throws -> ListSettings? {
        try Row.fetchOne(
            database,
            sql: "SELECT \(ListSettings.columns) FROM list WHERE id = ?",
            arguments: [id.rawValue]
        ).flatMap(ListSettings.init(row:))
    }

    static func memberCount(_ list: ListID, in database: Database) throws -> Int {
        try Int.fetchOne(
            database,
            sql: "SELECT COUNT(*) FROM list_member WHERE list = ?",
            arguments: [list.rawValue]
        ) ?? 0
    }
}
