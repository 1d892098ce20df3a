import Directory
import Foundation
import MailNames
import Testing

@Suite("Logging in") struct CredentialTests {
    @Test func `name and password have to fit`() async throws {
        try await DirectoryFixture.with { house in
            try await house.domain("example.test")
            let account = try await house.account("alice@example.test", "correct horse")
            // The second time from memory.
            for _ in 0..<2 {
                #expect(try await house.logIn("Alice@Example.TEST", "correct horse") == account)
                #expect(try await house.logIn("alice@example.test", "correct horsf") == nil)
                #expect(try await house.logIn("alice@example.test", "Correct horse") == nil)
                #expect(try await house.logIn("bob@example.test", "correct horse") == nil)
                #expect(try await house.logIn("alice", "correct horse") == nil)
            }
        }
    }

    @Test func `nobody acts as somebody else, RFC 4616 section 2`() async throws {
        try await DirectoryFixture.with { house in
            try await house.domain("example.test")
            let account = try await house.account("alice@example.test")
            try await house.account("bob@example.test")
            #expect(try await house.logIn("alice@example.test", "a good password", as: "bob@example.test") == nil)
            let herself = try await house.logIn("alice@example.test", "a good password", as: "alice@example.test")
            #expect(herself == account)
        }
    }

    @Test func `another password holds at once, although the old one was used a moment ago`() async throws {
        try await DirectoryFixture.with { house in
            try await house.domain("example.test")
            let account = try await house.account("alice@example.test", "the old one")
            #expect(try await house.logIn("alice@example.test", "the old one") == account)
            try await house.directory.setPassword(try DirectoryFixture.password("the new one"), of: account.address)
            #expect(try await house.logIn("alice@example.test", "the old one") == nil)
            #expect(try await house.logIn("alice@example.test", "the new one") == account)
        }
    }

    @Test func `an account that was removed is out at once`() async throws {
        try await DirectoryFixture.with { house in
            try await house.domain("example.test")
            let account = try await house.account("alice@example.test")
            #expect(try await house.logIn("alice@example.test", "a good password") == account)
            try await house.directory.removeAccount(account.address)
            #expect(try await house.logIn("alice@example.test", "a good password") == nil)
        }
    }

    @Test func `the file has a hash of Argon2id, and no password`() async throws {
        try await DirectoryFixture.with { house in
            try await house.domain("example.test")
            try await house.account("alice@example.test", "unmistakable words")
            #expect(try await house.logIn("alice@example.test", "unmistakable words") != nil)
            var file = try Data(contentsOf: URL(fileURLWithPath: house.path))
            file += try Data(contentsOf: URL(fileURLWithPath: house.path + "-wal"))
            #expect(file.range(of: Data("$argon2id$v=19$".utf8)) != nil)
            #expect(file.range(of: Data("unmistakable".utf8)) == nil)
        }
    }

    @Test func `an account may send as itself and as what leads to it alone`() async throws {
        try await DirectoryFixture.with { house in
            try await house.domain("example.test")
            let alice = try await house.account("alice@example.test")
            let bob = try await house.account("bob@example.test")
            try await house.alias("sales@example.test", "alice@example.test")
            try await house.alias("team@example.test", "alice@example.test", "bob@example.test")
            try await house.alias("away@example.test", "alice@example.org")
            func maySend(_ account: Account, _ address: String) async throws -> Bool {
                try await house.directory.account(account.id, maySendAs: try EmailAddress(parsing: address))
            }
            #expect(try await maySend(alice, "ALICE@example.test"))
            #expect(try await maySend(alice, "sales@example.test"))
            #expect(try await !maySend(bob, "sales@example.test"))
            for address in ["bob@example.test", "team@example.test", "away@example.test", "x@example.test", "a@b.test"]
            {
                #expect(try await !maySend(alice, address), "\(address)")
            }
        }
    }
}
