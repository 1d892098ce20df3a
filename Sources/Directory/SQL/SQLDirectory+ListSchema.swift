import GRDB
import MailNames
import MailingLists
import SQLDatabase

extension SQLDirectory {
    /// Lists, their members, and the secret that their tokens are sealed with.
    static let listMigration = SQLMigration("mailing lists") { database in
        try database.execute(
            sql: """
                CREATE TABLE list (
                    id INTEGER PRIMARY KEY AUTOINCREMENT,
                    local_part TEXT NOT NULL,
                    domain TEXT NOT NULL REFERENCES domain (name),
                    address TEXT NOT NULL,
                    owner TEXT NOT NULL,
                    name TEXT,
                    posting TEXT NOT NULL,
                    subscription TEXT NOT NULL,
                    bounce_limit INTEGER NOT NULL,
                    archive TEXT,
                    UNIQUE (domain, local_part)
                );
                CREATE TABLE list_member (
                    list INTEGER NOT NULL REFERENCES list (id) ON DELETE CASCADE,
                    member TEXT NOT NULL,
                    address TEXT NOT NULL,
                    joined INTEGER NOT NULL,
                    suspended INTEGER,
                    bounce_score REAL NOT NULL DEFAULT 0,
                    bounced INTEGER,
                    PRIMARY KEY (list, member)
                ) WITHOUT ROWID;
                CREATE TABLE list_secret (secret BLOB NOT NULL);
                INSERT INTO list_secret VALUES (randomblob(32));
                """
        )
    }
}

extension EmailAddress {
    /// How a member is kept: two that are the same mailbox for us are one.
    var memberKey: String { "\(localPart.folded)@\(host.ascii)" }
}

extension ListSettings {
    static let columns = "address, owner, name, posting, subscription, bounce_limit, archive"

    /// `nil` for a row that this program did not write.
    init?(row: Row) {
        guard let address = try? EmailAddress(parsing: row["address"] as String),
            let owner = try? EmailAddress(parsing: row["owner"] as String),
            let posting = Posting(rawValue: row["posting"]),
            let subscription = Subscription(rawValue: row["subscription"])
        else { return nil }
        self.init(
            address: address,
            owner: owner,
            name: row["name"],
            posting: posting,
            subscription: subscription,
            bounceLimit: row["bounce_limit"],
            archive: row["archive"]
        )
    }

    var values: StatementArguments {
        [address.description, owner.description, name, posting.rawValue, subscription.rawValue, bounceLimit, archive]
    }
}
