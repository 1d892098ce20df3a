import Crypto
import Foundation
import GRDB
import MailBytes
import MailNames
import SASL
import SQLDatabase
import Testing

@testable import Directory

extension DirectoryFixture {
    /// What becomes of a SCRAM exchange with the directory's answer.
    func prove(_ name: String, _ password: String, _ hash: SCRAMHash = .sha256) async throws -> SCRAMProof.Outcome? {
        let credentials = PasswordCredentials(authenticationIdentity: name, password: try Self.password(password))
        let mechanism: SASLMechanismName = hash == .sha256 ? .scramSHA256 : .scramSHA1
        guard var client = SASLClientExchange(credentials: credentials, offered: [mechanism], nonce: "client"),
            var server = SASLServerExchange(mechanism: mechanism), let first = client.initialResponse()
        else { return nil }
        var line = Array(first.utf8)
        for _ in 0..<4 {
            var step = server.lineReceived(line.span)
            if case .findVerifier(let identity) = step {
                let verifier = try await directory.scramVerifier(for: identity)
                step = server.verifierFound(SCRAMChallenge(verifier: verifier, nonce: "server"))
            }
            switch step {
            case .challenge(let text):
                let challenge = Array(text.utf8)
                guard case .respond(let response) = client.challengeReceived(challenge.span) else { return nil }
                line = Array(response.utf8)
            case .verify(.proof(let proof)): return proof.outcome
            default: return nil
            }
        }
        return nil
    }

    func judge(_ credentials: SASLCredentials, tokens: JSONWebTokens? = nil) async throws -> Authenticator.Judgement {
        try await Authenticator(directory: directory, tokens: tokens, clock: time.clock).judge(credentials)
    }
}

@Suite("What is kept for SCRAM") struct SCRAMSecretTests {
    @Test(arguments: [SCRAMHash.sha256, .sha1])
    func `a password that was set is proved by SCRAM`(hash: SCRAMHash) async throws {
        try await DirectoryFixture.with { house in
            try await house.domain("example.test")
            let account = try await house.account("alice@example.test", "the old one")
            #expect(try await house.prove("Alice@Example.test", "the old one", hash) == .right)
            #expect(try await house.prove("alice@example.test", "the new one", hash) == .wrongPassword)
            try await house.directory.setPassword(try DirectoryFixture.password("the new one"), of: account.address)
            #expect(try await house.prove("alice@example.test", "the old one", hash) == .wrongPassword)
            #expect(try await house.prove("alice@example.test", "the new one", hash) == .right)
            try await house.directory.removeAccount(account.address)
            #expect(try await house.prove("alice@example.test", "the new one", hash) == .wrongPassword)
        }
    }

    @Test func `a user who is not here gets the same salt each time, also after a restart`() async throws {
        try await DirectoryFixture.with { house in
            try await house.domain("example.test")
            try await house.account("alice@example.test")
            func salt(_ name: String, _ directory: SQLDirectory) async throws -> [UInt8] {
                try await directory.scramVerifier(for: SCRAMIdentity(user: name, hash: .sha256)).salt
            }
            let bob = try await salt("bob@example.test", house.directory)
            #expect(try await salt("BOB@example.TEST", house.directory) == bob)
            #expect(try await salt("carol@example.test", house.directory) != bob)
            let alice = try await salt("alice@example.test", house.directory)
            #expect(alice.count == bob.count)
            let again = try SQLDirectory(path: house.path, clock: house.time.clock, hashParameters: .forTests)
            #expect(try await salt("bob@example.test", again) == bob)
            #expect(try await salt("alice@example.test", again) == alice)
            await again.close()
        }
    }

    @Test func `an account of format 1 gets its keys when it logs in with its password`() async throws {
        let folder = NSTemporaryDirectory() + "martlet-directory-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/directory.db"
        let old = try SQLDatabase.open(path: path, migrations: [SQLDirectory.migrations[0]], durability: .full)
        let hash = try PasswordHash.hash(password: try DirectoryFixture.password("the old one"), parameters: .forTests)
        try await old.write { database in
            try database.execute(sql: "INSERT INTO domain (name) VALUES ('example.test')")
            try database.execute(
                sql: "INSERT INTO account (local_part, domain, address, password) VALUES (?, ?, ?, ?)",
                arguments: ["alice", "example.test", "alice@example.test", hash.phc]
            )
        }
        try old.close()
        let time = DirectoryFixture.TestTime()
        let directory = try SQLDirectory(path: path, clock: time.clock, hashParameters: .forTests)
        let house = DirectoryFixture(path: path, directory: directory, time: time)
        let before = try await house.prove("alice@example.test", "the old one")
        let account = try await house.logIn("alice@example.test", "the old one")
        let after = try await house.prove("alice@example.test", "the old one")
        #expect(before == .wrongPassword && account != nil && after == .right)
        await directory.close()
    }

    @Test func `where SCRAM is not offered nothing is kept for it`() async throws {
        try await DirectoryFixture.with { house in
            let bare = try SQLDirectory(
                path: house.path,
                clock: house.time.clock,
                hashParameters: .forTests,
                keepsVerifiers: false
            )
            try await bare.addDomain(try Domain(parsing: "example.test"))
            let address = try EmailAddress(parsing: "alice@example.test")
            _ = try await bare.addAccount(address, password: try DirectoryFixture.password("a good password"))
            await bare.close()
            let next = try SQLDirectory(path: house.path, clock: house.time.clock, hashParameters: .forTests)
            #expect(!next.keepsVerifiers)
            await next.close()
            #expect(try await house.prove("alice@example.test", "a good password") == .wrongPassword)
            #expect(try await house.logIn("alice@example.test", "a good password") != nil)
        }
    }
}

@Suite("App passwords") struct AppPasswordTests {
    @Test func `an app password logs in like the account's own until it is taken back`() async throws {
        try await DirectoryFixture.with { house in
            try await house.domain("example.test")
            let account = try await house.account("alice@example.test")
            try await house.account("bob@example.test")
            let text = try await house.directory.addAppPassword("phone", of: account.address)
            #expect(text.count == 23)
            #expect(try await house.logIn("alice@example.test", text) == account)
            #expect(try await house.prove("alice@example.test", text) == .right)
            #expect(try await house.prove("alice@example.test", "a good password") == .right)
            #expect(try await house.logIn("bob@example.test", text) == nil)
            #expect(try await house.prove("bob@example.test", text) == .wrongPassword)
            try await house.directory.setPassword(try DirectoryFixture.password("another one"), of: account.address)
            #expect(try await house.logIn("alice@example.test", text) == account)
            #expect(try await house.prove("alice@example.test", text) == .right)
            #expect(try await house.directory.appPasswords(of: account.address).map(\.name) == ["phone"])
            try await house.directory.removeAppPassword("phone", of: account.address)
            #expect(try await house.logIn("alice@example.test", text) == nil)
            #expect(try await house.prove("alice@example.test", text) == .wrongPassword)
        }
    }

    @Test func `names are told apart, and there is a last one`() async throws {
        try await DirectoryFixture.with { house in
            try await house.domain("example.test")
            let address = try await house.account("alice@example.test").address
            for number in 0..<AppPassword.limit {
                _ = try await house.directory.addAppPassword("number \(number)", of: address)
            }
            func refusal(_ name: String) async -> DirectoryError.Reason? {
                do throws(DirectoryError) {
                    _ = try await house.directory.addAppPassword(name, of: address)
                    return nil
                } catch {
                    return error.reason
                }
            }
            #expect(await refusal("number 1") == .appPasswordExists("number 1"))
            #expect(await refusal("one more") == .tooManyAppPasswords)
            #expect(await refusal("") == .appPasswordName)
            await #expect(throws: DirectoryError.self) {
                try await house.directory.removeAppPassword("", of: address)
            }
        }
    }
}

@Suite("Judging log-ins of every mechanism") struct AuthenticatorTests {
    @Test func `a proof is worth what it came to`() async throws {
        try await DirectoryFixture.with { house in
            try await house.domain("example.test")
            let account = try await house.account("alice@example.test")
            func judge(_ outcome: SCRAMProof.Outcome, as other: String? = nil) async throws -> Authenticator.Judgement {
                let identity = SCRAMIdentity(user: "Alice@example.test", authorizationIdentity: other, hash: .sha256)
                return try await house.judge(.proof(SCRAMProof(identity: identity, outcome: outcome)))
            }
            #expect(try await judge(.right) == .accepted(account))
            #expect(try await judge(.right, as: "alice@example.test") == .accepted(account))
            #expect(try await judge(.right, as: "bob@example.test") != .accepted(account))
            for outcome in [SCRAMProof.Outcome.wrongPassword, .wrongNonce, .wrongChannelBinding, .downgraded] {
                #expect(try await judge(outcome) != .accepted(account))
            }
        }
    }

    @Test func `a certificate lets in whom it names, and nobody else`() async throws {
        try await DirectoryFixture.with { house in
            try await house.domain("example.test")
            let account = try await house.account("alice@example.test")
            func judge(_ names: [String], as other: String? = nil) async throws -> Authenticator.Judgement {
                try await house.judge(.certificate(.init(authorizationIdentity: other, identities: names)))
            }
            #expect(try await judge(["alice@example.test"]) == .accepted(account))
            #expect(try await judge(["nobody@example.test", "Alice@example.test"]) == .accepted(account))
            #expect(try await judge(["alice@example.test"], as: "ALICE@example.test") == .accepted(account))
            #expect(try await judge(["alice@example.test"], as: "bob@example.test") != .accepted(account))
            #expect(try await judge(["bob@example.test"]) != .accepted(account))
            #expect(try await judge([]) != .accepted(account))
        }
    }
}
