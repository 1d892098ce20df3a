import GRDB
import MailBytes
import MailNames
import SASL

/// An alias and where it leads.
public struct Alias: Hashable, Sendable {
    /// The address as text; the local part `*` catches what nobody else in the domain has.
    public let address: String
    public let targets: [AliasTarget]
}

/// The address that an alias has: a whole one, or everything in a domain that nobody else has.
public enum AliasAddress: Hashable, Sendable {
    case address(EmailAddress)
    case catchAll(Domain)

    /// Reads `name@domain`, `*@domain` or `@domain`.
    public init(parsing text: String) throws(AddressSyntaxError) {
        if text.hasPrefix("@") || text.hasPrefix("*@") {
            self = .catchAll(try Domain(parsing: String(text.drop { $0 != "@" }.dropFirst())))
        } else {
            self = .address(try EmailAddress(parsing: text))
        }
    }

    var localPart: String {
        switch self {
        case .address(let address): address.localPart.folded
        case .catchAll: SQLDirectory.anyLocalPart
        }
    }

    var domain: Domain? {
        switch self {
        case .address(let address): address.domain
        case .catchAll(let domain): domain
        }
    }

    public var description: String {
        switch self {
        case .address(let address): address.description
        case .catchAll(let domain): "*@\(domain.unicode)"
        }
    }
}

extension AliasAddress: CustomStringConvertible {}

extension SQLDirectory {
    /// An alias leads to at most this many addresses.
    private static let aliasTargets = 1...1000

    // MARK: Domains

    /// The domains whose mail is taken here, by name.
    public func domains() async throws(DirectoryError) -> [Domain] {
        try await read { database in
            try String.fetchAll(database, sql: "SELECT name FROM domain ORDER BY name")
                .compactMap { try? Domain(parsing: $0) }
        }
    }

    /// Removes a domain that has neither accounts nor aliases.
    public func removeDomain(_ domain: Domain) async throws(DirectoryError) {
        try await change { database in
            guard try Self.kind(of: domain, in: database) != nil else { throw DirectoryError(.domainUnknown(domain)) }
            try Self.requireNoAliases(of: domain, in: database)
            let count = { (table: String) in
                try Int.fetchOne(
                    database,
                    sql: "SELECT COUNT(*) FROM \(table) WHERE domain = ?",
                    arguments: [domain.ascii]
                ) ?? 0
            }
            let (accounts, aliases) = (try count("account"), try count("alias"))
            guard accounts == 0, aliases == 0 else {
                throw DirectoryError(.domainInUse(domain, accounts: accounts, aliases: aliases))
            }
            let lists = try count("list")
            guard lists == 0 else { throw DirectoryError(.domainHasLists(domain, lists)) }
            try database.execute(sql: "DELETE FROM domain WHERE name = ?", arguments: [domain.ascii])
        }
    }

    // MARK: Accounts

    /// Makes an account in a domain that is ours.
    public func addAccount(_ address: EmailAddress, password: Password) async throws(DirectoryError) -> Account {
        let secrets = try await secrets(of: password, salt: StoredPassword.makeSalt())
        let now = present
        return try await change { database in
            guard let domain = address.domain else { throw DirectoryError(Self.notOurs(address)) }
            try Self.requireLocal(domain, in: database)
            try Self.requireFree(.address(address), in: database)
            try database.execute(
                sql: "INSERT INTO account (local_part, domain, address, password) VALUES (?, ?, ?, ?)",
                arguments: [address.localPart.folded, domain.ascii, address.description, secrets.hash]
            )
            let id = AccountID(database.lastInsertedRowID)
            try Self.keep(secrets, of: id, in: database)
            try Self.recordOwner(ofAccount: id.rawValue, since: now, in: database)
            return Account(id: id, address: address, isEnabled: true)
        }
    }

    /// The accounts, by domain and name.
    public func accounts() async throws(DirectoryError) -> [Account] {
        try await read { database in
            try Row.fetchAll(database, sql: "SELECT id, address, enabled FROM account ORDER BY domain, local_part")
                .compactMap(Account.init(row:))
        }
    }

    /// The account of an address, not of its aliases; `nil` when there is none.
    public func account(addressed address: EmailAddress) async throws(DirectoryError) -> Account? {
        try await read { database in
            guard let domain = address.domain else { return nil }
            return try Row.fetchOne(
                database,
                sql: "SELECT id, address, enabled FROM account WHERE domain = ? AND local_part = ?",
                arguments: [domain.ascii, address.localPart.folded]
            ).flatMap(Account.init(row:))
        }
    }

    /// Removes an account. Its mail stays on disk until it is removed there.
    public func removeAccount(_ address: EmailAddress) async throws(DirectoryError) {
        try await changeAccount(address, "DELETE FROM account WHERE domain = ? AND local_part = ?", [])
    }

    /// Gives an account another password; the old one is refused from now on.
    public func setPassword(_ password: Password, of address: EmailAddress) async throws(DirectoryError) {
        guard let account = try await account(addressed: address) else {
            throw DirectoryError(.accountUnknown(address.description))
        }
        let salt = try await read { database in try Self.salt(of: account.id, in: database) }
        let secrets = try await secrets(of: password, salt: salt ?? StoredPassword.makeSalt())
        try await change { database in
            try database.execute(
                sql: "UPDATE account SET password = ? WHERE id = ?",
                arguments: [secrets.hash, account.id.rawValue]
            )
            if database.changesCount == 0 { throw DirectoryError(.accountUnknown(address.description)) }
            try Self.keep(secrets, of: account.id, in: database)
        }
    }

    func changeAccount(
        _ address: EmailAddress,
        _ statement: String,
        _ values: [String?]
    ) async throws(DirectoryError) {
        try await change { database in
            let arguments: [String?] = values + [address.domain?.ascii ?? "", address.localPart.folded]
            try database.execute(sql: statement, arguments: StatementArguments(arguments))
            if database.changesCount == 0 { throw DirectoryError(.accountUnknown(address.description)) }
        }
    }

    // MARK: Aliases

    /// Makes an alias, or gives the one that is there other targets.
    public func setAlias(_ alias: AliasAddress, to targets: [EmailAddress]) async throws(DirectoryError) {
        try await setAlias(alias, targets: targets.map(AliasTarget.address))
    }

    /// Makes an alias, or gives the one that is there other targets. Whether files and commands are written to and run is
    /// for delivery to say.
    public func setAlias(_ alias: AliasAddress, targets: [AliasTarget]) async throws(DirectoryError) {
        let now = present
        try await change { database in try Self.put(alias, targets, since: now, in: database) }
    }

    static func put(
        _ alias: AliasAddress,
        _ targets: [AliasTarget],
        since now: Timestamp,
        in database: GRDB.Database
    ) throws {
        guard aliasTargets.contains(targets.count) else { throw DirectoryError(.aliasTargets) }
        guard let domain = alias.domain else { throw DirectoryError(.aliasUnknown(alias.description)) }
        try requireLocal(domain, in: database)
        if case .address(let address) = alias,
            try accountID(address.localPart.folded, domain, in: database) != nil
                || listID(address.localPart.folded, domain, in: database) != nil
        {
            throw DirectoryError(.addressTaken(address))
        }
        let key: StatementArguments = [domain.ascii, alias.localPart]
        try database.execute(sql: "DELETE FROM alias WHERE domain = ? AND local_part = ?", arguments: key)
        try database.execute(
            sql: "INSERT INTO alias (domain, local_part, address) VALUES (?, ?, ?)",
            arguments: [domain.ascii, alias.localPart, alias.description]
        )
        try recordOwner(ofAlias: key, since: now, in: database)
        for (position, target) in targets.enumerated() {
            try database.execute(
                sql: """
                    INSERT INTO alias_target (domain, local_part, position, target, is_address) VALUES (?, ?, ?, ?, ?)
                    """,
                arguments: [domain.ascii, alias.localPart, position, target.description, target.address != nil]
            )
        }
    }

    /// The aliases, by domain and name.
    public func aliases() async throws(DirectoryError) -> [Alias] {
        try await read { database in
            try Row.fetchAll(database, sql: "SELECT address, domain, local_part FROM alias ORDER BY domain, local_part")
                .map { row in
                    let targets = try Row.fetchAll(
                        database,
                        sql: """
                            SELECT target, is_address FROM alias_target WHERE domain = ? AND local_part = ?
                            ORDER BY position
                            """,
                        arguments: [row["domain"] as String, row["local_part"] as String]
                    )
                    return Alias(address: row["address"], targets: targets.compactMap(AliasTarget.init(row:)))
                }
        }
    }

    /// Removes an alias.
    public func removeAlias(_ alias: AliasAddress) async throws(DirectoryError) {
        try await change { database in
            try database.execute(
                sql: "DELETE FROM alias WHERE domain = ? AND local_part = ?",
                arguments: [alias.domain?.ascii ?? "", alias.localPart]
            )
            if database.changesCount == 0 { throw DirectoryError(.aliasUnknown(alias.description)) }
        }
    }

    // MARK: Conditions

    private static func notOurs(_ address: EmailAddress) -> DirectoryError.Reason {
        address.domain.map { .domainUnknown($0) } ?? .accountUnknown(address.description)
    }

    private static func requireFree(_ address: AliasAddress, in database: GRDB.Database) throws {
        guard case .address(let mailbox) = address, let domain = address.domain else { return }
        let taken =
            try accountID(address.localPart, domain, in: database) != nil
            || targets(address.localPart, domain, in: database) != nil
            || listID(address.localPart, domain, in: database) != nil
        if taken { throw DirectoryError(.addressTaken(mailbox)) }
    }
}
