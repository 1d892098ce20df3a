import GRDB
import MailBytes

/// One SQL database: opened, brought to the program's format, and read and written on its own bounded threads.
///
/// Today that is SQLite through GRDB. A file of a newer format than the program's is refused.
public final class SQLDatabase: Sendable {
    /// What a finished write promises.
    public enum Durability: Sendable {
        /// It is on stable storage: a power cut does not undo it.
        case full
        /// It survives the end of the process, but a power cut may undo the last ones. For what can be made anew.
        case processCrash
    }

    /// The largest number of reads at the same time.
    public static let concurrentReads = 3
    /// How long a write waits for another process, such as an administration command.
    private static let patience = 30.0

    private let pool: DatabasePool
    /// The file.
    public let path: String

    private init(pool: DatabasePool, path: String) {
        self.pool = pool
        self.path = path
    }

    /// Opens a database, making it with mode 0600 when it is not there, and applies the migrations it lacks, each in one
    /// transaction.
    ///
    /// - Throws: `SQLDatabaseError`.
    public static func open(
        path: String,
        migrations: [SQLMigration],
        durability: Durability,
        readers: Int = concurrentReads
    ) throws(SQLDatabaseError) -> SQLDatabase {
        do {
            PrivateDatabaseFile.make(path)
            var configuration = GRDB.Configuration()
            configuration.busyMode = .timeout(patience)
            configuration.maximumReaderCount = readers
            configuration.foreignKeysEnabled = true
            configuration.prepareDatabase { database in
                try database.execute(sql: "PRAGMA cache_size = -2000")
            }
            let pool = try DatabasePool(path: path, configuration: configuration)
            // The pool lowers synchronous to NORMAL when it turns on the write-ahead log, after `prepareDatabase`.
            let level = durability == .full ? 2 : 1
            try pool.writeWithoutTransaction { database in
                try database.execute(sql: "PRAGMA synchronous = \(level)")
                guard try Int.fetchOne(database, sql: "PRAGMA synchronous") == level else {
                    throw SQLDatabaseError(path: path, reason: .notDurable)
                }
            }
            try migrate(pool, migrations, path: path)
            return SQLDatabase(pool: pool, path: path)
        } catch let error as SQLDatabaseError {
            throw error
        } catch {
            throw SQLDatabaseError(path: path, reason: .unusable, underlying: error)
        }
    }

    /// Reads a consistent state.
    public func read<Value: Sendable>(
        _ body: @escaping @Sendable (GRDB.Database) throws -> Value
    ) async throws -> Value {
        try await pool.read(body)
    }

    /// Writes in one transaction, with the promise of the database's durability on return.
    public func write<Value: Sendable>(
        _ body: @escaping @Sendable (GRDB.Database) throws -> Value
    ) async throws -> Value {
        try await pool.write(body)
    }

    /// `read(_:)` for a thread that may wait.
    public func readBlocking<Value>(_ body: (GRDB.Database) throws -> Value) throws -> Value {
        try pool.read(body)
    }

    /// `write(_:)` for a thread that may wait.
    public func writeBlocking<Value>(_ body: (GRDB.Database) throws -> Value) throws -> Value {
        try pool.write(body)
    }

    /// Ends all connections; what comes after it fails.
    public func close() throws {
        try pool.close()
    }

    private static func migrate(_ pool: DatabasePool, _ migrations: [SQLMigration], path: String) throws {
        while true {
            // The version is read in each step's transaction: another process may be at the same work.
            let isDone = try pool.write { database in
                let version = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
                guard (0...migrations.count).contains(version) else {
                    throw SQLDatabaseError(path: path, reason: .newer(found: version, known: migrations.count))
                }
                guard version < migrations.count else { return true }
                try migrations[version].apply(database)
                try database.execute(sql: "PRAGMA user_version = \(version + 1)")
                return false
            }
            if isDone { return }
        }
    }
}

/// One step of a database's format. Steps are never changed once released, only added at the end.
public struct SQLMigration: Sendable {
    /// What the step brings.
    public let name: String
    let apply: @Sendable (GRDB.Database) throws -> Void

    public init(_ name: String, apply: @escaping @Sendable (GRDB.Database) throws -> Void) {
        self.name = name
        self.apply = apply
    }
}

/// Why a database cannot be used.
public struct SQLDatabaseError: Error, CustomStringConvertible {
    public enum Reason: Sendable, Equatable {
        case unusable
        case notDurable
        case newer(found: Int, known: Int)
    }

    public let path: String
    public let reason: Reason
    public let underlying: (any Error)?

    init(path: String, reason: Reason, underlying: (any Error)? = nil) {
        self.path = path
        self.reason = reason
        self.underlying = underlying
    }

    /// One line an operator can act on.
    public var description: String {
        switch reason {
        case .unusable:
            "The database \(path) cannot be used" + (underlying.map { ": \($0)" } ?? ".")
        case .notDurable:
            "The database \(path) does not take synchronous=FULL; it would lose mail in a power cut."
        case .newer(let found, let known):
            "The database \(path) has format \(found), this program knows formats up to \(known): use a newer Martlet."
        }
    }
}
