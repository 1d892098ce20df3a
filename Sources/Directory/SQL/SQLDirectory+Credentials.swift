import Foundation
import GRDB
import MailNames
import SASL
import SQLDatabase

// What is kept of passwords: the Argon2id hash for those that come in clear, and keys for SCRAM.
//
// All passwords of an account share one salt for SCRAM, which stays as long as the account does: the server sends it before it
// knows which of them the client has.
extension SQLDirectory {
    /// Version 2: SCRAM and app passwords. Accounts that are there get a salt now, and keys at their next log-in with
    /// PLAIN or LOGIN.
    static let credentialMigration = SQLMigration("SCRAM verifiers, app passwords") { database in
        try database.execute(
            sql: """
                CREATE TABLE secret (name TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL) WITHOUT ROWID;
                CREATE TABLE scram_salt (
                    account INTEGER PRIMARY KEY NOT NULL REFERENCES account (id) ON DELETE CASCADE,
                    salt BLOB NOT NULL,
                    iterations INTEGER NOT NULL
                );
                CREATE TABLE account_key (
                    account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
                    name TEXT NOT NULL,
                    digest BLOB,
                    sha256 BLOB,
                    sha1 BLOB,
                    created INTEGER NOT NULL DEFAULT 0,
                    PRIMARY KEY (account, name)
                ) WITHOUT ROWID;
                """
        )
        try database.execute(
            sql: "INSERT INTO secret (name, value) VALUES ('scram decoy', ?)",
            arguments: [StoredPassword.data(StoredPassword.random(32))]
        )
        try database.execute(
            sql: "INSERT INTO scram_salt (account, salt, iterations) SELECT id, randomblob(16), ? FROM account",
            arguments: [SCRAMVerifier.standardIterations]
        )
    }

    /// The name of an account's own password among its keys: no app password can have it.
    static let ownPassword = ""

    static func decoySecret(in database: SQLDatabase) throws -> [UInt8] {
        let stored = try database.readBlocking { database in
            try Data.fetchOne(database, sql: "SELECT value FROM secret WHERE name = 'scram decoy'")
        }
        return stored.map { Array($0) } ?? StoredPassword.random(32)
    }

    /// What the server was last started with: commands that work on the data of a stopped one do not know its
    /// configuration.
    static func keepsVerifiers(_ wish: Bool?, in database: SQLDatabase) throws -> Bool {
        let stored = try database.readBlocking { database in
            try Data.fetchOne(database, sql: "SELECT value FROM secret WHERE name = 'scram kept'")
        }
        let known = stored.map { $0 != Data([0]) } ?? true
        guard let wish, wish != known else { return known }
        try database.writeBlocking { database in
            try database.execute(
                sql: "INSERT OR REPLACE INTO secret (name, value) VALUES ('scram kept', ?)",
                arguments: [Data([wish ? 1 : 0])]
            )
        }
        return wish
    }

    // MARK: Log-ins

    /// What is known of a name that somebody logs in by.
    struct Login: Sendable {
        let account: Account
        let hash: String
        let hasVerifier: Bool
        /// Whether the password is one of the account's app passwords.
        let isAppPassword: Bool
    }

    static func login(_ name: String, appPassword: [UInt8], in database: GRDB.Database) throws -> Login? {
        guard let address = try? EmailAddress(parsing: name), let domain = address.domain else { return nil }
        let row = try Row.fetchOne(
            database,
            sql: """
                SELECT id, address, enabled, password,
                    EXISTS (SELECT 1 FROM account_key WHERE account = id AND name = '' AND sha256 IS NOT NULL) AS kept,
                    EXISTS (SELECT 1 FROM account_key WHERE account = id AND digest = ?) AS app
                FROM account WHERE domain = ? AND local_part = ?
                """,
            arguments: [StoredPassword.data(appPassword), domain.ascii, address.localPart.folded]
        )
        guard let row, let account = Account(row: row) else { return nil }
        return Login(account: account, hash: row["password"], hasVerifier: row["kept"], isAppPassword: row["app"])
    }

    /// The account that logs in under a name: its own address.
    public func account(named name: String) async throws(DirectoryError) -> Account? {
        guard let address = try? EmailAddress(parsing: name) else { return nil }
        return try await account(addressed: address)
    }

    /// What a SCRAM exchange needs, or a decoy. Both are made each time, so that one takes as long as the other.
    public func scramVerifier(for identity: SCRAMIdentity) async throws(DirectoryError) -> SCRAMVerifier {
        let address = try? EmailAddress(parsing: identity.user)
        let name = address.map { "\($0.localPart.folded)@\($0.domain?.ascii ?? "")" } ?? identity.user.lowercased()
        let decoy = SCRAMVerifier.decoy(for: name, secret: decoySecret, hash: identity.hash)
        let found = try await read { database in
            try Self.verifier(
                address?.localPart.folded ?? "",
                address?.domain?.ascii ?? "",
                identity.hash,
                in: database
            )
        }
        return found ?? decoy
    }

    private static func verifier(
        _ local: String,
        _ domain: String,
        _ hash: SCRAMHash,
        in database: GRDB.Database
    ) throws -> SCRAMVerifier? {
        let column = hash == .sha256 ? "sha256" : "sha1"
        let rows = try Row.fetchAll(
            database,
            sql: """
                SELECT salt, iterations, \(column) AS keys FROM account
                JOIN scram_salt ON scram_salt.account = id JOIN account_key ON account_key.account = id
                WHERE domain = ? AND local_part = ? AND enabled AND \(column) IS NOT NULL ORDER BY name
                """,
            arguments: [domain, local]
        )
        guard let first = rows.first else { return nil }
        let keys = rows.compactMap { SCRAMVerifier.Keys(Array($0["keys"] as Data), hash: hash) }
        return SCRAMVerifier(salt: Array(first["salt"] as Data), iterations: first["iterations"], keys: keys)
    }

    // MARK: Keeping

    /// What is to be kept of a password, made on the threads for that.
    func secrets(of password: Password, salt: [UInt8]) async throws(DirectoryError) -> StoredPassword {
        try await onHashingThread { [hashParameters, keepsVerifiers] in
            let hash = try PasswordHash.hash(password: password, parameters: hashParameters).phc
            return StoredPassword(hash: hash, keys: keepsVerifiers ? SCRAMKeys(password, salt: salt) : nil, salt: salt)
        }
    }

    static func salt(of account: AccountID, in database: GRDB.Database) throws -> [UInt8]? {
        try Data.fetchOne(
            database,
            sql: "SELECT salt FROM scram_salt WHERE account = ?",
            arguments: [account.rawValue]
        ).map { Array($0) }
    }

    /// Writes the keys of an account's own password, in the transaction that writes its hash.
    static func keep(_ secrets: StoredPassword, of account: AccountID, in database: GRDB.Database) throws {
        try database.execute(
            sql: "INSERT OR IGNORE INTO scram_salt (account, salt, iterations) VALUES (?, ?, ?)",
            arguments: [account.rawValue, StoredPassword.data(secrets.salt), SCRAMVerifier.standardIterations]
        )
        try database.execute(
            sql: "INSERT OR REPLACE INTO account_key (account, name, sha256, sha1) VALUES (?, ?, ?, ?)",
            arguments: [
                account.rawValue, ownPassword, StoredPassword.data(secrets.keys?.sha256.octets),
                StoredPassword.data(secrets.keys?.sha1.octets),
            ]
        )
    }

    /// Keeps the SCRAM keys of a password that was found right, for an account that was made before there were any. When it
    /// fails, the next log-in tries again.
    func addVerifier(_ password: Password, of login: Login) async {
        let id = login.account.id
        guard let salt = try? await read({ try Self.salt(of: id, in: $0) }),
            let keys = try? await onHashingThread({ SCRAMKeys(password, salt: salt) })
        else { return }
        let secrets = StoredPassword(hash: login.hash, keys: keys, salt: salt)
        try? await database.write { database in
            // Not where the password was changed meanwhile.
            let hash = try String.fetchOne(
                database,
                sql: "SELECT password FROM account WHERE id = ?",
                arguments: [id.rawValue]
            )
            if hash == secrets.hash { try Self.keep(secrets, of: id, in: database) }
        }
    }
}
