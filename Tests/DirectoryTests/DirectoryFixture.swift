import Directory
import Foundation
import MailBytes
import MailNames
import SASL
import Synchronization

/// A directory in a folder of its own, with a clock that the test moves.
struct DirectoryFixture {
    let path: String
    let directory: SQLDirectory
    let time: TestTime

    final class TestTime: Sendable {
        private let seconds = Mutex(Int64(1_800_000_000))

        var clock: WallClock { WallClock { [self] in Timestamp(seconds: seconds.withLock { $0 }) } }

        func pass(_ duration: Int64) { seconds.withLock { $0 += duration } }
    }

    static func with(_ body: (DirectoryFixture) async throws -> Void) async throws {
        let folder = NSTemporaryDirectory() + "martlet-directory-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let time = TestTime()
        let directory = try SQLDirectory(path: folder + "/directory.db", clock: time.clock, hashParameters: .forTests)
        do {
            try await body(DirectoryFixture(path: folder + "/directory.db", directory: directory, time: time))
        } catch {
            await directory.close()
            throw error
        }
        await directory.close()
    }

    func domain(_ name: String) async throws { try await directory.addDomain(try Domain(parsing: name)) }

    @discardableResult func account(_ address: String, _ password: String = "a good password") async throws -> Account {
        try await directory.addAccount(try EmailAddress(parsing: address), password: try Self.password(password))
    }

    func alias(_ alias: String, _ targets: String...) async throws {
        let targets = try targets.map { try EmailAddress(parsing: $0) }
        try await directory.setAlias(try AliasAddress(parsing: alias), to: targets)
    }

    func answer(_ address: String) async throws -> RecipientAnswer {
        try await directory.answer(for: try EmailAddress(parsing: address))
    }

    func logIn(_ name: String, _ password: String, as other: String? = nil) async throws -> Account? {
        try await directory.authenticate(
            PasswordCredentials(
                authenticationIdentity: name,
                password: try Self.password(password),
                authorizationIdentity: other
            )
        )
    }

    struct NoPassword: Error {}

    static func password(_ text: String) throws -> Password {
        guard let password = Password(text) else { throw NoPassword() }
        return password
    }
}
