import GRDB
import SQLDatabase

/// The tables of an account's database.
enum AccountSchema {
    static let inbox = "INBOX"
    /// The mailboxes an account begins with, and their uses: RFC 6154 section 2.
    private static let mailboxes: [(name: String, use: String?)] = [
        (inbox, nil), ("Drafts", "\\Drafts"), ("Sent", "\\Sent"), ("Junk", "\\Junk"), ("Trash", "\\Trash"),
        ("Archive", "\\Archive"),
    ]

    /// - Parameter uidValidity: that of the first mailboxes where they are made now.
    static func migrations(uidValidity: UInt32) -> [SQLMigration] {
        [
            SQLMigration("mailboxes and messages") { database in
                try database.execute(sql: tables)
                for mailbox in mailboxes {
                    try database.execute(
                        sql: """
                            INSERT INTO mailbox (name, uid_validity, uid_next, highest_modseq, special_use)
                            VALUES (?, ?, 1, 1, ?)
                            """,
                        arguments: [mailbox.name, Int64(uidValidity), mailbox.use]
                    )
                }
            }
        ]
    }

    // A message is a mailbox's entry; copies of a message share email_id and body. Neither UIDs nor ids are given out
    // twice: both come from counters that never go back. A body lies in `content` or in the file that `file` names.
    // `modseq` of messages and of what was expunged is the mailbox's change log: RFC 7162.
    private static let tables = """
        CREATE TABLE account (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            next_id INTEGER NOT NULL,
            pruned INTEGER NOT NULL
        ) STRICT;
        INSERT INTO account VALUES (1, 1, 0);
        CREATE TABLE mailbox (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL UNIQUE,
            uid_validity INTEGER NOT NULL,
            uid_next INTEGER NOT NULL,
            highest_modseq INTEGER NOT NULL,
            special_use TEXT
        ) STRICT;
        CREATE TABLE body (
            id INTEGER PRIMARY KEY,
            size INTEGER NOT NULL,
            file INTEGER,
            content BLOB,
            CHECK ((file IS NULL) <> (content IS NULL))
        ) STRICT;
        CREATE UNIQUE INDEX body_file ON body (file) WHERE file IS NOT NULL;
        CREATE TABLE message (
            id INTEGER PRIMARY KEY,
            mailbox INTEGER NOT NULL REFERENCES mailbox (id),
            uid INTEGER NOT NULL,
            modseq INTEGER NOT NULL,
            flags INTEGER NOT NULL DEFAULT 0,
            keywords TEXT,
            email_id INTEGER NOT NULL,
            thread_id INTEGER NOT NULL,
            received INTEGER NOT NULL,
            saved INTEGER NOT NULL,
            size INTEGER NOT NULL,
            utf8_header INTEGER NOT NULL,
            message_id TEXT,
            subject TEXT,
            "from" TEXT,
            preview TEXT NOT NULL,
            structure BLOB NOT NULL,
            body INTEGER NOT NULL REFERENCES body (id)
        ) STRICT;
        CREATE UNIQUE INDEX message_listing ON message (mailbox, uid, size, utf8_header);
        CREATE INDEX message_body ON message (body);
        CREATE TABLE thread_link (
            link INTEGER PRIMARY KEY,
            thread INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE expunged (
            mailbox INTEGER NOT NULL REFERENCES mailbox (id),
            modseq INTEGER NOT NULL,
            uid INTEGER NOT NULL,
            time INTEGER NOT NULL,
            PRIMARY KEY (mailbox, modseq, uid)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE delivered (
            queue_id INTEGER NOT NULL,
            recipient TEXT NOT NULL,
            time INTEGER NOT NULL,
            mailbox TEXT NOT NULL,
            uid INTEGER NOT NULL,
            PRIMARY KEY (queue_id, recipient)
        ) STRICT, WITHOUT ROWID;
        """
}
