import Directory
import MailBytes
import MailNames
import Testing

@Suite("What becomes of a recipient") struct RecipientTests {
    @Test func `an address of another domain is not ours, nor is a subdomain or a literal`() async throws {
        try await DirectoryFixture.with { house in
            try await house.domain("example.test")
            for address in ["a@example.org", "a@sub.example.test", "a@test", "a@[192.0.2.1]"] {
                #expect(try await house.answer(address) == .notLocal, "\(address)")
            }
            #expect(try await house.answer("nobody@example.test") == .unknownRecipient)
        }
    }

    @Test func `local parts and domains are compared without case, RFC 5321 section 2.4`() async throws {
        try await DirectoryFixture.with { house in
            try await house.domain("Example.TEST")
            let account = try await house.account("Alice@example.test")
            for address in ["alice@example.test", "ALICE@EXAMPLE.TEST", "\"alice\"@example.test"] {
                #expect(try await house.answer(address) == .account(account.id), "\(address)")
            }
        }
    }

    @Test func `a domain is the same by its A-labels and its U-labels, RFC 5891`() async throws {
        try await DirectoryFixture.with { house in
            try await house.domain("bücher.test")
            let account = try await house.account("leser@bücher.test")
            #expect(try await house.answer("leser@xn--bcher-kva.test") == .account(account.id))
            #expect(try await house.directory.isLocal(try Domain(parsing: "xn--bcher-kva.test")))
        }
    }

    @Test func `a local part is the same composed and decomposed, RFC 6532 section 3.1`() async throws {
        try await DirectoryFixture.with { house in
            try await house.domain("example.test")
            let account = try await house.account("jos\u{E9}@example.test")
            #expect(try await house.answer("JOSE\u{301}@example.test") == .account(account.id))
        }
    }

    @Test func `a signed return path leads to the address behind its tag`() async throws {
        try await DirectoryFixture.with { house in
            try await house.domain("example.test")
            let account = try await house.account("alice@example.test")
            let now = house.time.clock.now()
            let alice = try EmailAddress(parsing: "alice+news@example.test")
            let signed = try #require(house.directory.returnPaths.sign(alice, now: now))
            #expect(house.directory.cachedAnswer(for: signed) == nil)
            #expect(try await house.directory.answer(for: signed) == .account(account.id))
            #expect(try await house.directory.answers(for: [signed]) == [signed: .account(account.id)])
            // Kept under the address behind the tag, so that tags of all days share it.
            let tomorrow = try #require(house.directory.returnPaths.sign(alice, now: now + .seconds(86_400)))
            #expect(tomorrow != signed)
            #expect(house.directory.cachedAnswer(for: tomorrow) == .account(account.id))
        }
    }

    @Test func `what was signed before a restart holds after it`() async throws {
        try await DirectoryFixture.with { house in
            let alice = try EmailAddress(parsing: "alice@example.test")
            let now = house.time.clock.now()
            let signed = try #require(house.directory.returnPaths.sign(alice, now: now))
            let again = try SQLDirectory(path: house.path, clock: house.time.clock, hashParameters: .forTests)
            #expect(again.returnPaths.isValid(signed, now: now))
            await again.close()
        }
    }

    @Test func `an alias leads to its addresses in their order`() async throws {
        try await DirectoryFixture.with { house in
            try await house.domain("example.test")
            try await house.alias("team@example.test", "b@example.org", "a@example.test")
            let targets = try ["b@example.org", "a@example.test"].map { try EmailAddress(parsing: $0) }
            #expect(try await house.answer("TEAM@example.test") == .alias(targets))
        }
    }

    @Test func `a catch-all takes what nobody else in its domain has`() async throws {
        try await DirectoryFixture.with { house in
            try await house.domain("example.test")
            try await house.domain("other.test")
            let account = try await house.account("alice@example.test")
            try await house.alias("*@example.test", "alice@example.test")
            try await house.alias("info@example.test", "bob@example.org")
            let alice = try EmailAddress(parsing: "alice@example.test")
            #expect(try await house.answer("anything@example.test") == .alias([alice]))
            #expect(try await house.answer("alice@example.test") == .account(account.id))
            #expect(
                try await house.answer("info@example.test") == .alias([try EmailAddress(parsing: "bob@example.org")])
            )
            #expect(try await house.answer("anything@other.test") == .unknownRecipient)
        }
    }

    @Test func `every domain has a postmaster: who has the name, else the oldest account, RFC 5321 section 4.5.1`()
        async throws
    {
        try await DirectoryFixture.with { house in
            try await house.domain("example.test")
            try await house.domain("other.test")
            #expect(try await house.answer("postmaster@example.test") == .unknownRecipient)
            let elsewhere = try await house.account("bob@other.test")
            #expect(try await house.answer("postmaster@example.test") == .account(elsewhere.id))
            let oldest = try await house.account("zoe@example.test")
            try await house.account("alice@example.test")
            #expect(try await house.answer("Postmaster@example.test") == .account(oldest.id))
            let named = try await house.account("postmaster@example.test")
            #expect(try await house.answer("postmaster@example.test") == .account(named.id))
        }
    }

    @Test func `what was answered is known without waiting, until the directory changes`() async throws {
        try await DirectoryFixture.with { house in
            try await house.domain("example.test")
            let address = try EmailAddress(parsing: "alice@example.test")
            #expect(house.directory.cachedAnswer(for: address) == nil)
            #expect(try await house.answer("alice@example.test") == .unknownRecipient)
            #expect(house.directory.cachedAnswer(for: address) == .unknownRecipient)
            let account = try await house.account("alice@example.test")
            #expect(house.directory.cachedAnswer(for: address) == nil)
            #expect(try await house.answer("alice@example.test") == .account(account.id))
            try await house.directory.removeAccount(address)
            #expect(try await house.answer("alice@example.test") == .unknownRecipient)
        }
    }

    @Test func `a closed directory says that it cannot tell, not that nobody is there`() async throws {
        try await DirectoryFixture.with { house in
            try await house.domain("example.test")
            await house.directory.close()
            await #expect(throws: DirectoryError.self) { try await house.answer("a@example.test") }
        }
    }
}
