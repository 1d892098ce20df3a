import Directory
import MailBytes
import MailNames
import Testing

@Suite("Owners of addresses, and senders that accounts may use") struct OwnershipTests {
    private static func owned(_ fixture: DirectoryFixture, _ address: String) async throws -> Int64? {
        try await fixture.directory.ownedSince(try EmailAddress(parsing: address))?.seconds
    }

    @Test func `an address has its owner since it was given, and a new one since then, RFC 7293 section 5`()
        async throws
    {
        try await DirectoryFixture.with { fixture in
            try await fixture.domain("example.org")
            try await fixture.account("alice@example.org")
            #expect(try await Self.owned(fixture, "Alice@example.org") == 1_800_000_000)
            fixture.time.pass(100)
            try await fixture.directory.removeAccount(try EmailAddress(parsing: "alice@example.org"))
            try await fixture.account("alice@example.org")
            #expect(try await Self.owned(fixture, "alice@example.org") == 1_800_000_100)
            try await fixture.alias("sales@example.org", "alice@example.org")
            fixture.time.pass(100)
            try await fixture.alias("sales@example.org", "bob@example.net")
            #expect(try await Self.owned(fixture, "sales@example.org") == 1_800_000_200)
            try await fixture.alias("*@example.org", "alice@example.org")
            #expect(try await Self.owned(fixture, "anybody@example.org") == 1_800_000_200)
            #expect(try await Self.owned(fixture, "x@example.net") == nil)
        }
    }

    @Test func `an account sends as what is listed for it, until it is taken away`() async throws {
        try await DirectoryFixture.with { fixture in
            try await fixture.domain("example.org")
            let alice = try await fixture.account("alice@example.org")
            try await fixture.account("bob@example.org")
            let directory = fixture.directory
            let other = try EmailAddress(parsing: "Team@partner.example")
            #expect(try await !directory.account(alice.id, maySendAs: other))
            try await directory.addSender(try AliasAddress(parsing: "team@partner.example"), to: alice.address)
            #expect(try await directory.account(alice.id, maySendAs: other))
            #expect(try await directory.senders(of: alice.address) == ["team@partner.example"])
            try await directory.addSender(try AliasAddress(parsing: "*@whole.example"), to: alice.address)
            #expect(try await directory.account(alice.id, maySendAs: try EmailAddress(parsing: "x@whole.example")))
            let bob = try EmailAddress(parsing: "bob@example.org")
            #expect(try await !directory.account(alice.id, maySendAs: bob))
            try await directory.addSender(.address(bob), to: alice.address)
            #expect(try await directory.account(alice.id, maySendAs: bob))
            try await directory.removeSender(try AliasAddress(parsing: "team@partner.example"), from: alice.address)
            #expect(try await !directory.account(alice.id, maySendAs: other))
            await #expect(throws: DirectoryError.self) {
                try await directory.removeSender(try AliasAddress(parsing: "team@partner.example"), from: alice.address)
            }
            await #expect(throws: DirectoryError.self) {
                try await directory.addSender(.address(bob), to: try EmailAddress(parsing: "nobody@example.org"))
            }
            try await directory.removeAccount(alice.address)
            let again = try await fixture.account("alice@example.org")
            #expect(try await !directory.account(again.id, maySendAs: bob))
        }
    }
}
