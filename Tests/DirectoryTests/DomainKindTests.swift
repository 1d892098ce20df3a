import Directory
import Foundation
import GRDB
import MailNames
import Testing

@Suite("Kinds of domains, details, roles and forwarded accounts") struct DomainKindTests {
    private static func expect(_ reason: DirectoryError.Reason, _ body: () async throws -> Void) async {
        do {
            try await body()
            Issue.record("it was done, though \(reason)")
        } catch {
            #expect((error as? DirectoryError)?.reason == reason)
        }
    }

    @Test func `names of an alias domain lead where the same names of the other do`() async throws {
        try await DirectoryFixture.with { house in
            try await house.domain("example.test")
            let (main, second) = (try Domain(parsing: "example.test"), try Domain(parsing: "second.test"))
            try await house.directory.addDomain(second, .alias(of: main))
            let account = try await house.account("alice@example.test")
            try await house.alias("team@example.test", "alice@example.test")
            #expect(try await house.answer("alice@second.test") == .account(account.id))
            #expect(try await house.answer("team@second.test") == .alias([account.address]))
            #expect(try await house.answer("nobody@second.test") == .unknownRecipient)
            #expect(
                try await house.directory.account(account.id, maySendAs: try EmailAddress(parsing: "alice@second.test"))
            )
            await Self.expect(.domainOfOtherKind(second, .alias(of: main))) {
                try await house.account("bob@second.test")
            }
            await Self.expect(.domainOfOtherKind(second, .alias(of: main))) {
                try await house.directory.addDomain(try Domain(parsing: "third.test"), .alias(of: second))
            }
            #expect(
                try await house.directory.hostedDomains().map(\.kind) == [.local, .alias(of: main)]
            )
            try await house.directory.removeAlias(try AliasAddress(parsing: "team@example.test"))
            try await house.directory.removeAccount(account.address)
            await Self.expect(.domainHasAliases(main, [second])) { try await house.directory.removeDomain(main) }
            try await house.directory.removeDomain(second)
            try await house.directory.removeDomain(main)
        }
    }

    @Test func `a relay domain takes every name on, and has none of its own`() async throws {
        try await DirectoryFixture.with { house in
            let domain = try Domain(parsing: "backup.test")
            try await house.directory.addDomain(domain, .relay)
            #expect(try await house.answer("anybody@backup.test") == .relayDomain)
            #expect(try await house.answer("anybody@sub.backup.test") == .notLocal)
            #expect(try await !house.directory.isLocal(domain))
            await Self.expect(.domainOfOtherKind(domain, .relay)) { try await house.account("a@backup.test") }
            await Self.expect(.domainOfOtherKind(domain, .relay)) { try await house.alias("a@backup.test", "b@c.test") }
        }
    }

    @Test func `exact names win over a user with a detail, and that over the catch-all, RFC 5233 section 4`()
        async throws
    {
        try await DirectoryFixture.with { house in
            try await house.domain("example.test")
            let user = try await house.account("user@example.test")
            let exact = try await house.account("user+own@example.test")
            try await house.alias("team@example.test", "user@example.test")
            try await house.alias("*@example.test", "catch@elsewhere.test")
            #expect(try await house.answer("user+detail@example.test") == .account(user.id))
            #expect(try await house.answer("USER+a+b@example.test") == .account(user.id))
            #expect(try await house.answer("user+@example.test") == .account(user.id))
            #expect(try await house.answer("user+own@example.test") == .account(exact.id))
            #expect(try await house.answer("team+x@example.test") == .alias([user.address]))
            let caught = RecipientAnswer.alias([try EmailAddress(parsing: "catch@elsewhere.test")])
            for address in ["+user@example.test", "other+user@example.test", "use@example.test"] {
                #expect(try await house.answer(address) == caught, "\(address)")
            }
            house.directory.setRules(NameRules(separator: "-"))
            #expect(try await house.answer("user-detail@example.test") == .account(user.id))
            #expect(try await house.answer("user+detail@example.test") == caught)
            house.directory.setRules(NameRules(separator: ""))
            #expect(try await house.answer("user-detail@example.test") == caught)
        }
    }

    @Test func `roles lead to the postmaster where nobody has the name, RFC 2142`() async throws {
        try await DirectoryFixture.with { house in
            try await house.domain("example.test")
            let first = try await house.account("zoe@example.test")
            #expect(try await house.answer("abuse@example.test") == .account(first.id))
            #expect(try await house.answer("sales@example.test") == .unknownRecipient)
            let chosen = try EmailAddress(parsing: "admin@elsewhere.test")
            house.directory.setRules(NameRules(postmaster: chosen))
            #expect(try await house.answer("abuse@example.test") == .alias([chosen]))
            #expect(try await house.answer("postmaster@example.test") == .alias([chosen]))
            let abuse = try await house.account("abuse@example.test")
            #expect(try await house.answer("abuse@example.test") == .account(abuse.id))
            // A postmaster whom nobody is would lose mail: the oldest account reads it.
            house.directory.setRules(NameRules(postmaster: try EmailAddress(parsing: "nobody@example.test")))
            #expect(try await house.answer("noc@example.test") == .account(first.id))
            house.directory.setRules(NameRules(roles: []))
            #expect(try await house.answer("noc@example.test") == .unknownRecipient)
        }
    }

    @Test func `our own name has a postmaster though it is no domain of ours, RFC 5321 section 4.5.1`() async throws {
        try await DirectoryFixture.with { house in
            try await house.domain("example.test")
            let first = try await house.account("zoe@example.test")
            let host = try Domain(parsing: "mx.example.test")
            house.directory.setRules(
                NameRules(postmaster: try EmailAddress(parsing: "postmaster@mx.example.test"), hostName: host)
            )
            #expect(try await house.answer("Postmaster@mx.example.test") == .account(first.id))
            #expect(try await house.answer("abuse@mx.example.test") == .notLocal)
        }
    }

    @Test func `an account may be elsewhere, told or not, or switched off, RFC 5321 section 3.4`() async throws {
        try await DirectoryFixture.with { house in
            try await house.domain("example.test")
            let account = try await house.account("alice@example.test")
            let new = try EmailAddress(parsing: "alice@new.test")
            try await house.directory.setForwarding(of: account.address, to: new, .forward)
            #expect(try await house.answer("alice@example.test") == .moved(to: new, .forward))
            try await house.directory.setForwarding(of: account.address, to: new, .tell)
            #expect(try await house.answer("alice+x@example.test") == .moved(to: new, .tell))
            await Self.expect(.addressTaken(account.address)) {
                try await house.directory.setForwarding(of: account.address, to: account.address, .forward)
            }
            try await house.directory.setForwarding(of: account.address, to: nil, .forward)
            #expect(try await house.answer("alice@example.test") == .account(account.id))
            try await house.directory.setEnabled(false, of: account.address)
            #expect(try await house.answer("alice@example.test") == .disabled)
            #expect(try await house.logIn("alice@example.test", "a good password") == nil)
            try await house.directory.setEnabled(true, of: account.address)
            #expect(try await house.logIn("alice@example.test", "a good password") != nil)
        }
    }

    @Test func `a bare name is looked for in all domains`() async throws {
        try await DirectoryFixture.with { house in
            for domain in ["a.test", "b.test", "c.test"] { try await house.domain(domain) }
            try await house.account("smith@a.test")
            try await house.alias("smith@b.test", "x@y.test")
            try await house.alias("*@c.test", "x@y.test")
            let found = try await house.directory.addresses(named: try LocalPart(text: "Smith"), limit: 10)
            #expect(found.map(\.description) == ["smith@a.test", "smith@b.test"])
            #expect(try await house.directory.addresses(named: try LocalPart(text: "*"), limit: 10).isEmpty)
            #expect(try await house.directory.addresses(named: try LocalPart(text: "smith"), limit: 1).count == 1)
        }
    }

    @Test func `an alias leads to files and commands, and addresses that look like them stay addresses`() async throws {
        try await DirectoryFixture.with { house in
            try await house.domain("example.test")
            let alias = try AliasAddress(parsing: "box@example.test")
            let targets = try ["/var/mail/box", "|exit 0 @home", "a@b.test"].map { try AliasTarget(parsing: $0) }
            try await house.directory.setAlias(alias, targets: targets)
            #expect(try await house.answer("box@example.test") == .mixedAlias(targets))
            let odd = try ["|a@b.test", "/c/d@b.test"].map { try EmailAddress(parsing: $0) }
            try await house.directory.setAlias(alias, to: odd)
            #expect(try await house.answer("box@example.test") == .alias(odd))
        }
    }

    @Test func `a directory of the first format is brought to this one with all it has`() async throws {
        let folder = NSTemporaryDirectory() + "martlet-directory-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/directory.db"
        let old = try DatabaseQueue(path: path)
        try await old.write { database in
            try database.execute(
                sql: """
                    CREATE TABLE domain (name TEXT PRIMARY KEY NOT NULL) WITHOUT ROWID;
                    CREATE TABLE account (id INTEGER PRIMARY KEY AUTOINCREMENT, local_part TEXT NOT NULL,
                        domain TEXT NOT NULL REFERENCES domain (name), address TEXT NOT NULL, password TEXT NOT NULL,
                        enabled INTEGER NOT NULL DEFAULT 1, UNIQUE (domain, local_part));
                    CREATE TABLE alias (local_part TEXT NOT NULL, domain TEXT NOT NULL REFERENCES domain (name),
                        address TEXT NOT NULL, PRIMARY KEY (domain, local_part)) WITHOUT ROWID;
                    CREATE TABLE alias_target (local_part TEXT NOT NULL, domain TEXT NOT NULL, position INTEGER NOT NULL,
                        target TEXT NOT NULL, PRIMARY KEY (domain, local_part, position),
                        FOREIGN KEY (domain, local_part) REFERENCES alias (domain, local_part) ON DELETE CASCADE) WITHOUT ROWID;
                    INSERT INTO domain VALUES ('example.test');
                    INSERT INTO account (local_part, domain, address, password) VALUES ('alice', 'example.test', 'alice@example.test', 'x');
                    INSERT INTO alias VALUES ('team', 'example.test', 'team@example.test');
                    INSERT INTO alias_target VALUES ('team', 'example.test', 0, '|alice@example.test');
                    PRAGMA user_version = 1;
                    """
            )
        }
        try old.close()
        let directory = try SQLDirectory(path: path, clock: .init { .init(seconds: 1) }, hashParameters: .forTests)
        let alice = try EmailAddress(parsing: "alice@example.test")
        #expect(try await directory.answer(for: alice) == .account(AccountID(1)))
        let target = try EmailAddress(parsing: "|alice@example.test")
        #expect(try await directory.answer(for: try EmailAddress(parsing: "team@example.test")) == .alias([target]))
        #expect(try await directory.hostedDomains().map(\.kind) == [.local])
        await directory.close()
    }
}
