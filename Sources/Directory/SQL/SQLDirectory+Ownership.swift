import GRDB
import MailBytes
import MailNames
import SQLDatabase

/// Since when addresses have had their owners: RFC 7293 section 5.
extension SQLDirectory {
    /// Of what was here before nobody wrote down when it came; the time of this step is the latest that it can have been, which is
    /// what RFC 7293 section 5 has in its place.
    static let ownershipMigration = SQLMigration("since when addresses have had their owners") { database in
        try database.execute(
            sql: """
                ALTER TABLE account ADD COLUMN created INTEGER NOT NULL DEFAULT 0;
                ALTER TABLE alias ADD COLUMN created INTEGER NOT NULL DEFAULT 0;
                UPDATE account SET created = CAST(strftime('%s', 'now') AS INTEGER);
                UPDATE alias SET created = CAST(strftime('%s', 'now') AS INTEGER);
                """
        )
    }

    static func recordOwner(ofAccount id: Int64, since time: Timestamp, in database: GRDB.Database) throws {
        try database.execute(sql: "UPDATE account SET created = ? WHERE id = ?", arguments: [time.seconds, id])
    }

    /// Where an alias leads may be somebody else from now on.
    static func recordOwner(
        ofAlias key: StatementArguments,
        since time: Timestamp,
        in database: GRDB.Database
    ) throws {
        try database.execute(
            sql: "UPDATE alias SET created = ? WHERE domain = ? AND local_part = ?",
            arguments: StatementArguments([time.seconds]) + key
        )
    }

    public func ownedSince(_ address: EmailAddress) async throws(DirectoryError) -> Timestamp? {
        guard let domain = address.domain else { return nil }
        let local = address.localPart.folded
        return try await read { database in
            for (table, name) in [("account", local), ("alias", local), ("alias", Self.anyLocalPart)] {
                let created = try Int64.fetchOne(
                    database,
                    sql: "SELECT created FROM \(table) WHERE domain = ? AND local_part = ?",
                    arguments: [domain.ascii, name]
                )
                if let created { return created > 0 ? Timestamp(seconds: created) : nil }
            }
            return nil
        }
    }
}
