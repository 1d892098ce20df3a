import GRDB
import MailNames

extension SQLDirectory {
    static func isLocal(_ domain: Domain, in database: GRDB.Database) throws -> Bool {
        try Bool.fetchOne(
            database,
            sql: "SELECT EXISTS (SELECT 1 FROM domain WHERE name = ?)",
            arguments: [domain.ascii]
        ) ?? false
    }

    static func answer(for address: EmailAddress, in database: GRDB.Database) throws -> RecipientAnswer {
        guard let domain = address.domain, try isLocal(domain, in: database) else { return .notLocal }
        let local = address.localPart.folded
        if let account = try accountID(local, domain, in: database) { return .account(account) }
        if let targets = try targets(local, domain, in: database) { return .alias(targets) }
        if let list = try listAnswer(address, domain, in: database) { return list }
        // Every domain has a postmaster (RFC 5321 section 4.5.1): where nobody took the name, the oldest account of the
        // domain, else the oldest of all, answers to it.
        if local == "postmaster" {
            let oldest = try Int64.fetchOne(
                database,
                sql: "SELECT id FROM account ORDER BY domain <> ?, id LIMIT 1",
                arguments: [domain.ascii]
            )
            if let oldest { return .account(AccountID(oldest)) }
        }
        if let targets = try targets(anyLocalPart, domain, in: database) { return .alias(targets) }
        return .unknownRecipient
    }

    static func accountID(_ local: String, _ domain: Domain, in database: GRDB.Database) throws -> AccountID? {
        try Int64.fetchOne(
            database,
            sql: "SELECT id FROM account WHERE domain = ? AND local_part = ?",
            arguments: [domain.ascii, local]
        ).map(AccountID.init)
    }

    static func targets(_ local: String, _ domain: Domain, in database: GRDB.Database) throws -> [EmailAddress]? {
        let targets = try String.fetchAll(
            database,
            sql: "SELECT target FROM alias_target WHERE domain = ? AND local_part = ? ORDER BY position",
            arguments: [domain.ascii, local]
        ).compactMap { try? EmailAddress(parsing: $0) }
        return targets.isEmpty ? nil : targets
    }
}
