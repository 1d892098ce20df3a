import Foundation
import GRDB
import MailNames
import SQLDatabase

extension SQLDirectory {
    /// The local part of a catch-all alias.
    static let anyLocalPart = "*"

    static let migrations: [SQLMigration] = [
        SQLMigration("domains, accounts, aliases") { database in
            try database.execute(
                sql: """
                    CREATE TABLE domain (name TEXT PRIMARY KEY NOT NULL) WITHOUT ROWID;
                    CREATE TABLE account (
                        id INTEGER PRIMARY KEY AUTOINCREMENT,
                        local_part TEXT NOT NULL,
                        domain TEXT NOT NULL REFERENCES domain (name),
                        address TEXT NOT NULL,
                        password TEXT NOT NULL,
                        enabled INTEGER NOT NULL DEFAULT 1,
                        UNIQUE (domain, local_part)
                    );
                    CREATE TABLE alias (
                        local_part TEXT NOT NULL,
                        domain TEXT NOT NULL REFERENCES domain (name),
                        address TEXT NOT NULL,
                        PRIMARY KEY (domain, local_part)
                    ) WITHOUT ROWID;
                    CREATE TABLE alias_target (
                        local_part TEXT NOT NULL,
                        domain TEXT NOT NULL,
                        position INTEGER NOT NULL,
                        target TEXT NOT NULL,
                        PRIMARY KEY (domain, local_part, position),
                        FOREIGN KEY (domain, local_part) REFERENCES alias (domain, local_part) ON DELETE CASCADE
                    ) WITHOUT ROWID;
                    """
            )
        },
        listMigration,
        credentialMigration,
        domainKindsMigration,
        ownershipMigration,
        senderMigration,
    ]
}

extension LocalPart {
    /// How the directory keeps a local part: without case, and composed (NFC), so that letters that look and compare the
    /// same are the same octets in the database: RFC 6532 section 3.1.
    var folded: String {
        let lowered = text.lowercased()
        return isInternationalized ? lowered.precomposedStringWithCanonicalMapping : lowered
    }
}

extension Account {
    init?(row: Row) {
        guard let address = try? EmailAddress(parsing: row["address"] as String) else { return nil }
        self.init(id: AccountID(row["id"]), address: address, isEnabled: row["enabled"])
    }
}
