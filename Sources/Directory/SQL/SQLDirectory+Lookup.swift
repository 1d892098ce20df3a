import GRDB
import MailNames

/// In which order a name is looked for: exact names first, then the user of a name with a detail, then the names that
/// every domain has, then the catch-all.
extension SQLDirectory {
    /// Whether the domain's mailboxes are here, under its own name or another's.
    static func isLocal(_ domain: Domain, in database: GRDB.Database) throws -> Bool {
        switch try kind(of: domain, in: database) {
        case .local, .alias: true
        case .relay, nil: false
        }
    }

    /// - Parameter namesAlone: leaves out what is not about exactly this name: roles and catch-alls.
    static func answer(
        for address: EmailAddress,
        _ rules: NameRules,
        namesAlone: Bool = false,
        in database: GRDB.Database
    ) throws -> RecipientAnswer {
        guard let named = address.domain else { return .notLocal }
        let local = address.localPart.folded
        let domain: Domain
        switch try kind(of: named, in: database) {
        case .local: domain = named
        case .alias(let other): domain = other
        case .relay: return .relayDomain
        case nil:
            // Our own name has a postmaster, whatever domains there are: RFC 5321 section 4.5.1.
            guard named == rules.hostName, local == NameRules.postmasterName else { return .notLocal }
            return try postmaster(of: named, address, rules, in: database) ?? .notLocal
        }
        if let found = try exactAnswer(local, domain, in: database) { return found }
        if let list = try listAnswer(address, domain, in: database) { return list }
        let user = rules.user(of: local)
        if let user, let found = try exactAnswer(user, domain, in: database) { return found }
        if namesAlone { return .unknownRecipient }
        if rules.isRole(user ?? local) {
            let canonical = EmailAddress(localPart: address.localPart, host: .domain(domain))
            if let found = try postmaster(of: domain, canonical, rules, in: database) { return found }
        }
        if let targets = try targets(anyLocalPart, domain, in: database) { return targets.answer }
        return .unknownRecipient
    }

    /// The answer for who has exactly this name; `nil` when nobody has.
    private static func exactAnswer(
        _ local: String,
        _ domain: Domain,
        in database: GRDB.Database
    ) throws -> RecipientAnswer? {
        let row = try Row.fetchOne(
            database,
            sql: "SELECT id, enabled, forward_to, forwarding FROM account WHERE domain = ? AND local_part = ?",
            arguments: [domain.ascii, local]
        )
        guard let row else { return try targets(local, domain, in: database)?.answer }
        if let text = row["forward_to"] as String?, let new = try? EmailAddress(parsing: text) {
            return .moved(to: new, (row["forwarding"] as String?).flatMap(Forwarding.init) ?? .forward)
        }
        return row["enabled"] ? .account(AccountID(row["id"])) : .disabled
    }

    /// Who reads the mail for a role: the configured postmaster, else the oldest account of the domain, else the oldest of
    /// all; `nil` when there is nobody at all.
    private static func postmaster(
        of domain: Domain,
        _ role: EmailAddress,
        _ rules: NameRules,
        in database: GRDB.Database
    ) throws -> RecipientAnswer? {
        if let chosen = rules.postmaster, let host = chosen.domain,
            host != domain || chosen.localPart.folded != role.localPart.folded
        {
            if rules.trustsPostmaster { return .alias([chosen]) }
            // One in a domain of ours whom nobody is would lose what is sent to all roles.
            switch try kind(of: host, in: database) {
            case nil, .relay: return .alias([chosen])
            case .local:
                if try exactAnswer(chosen.localPart.folded, host, in: database) != nil { return .alias([chosen]) }
            case .alias(let other):
                if try exactAnswer(chosen.localPart.folded, other, in: database) != nil { return .alias([chosen]) }
            }
        }
        return try Int64.fetchOne(
            database,
            sql: """
                SELECT id FROM account WHERE enabled = 1 AND forward_to IS NULL ORDER BY domain <> ?, id LIMIT 1
                """,
            arguments: [domain.ascii]
        ).map { .account(AccountID($0)) }
    }

    static func accountID(_ local: String, _ domain: Domain, in database: GRDB.Database) throws -> AccountID? {
        try Int64.fetchOne(
            database,
            sql: "SELECT id FROM account WHERE domain = ? AND local_part = ?",
            arguments: [domain.ascii, local]
        ).map(AccountID.init)
    }

    static func targets(_ local: String, _ domain: Domain, in database: GRDB.Database) throws -> [AliasTarget]? {
        let targets = try Row.fetchAll(
            database,
            sql: "SELECT target, is_address FROM alias_target WHERE domain = ? AND local_part = ? ORDER BY position",
            arguments: [domain.ascii, local]
        ).compactMap(AliasTarget.init(row:))
        return targets.isEmpty ? nil : targets
    }

    /// The addresses that a name has in the local domains, of accounts and aliases.
    public func addresses(named name: LocalPart, limit: Int) async throws(DirectoryError) -> [EmailAddress] {
        let local = name.folded
        return try await read { database in
            try String.fetchAll(
                database,
                sql: """
                    SELECT address FROM account WHERE local_part = ?1
                    UNION SELECT address FROM alias WHERE local_part = ?1 AND local_part <> '*'
                    ORDER BY 1 LIMIT ?2
                    """,
                arguments: [local, limit]
            ).compactMap { try? EmailAddress(parsing: $0) }
        }
    }
}

extension AliasTarget {
    /// Files and commands are told from addresses by their column: `|name@example.org` is a valid address too.
    init?(row: Row) {
        let text = row["target"] as String
        if row["is_address"] {
            guard let address = try? EmailAddress(parsing: text) else { return nil }
            self = .address(address)
        } else {
            self = text.hasPrefix("|") ? .command(String(text.dropFirst())) : .file(text)
        }
    }
}
