import Foundation
import GRDB
import MailBytes
import MailNames
import SASL

extension SQLDirectory {
    /// Makes a password for a program of an account.
    ///
    /// - Returns: the password, which cannot be shown again.
    public func addAppPassword(_ name: String, of address: EmailAddress) async throws(DirectoryError) -> String {
        guard AppPassword.nameLength.contains(name.count) else { throw DirectoryError(.appPasswordName) }
        let account = try await requiredAccount(address)
        let text = AppPassword.make()
        guard let password = Password(text) else { throw DirectoryError(.unavailable) }
        let salt =
            try await read { database in try Self.salt(of: account.id, in: database) } ?? StoredPassword.makeSalt()
        let keys = keepsVerifiers ? try await onHashingThread { SCRAMKeys(password, salt: salt) } : nil
        let now = clock.now()
        try await change { database in
            let names = try String.fetchAll(
                database,
                sql: "SELECT name FROM account_key WHERE account = ? AND name <> ''",
                arguments: [account.id.rawValue]
            )
            guard !names.contains(name) else { throw DirectoryError(.appPasswordExists(name)) }
            guard names.count < AppPassword.limit else { throw DirectoryError(.tooManyAppPasswords) }
            try database.execute(
                sql: """
                    INSERT INTO account_key (account, name, digest, sha256, sha1, created) VALUES (?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    account.id.rawValue, name, StoredPassword.data(AppPassword.digest(password)),
                    StoredPassword.data(keys?.sha256.octets), StoredPassword.data(keys?.sha1.octets),
                    now.microseconds / 1_000_000,
                ]
            )
        }
        return text
    }

    /// The app passwords of an account, by name.
    public func appPasswords(of address: EmailAddress) async throws(DirectoryError) -> [AppPassword] {
        let account = try await requiredAccount(address)
        return try await read { database in
            try Row.fetchAll(
                database,
                sql: "SELECT name, created FROM account_key WHERE account = ? AND name <> '' ORDER BY name",
                arguments: [account.id.rawValue]
            ).map { AppPassword(name: $0["name"], created: Timestamp(seconds: $0["created"])) }
        }
    }

    /// Takes an app password back; it is refused from now on.
    public func removeAppPassword(_ name: String, of address: EmailAddress) async throws(DirectoryError) {
        let account = try await requiredAccount(address)
        try await change { database in
            try database.execute(
                sql: "DELETE FROM account_key WHERE account = ? AND name = ? AND name <> ''",
                arguments: [account.id.rawValue, name]
            )
            if database.changesCount == 0 { throw DirectoryError(.appPasswordUnknown(name)) }
        }
    }

    private func requiredAccount(_ address: EmailAddress) async throws(DirectoryError) -> Account {
        guard let account = try await account(addressed: address) else {
            throw DirectoryError(.accountUnknown(address.description))
        }
        return account
    }
}
