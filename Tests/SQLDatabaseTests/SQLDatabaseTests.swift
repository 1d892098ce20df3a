import Foundation
import GRDB
import SQLDatabase
import Testing

@Suite("Databases") struct SQLDatabaseTests {
    private static let notes = SQLMigration("notes") { database in
        try database.execute(sql: "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL)")
    }
    private static let colours = SQLMigration("colours") { database in
        try database.execute(sql: "ALTER TABLE note ADD COLUMN colour TEXT NOT NULL DEFAULT 'grey'")
    }

    private static func inFolder(_ body: (_ path: String) async throws -> Void) async throws {
        let folder = NSTemporaryDirectory() + "martlet-sql-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await body(folder + "/notes.db")
    }

    private static func open(_ path: String, _ migrations: [SQLMigration]) throws -> SQLDatabase {
        try SQLDatabase.open(path: path, migrations: migrations, durability: .full)
    }

    @Test func `what is written is there after the database was closed and opened`() async throws {
        try await Self.inFolder { path in
            let first = try Self.open(path, [Self.notes])
            try await first.write { try $0.execute(sql: "INSERT INTO note (text) VALUES ('kept')") }
            try first.close()
            let second = try Self.open(path, [Self.notes])
            #expect(try await second.read { try String.fetchAll($0, sql: "SELECT text FROM note") } == ["kept"])
            try second.close()
        }
    }

    @Test func `an older file gets the steps that it lacks, each once, and keeps what it has`() async throws {
        try await Self.inFolder { path in
            let old = try Self.open(path, [Self.notes])
            try await old.write { try $0.execute(sql: "INSERT INTO note (text) VALUES ('old')") }
            try old.close()
            for _ in 0..<2 {
                let new = try Self.open(path, [Self.notes, Self.colours])
                let found = try await new.read {
                    try String.fetchAll($0, sql: "SELECT text || ' ' || colour FROM note")
                }
                #expect(found == ["old grey"])
                try new.close()
            }
        }
    }

    @Test func `a file of a newer program is refused and left alone`() async throws {
        try await Self.inFolder { path in
            try Self.open(path, [Self.notes, Self.colours]).close()
            let error = try #require(throws: SQLDatabaseError.self) { try Self.open(path, [Self.notes]) }
            #expect(error.reason == .newer(found: 2, known: 1))
            #expect(error.description.contains("use a newer Martlet"))
            try Self.open(path, [Self.notes, Self.colours]).close()
        }
    }

    @Test func `a step that fails leaves the file as it was before the step`() async throws {
        struct Failure: Error {}
        let failing = SQLMigration("failing") { database in
            try database.execute(sql: "DROP TABLE note")
            throw Failure()
        }
        try await Self.inFolder { path in
            let error = try #require(throws: SQLDatabaseError.self) { try Self.open(path, [Self.notes, failing]) }
            #expect(error.reason == .unusable)
            let database = try Self.open(path, [Self.notes, Self.colours])
            #expect(try await database.read { try Int.fetchOne($0, sql: "SELECT COUNT(*) FROM note") } == 0)
            try database.close()
        }
    }

    @Test func `a failed write changes nothing`() async throws {
        try await Self.inFolder { path in
            let database = try Self.open(path, [Self.notes])
            await #expect(throws: (any Error).self) {
                try await database.write { database in
                    try database.execute(sql: "INSERT INTO note (text) VALUES ('one')")
                    try database.execute(sql: "INSERT INTO nowhere (text) VALUES ('two')")
                }
            }
            #expect(try database.readBlocking { try Int.fetchOne($0, sql: "SELECT COUNT(*) FROM note") } == 0)
            try database.close()
        }
    }

    @Test(arguments: [(SQLDatabase.Durability.full, 2), (.processCrash, 1)])
    func `the promise of durability is SQLite's own setting`(
        durability: SQLDatabase.Durability,
        level: Int
    ) async throws {
        try await Self.inFolder { path in
            let database = try SQLDatabase.open(path: path, migrations: [], durability: durability)
            let found = try await database.write { try Int.fetchOne($0, sql: "PRAGMA synchronous") }
            #expect(found == level)
            #expect(try await database.write { try String.fetchOne($0, sql: "PRAGMA journal_mode") } == "wal")
            #expect(try await database.write { try Bool.fetchOne($0, sql: "PRAGMA foreign_keys") } == true)
            try database.close()
        }
    }

    @Test func `the files are the owner's alone`() async throws {
        try await Self.inFolder { path in
            let database = try Self.open(path, [Self.notes])
            try await database.write { try $0.execute(sql: "INSERT INTO note (text) VALUES ('private')") }
            for name in [path, path + "-wal", path + "-shm"] {
                let mode = try FileManager.default.attributesOfItem(atPath: name)[.posixPermissions] as? Int
                #expect(mode == 0o600, "\(name)")
            }
            try database.close()
        }
    }

    @Test func `what is no database is refused by its name`() async throws {
        try await Self.inFolder { path in
            let text = String(repeating: "This is not a database. ", count: 100)
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            let error = try #require(throws: SQLDatabaseError.self) { try Self.open(path, [Self.notes]) }
            #expect(error.reason == .unusable)
            #expect(error.description.contains(path))
            #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
        }
    }

    @Test func `a folder that is not there is an error that names the path`() throws {
        let path = NSTemporaryDirectory() + "martlet-" + UUID().uuidString + "/none/notes.db"
        let error = try #require(throws: SQLDatabaseError.self) { try Self.open(path, [Self.notes]) }
        #expect(error.description.contains(path))
    }

    @Test func `two who open a new file at the same time both find it ready`() async throws {
        try await Self.inFolder { path in
            try await withThrowingTaskGroup(of: Int?.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        let database = try Self.open(path, [Self.notes, Self.colours])
                        defer { try? database.close() }
                        return try database.readBlocking { try Int.fetchOne($0, sql: "SELECT COUNT(colour) FROM note") }
                    }
                }
                for try await count in group { #expect(count == 0) }
            }
        }
    }
}
