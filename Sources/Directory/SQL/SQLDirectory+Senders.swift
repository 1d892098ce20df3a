import GRDB
import MailNames
import SQLDatabase

/// Addresses of others that accounts may write as senders, beside their own and their aliases: RFC 6409 section 6.1.
extension SQLDirectory {
    /// Senders that one account may have.
    private static let sendersLimit = 1000

    static let senderMigration = SQLMigration("senders that accounts may use") { database in
        try database.execute(
            sql: """
                CREATE TABLE account_sender (
                    account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
                    domain TEXT NOT NULL,
                    local_part TEXT NOT NULL,
                    sender TEXT NOT NULL,
                    PRIMARY KEY (account, domain, local_part)
                ) WITHOUT ROWID;
                """
        )
    }

    func isListedSender(_ address: EmailAddress, of id: AccountID) async throws(DirectoryError) -> Bool {
        guard let domain = address.domain else { return false }
        return try await read { database in
            try Bool.fetchOne(
                database,
                sql: """
                    SELECT EXISTS (
                        SELECT 1 FROM account_sender WHERE account = ? AND domain = ? AND local_part IN (?, ?)
                    )
                    """,
                arguments: [id.rawValue, domain.ascii, address.localPart.folded, Self.anyLocalPart]
            ) ?? false
        }
    }

    /// Lets an account send as an address that is not its own, or as every address of a domain.
    public func addSender(_ sender: AliasAddress, to account: EmailAddress) async throws(DirectoryError) {
        try await change { database in
            let id = try Self.senderOwner(account, in: database)
            guard let domain = sender.domain else { throw DirectoryError(.aliasUnknown(sender.description)) }
            let count = try Int.fetchOne(
                database,
                sql: "SELECT COUNT(*) FROM account_sender WHERE account = ?",
                arguments: [id.rawValue]
            )
            guard (count ?? 0) < Self.sendersLimit else { throw DirectoryError(.tooManySenders) }
            try database.execute(
                sql: "INSERT OR REPLACE INTO account_sender (account, domain, local_part, sender) VALUES (?, ?, ?, ?)",
                arguments: [id.rawValue, domain.ascii, sender.localPart, sender.description]
            )
        }
    }

    /// The listed senders of an account.
    public func senders(of account: EmailAddress) async throws(DirectoryError) -> [String] {
        try await read { database in
            try String.fetchAll(
                database,
                sql: "SELECT sender FROM account_sender WHERE account = ? ORDER BY domain, local_part",
                arguments: [try Self.senderOwner(account, in: database).rawValue]
            )
        }
    }

    /// Takes a listed sender away from an account.
    public func removeSender(_ sender: AliasAddress, from account: EmailAddress) async throws(DirectoryError) {
        try await change { database in
            let id = try Self.senderOwner(account, in: database)
            try database.execute(
                sql: "DELETE FROM account_sender WHERE account = ? AND domain = ? AND local_part = ?",
                arguments: [id.rawValue, sender.domain?.ascii ?? "", sender.localPart]
            )
            if database.changesCount == 0 { throw DirectoryError(.senderUnknown(sender.description)) }
        }
    }

    private static func senderOwner(_ account: EmailAddress, in database: GRDB.Database) throws -> AccountID {
        guard let domain = account.domain, let id = try accountID(account.localPart.folded, domain, in: database) else {
            throw DirectoryError(.accountUnknown(account.description))
        }
        return id
    }
}
