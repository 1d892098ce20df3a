import GRDB
import MailNames
import SQLDatabase

/// What a domain is to this server.
public enum DomainKind: Hashable, Sendable {
    /// Its accounts and aliases are here.
    case local
    /// Its mail is taken and sent on to its own hosts: backup MX.
    case relay
    /// All its names lead to the same names of another domain, which is local.
    case alias(of: Domain)
}

/// A domain whose mail is taken here.
public struct HostedDomain: Hashable, Sendable {
    public let name: Domain
    public let kind: DomainKind
}

extension SQLDirectory {
    static let domainKindsMigration = SQLMigration("kinds of domains, files and commands, forwarded accounts") {
        database in
        try database.execute(
            sql: """
                ALTER TABLE domain ADD COLUMN kind TEXT NOT NULL DEFAULT 'local';
                ALTER TABLE domain ADD COLUMN alias_of TEXT REFERENCES domain (name);
                ALTER TABLE account ADD COLUMN forward_to TEXT;
                ALTER TABLE account ADD COLUMN forwarding TEXT;
                ALTER TABLE alias_target ADD COLUMN is_address INTEGER NOT NULL DEFAULT 1;
                """
        )
    }

    /// What a domain is to us; `nil` for nothing.
    static func kind(of domain: Domain, in database: GRDB.Database) throws -> DomainKind? {
        try Row.fetchOne(
            database,
            sql: "SELECT kind, alias_of FROM domain WHERE name = ?",
            arguments: [domain.ascii]
        ).flatMap(DomainKind.init(row:))
    }

    /// Makes mail for a domain ours.
    public func addDomain(_ domain: Domain, _ kind: DomainKind = .local) async throws(DirectoryError) {
        try await change { database in
            guard try Self.kind(of: domain, in: database) == nil else { throw DirectoryError(.domainExists(domain)) }
            var (word, other): (String, Domain?) = ("local", nil)
            switch kind {
            case .local: break
            case .relay: word = "relay"
            case .alias(let target):
                // One step alone, so that no alias can lead in a circle.
                try Self.requireLocal(target, in: database)
                (word, other) = ("alias", target)
            }
            try database.execute(
                sql: "INSERT INTO domain (name, kind, alias_of) VALUES (?, ?, ?)",
                arguments: [domain.ascii, word, other?.ascii]
            )
        }
    }

    /// The domains whose mail is taken here, by name, with their kinds.
    public func hostedDomains() async throws(DirectoryError) -> [HostedDomain] {
        try await read { database in
            try Row.fetchAll(database, sql: "SELECT name, kind, alias_of FROM domain ORDER BY name").compactMap { row in
                guard let name = try? Domain(parsing: row["name"] as String), let kind = DomainKind(row: row) else {
                    return nil
                }
                return HostedDomain(name: name, kind: kind)
            }
        }
    }

    /// Throws unless the domain has accounts and aliases of its own.
    static func requireLocal(_ domain: Domain, in database: GRDB.Database) throws {
        guard let kind = try kind(of: domain, in: database) else { throw DirectoryError(.domainUnknown(domain)) }
        guard kind == .local else { throw DirectoryError(.domainOfOtherKind(domain, kind)) }
    }

    /// Throws where other domains are aliases of the domain.
    static func requireNoAliases(of domain: Domain, in database: GRDB.Database) throws {
        let aliases = try String.fetchAll(
            database,
            sql: "SELECT name FROM domain WHERE alias_of = ? ORDER BY name LIMIT 20",
            arguments: [domain.ascii]
        ).compactMap { try? Domain(parsing: $0) }
        if !aliases.isEmpty { throw DirectoryError(.domainHasAliases(domain, aliases)) }
    }
}

extension DomainKind {
    init?(row: Row) {
        switch row["kind"] as String {
        case "local": self = .local
        case "relay": self = .relay
        case "alias":
            guard let name = row["alias_of"] as String?, let other = try? Domain(parsing: name) else { return nil }
            self = .alias(of: other)
        default: return nil
        }
    }
}
