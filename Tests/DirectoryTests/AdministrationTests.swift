import Directory
import MailBytes
import MailNames
import Testing

@Suite("Changing the directory") struct AdministrationTests {
    private static func expect(_ reason: DirectoryError.Reason, _ body: () async throws -> Void) async {
        do {
            try await body()
            Issue.record("it was done, though \(reason)")
        } catch {
            #expect((error as? DirectoryError)?.reason == reason)
        }
    }

    @Test func `a domain is here once, and goes when it is empty`() async throws {
        try await DirectoryFixture.with { house in
            let domain = try Domain(parsing: "example.test")
            try await house.domain("example.test")
            await Self.expect(.domainExists(domain)) { try await house.domain("EXAMPLE.test") }
            let account = try await house.account("alice@example.test")
            try await house.alias("a@example.test", "alice@example.test")
            try await house.alias("b@example.test", "alice@example.test")
            await Self.expect(.domainInUse(domain, accounts: 1, aliases: 2)) {
                try await house.directory.removeDomain(domain)
            }
            try await house.directory.removeAccount(account.address)
            for alias in ["a@example.test", "b@example.test"] {
                try await house.directory.removeAlias(try AliasAddress(parsing: alias))
            }
            try await house.directory.removeDomain(domain)
            #expect(try await house.directory.domains().isEmpty)
            await Self.expect(.domainUnknown(domain)) { try await house.directory.removeDomain(domain) }
        }
    }

    @Test func `an account needs a domain that is ours and a name that is free`() async throws {
        try await DirectoryFixture.with { house in
            try await house.domain("example.test")
            let other = try Domain(parsing: "other.test")
            await Self.expect(.domainUnknown(other)) { try await house.account("a@other.test") }
            await Self.expect(.accountUnknown("a@[192.0.2.1]")) { try await house.account("a@[192.0.2.1]") }
            try await house.account("alice@example.test")
            try await house.alias("team@example.test", "alice@example.test")
            for taken in ["Alice@example.test", "TEAM@example.test"] {
                let address = try EmailAddress(parsing: taken)
                await Self.expect(.addressTaken(address)) { try await house.account(taken) }
            }
            let alice = try EmailAddress(parsing: "alice@example.test")
            await Self.expect(.addressTaken(alice)) { try await house.alias("alice@example.test", "a@b.test") }
        }
    }

    @Test func `what is not there cannot be changed`() async throws {
        try await DirectoryFixture.with { house in
            try await house.domain("example.test")
            let nobody = try EmailAddress(parsing: "nobody@example.test")
            let unknown = DirectoryError.Reason.accountUnknown("nobody@example.test")
            await Self.expect(unknown) { try await house.directory.removeAccount(nobody) }
            let password = try DirectoryFixture.password("a good password")
            await Self.expect(unknown) { try await house.directory.setPassword(password, of: nobody) }
            let alias = try AliasAddress(parsing: "*@example.test")
            await Self.expect(.aliasUnknown("*@example.test")) { try await house.directory.removeAlias(alias) }
        }
    }

    @Test func `an account made anew under an old name is another one`() async throws {
        try await DirectoryFixture.with { house in
            try await house.domain("example.test")
            let first = try await house.account("alice@example.test")
            try await house.directory.removeAccount(first.address)
            let second = try await house.account("alice@example.test")
            #expect(first.id != second.id)
            #expect(try await house.directory.account(first.id) == nil)
            #expect(try await house.directory.account(second.id) == second)
            #expect(try await house.directory.account(addressed: first.address) == second)
        }
    }

    @Test func `an alias set anew leads where it was last told`() async throws {
        try await DirectoryFixture.with { house in
            try await house.domain("example.test")
            try await house.alias("team@example.test", "a@b.test", "c@d.test")
            try await house.alias("team@example.test", "e@f.test")
            let aliases = try await house.directory.aliases()
            #expect(aliases.map(\.address) == ["team@example.test"])
            #expect(aliases.first?.targets.map(\.description) == ["e@f.test"])
        }
    }

    @Test func `an alias leads to one address at least and a thousand at most`() async throws {
        try await DirectoryFixture.with { house in
            try await house.domain("example.test")
            let alias = try AliasAddress(parsing: "team@example.test")
            let many = try (0...1000).map { try EmailAddress(parsing: "a\($0)@b.test") }
            await Self.expect(.aliasTargets) { try await house.directory.setAlias(alias, to: []) }
            await Self.expect(.aliasTargets) { try await house.directory.setAlias(alias, to: many) }
            try await house.directory.setAlias(alias, to: Array(many.dropLast()))
            #expect(try await house.answer("team@example.test") == .alias(Array(many.dropLast())))
        }
    }

    @Test func `all is there after the directory was closed and opened`() async throws {
        try await DirectoryFixture.with { house in
            try await house.domain("example.test")
            let account = try await house.account("alice@example.test")
            try await house.alias("team@example.test", "alice@example.test")
            await house.directory.close()
            let again = try SQLDirectory(path: house.path, clock: house.time.clock, hashParameters: .forTests)
            #expect(try await again.domains().map(\.ascii) == ["example.test"])
            #expect(try await again.accounts() == [account])
            #expect(try await again.aliases().map(\.address) == ["team@example.test"])
            await again.close()
        }
    }
}
