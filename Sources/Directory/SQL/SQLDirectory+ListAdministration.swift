import GRDB
import MailBytes
import MailNames
import MailingLists

/// A member as operators see one.
public struct ListMember: Hashable, Sendable {
    public let address: EmailAddress
    public let joined: Timestamp
    /// Since when the member gets no posts, because mail came back; `nil` where it does not.
    public let suspended: Timestamp?
    /// What is left of the bounces that were counted.
    public let bounceScore: Double
}

/// Lists as operators meet them.
extension SQLDirectory {
    /// Makes a list in a domain that is ours.
    public func addList(_ settings: ListSettings) async throws(DirectoryError) {
        guard ListSettings.isListAddress(settings.address) else {
            throw DirectoryError(.listAddress(settings.address.description))
        }
        try await change { database in
            guard let domain = settings.address.domain, try Self.isLocal(domain, in: database) else {
                throw DirectoryError(
                    settings.address.domain.map { .domainUnknown($0) } ?? .listAddress(settings.address.description)
                )
            }
            let local = settings.address.localPart.folded
            let isTaken =
                try Self.accountID(local, domain, in: database) != nil
                || Self.targets(local, domain, in: database) != nil || Self.listID(local, domain, in: database) != nil
            guard !isTaken else { throw DirectoryError(.addressTaken(settings.address)) }
            try database.execute(
                sql: """
                    INSERT INTO list (local_part, domain, \(ListSettings.columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [local, domain.ascii] + settings.values
            )
        }
    }

    /// The lists with their members' number, by domain and name.
    public func lists() async throws(DirectoryError) -> [(settings: ListSettings, members: Int)] {
        try await read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT \(ListSettings.columns), (SELECT COUNT(*) FROM list_member WHERE list = list.id) AS members
                    FROM list ORDER BY domain, local_part
                    """
            ).compactMap { row in ListSettings(row: row).map { ($0, row["members"]) } }
        }
    }

    /// The list of an address.
    ///
    /// - Throws: `.listUnknown`.
    public func list(addressed address: EmailAddress) async throws(DirectoryError) -> (ListID, ListSettings) {
        try await read { database in
            guard let domain = address.domain,
                let id = try Self.listID(address.localPart.folded, domain, in: database),
                let settings = try Self.settings(id, in: database)
            else { throw DirectoryError(.listUnknown(address.description)) }
            return (id, settings)
        }
    }

    /// Changes what a list is like; its address stays.
    public func changeList(
        _ address: EmailAddress,
        _ body: @escaping @Sendable (inout ListSettings) -> Void
    ) async throws(DirectoryError) -> ListSettings {
        try await change { database in
            guard let domain = address.domain,
                let id = try Self.listID(address.localPart.folded, domain, in: database),
                var settings = try Self.settings(id, in: database)
            else { throw DirectoryError(.listUnknown(address.description)) }
            let kept = settings.address
            body(&settings)
            settings.address = kept
            try database.execute(
                sql: """
                    UPDATE list SET address = ?, owner = ?, name = ?, posting = ?, subscription = ?, bounce_limit = ?, archive = ?
                    WHERE id = ?
                    """,
                arguments: settings.values + [id.rawValue]
            )
            return settings
        }
    }

    /// Removes a list and forgets who was in it. Posts that are on their way to members go on.
    public func removeList(_ address: EmailAddress) async throws(DirectoryError) {
        try await change { database in
            try database.execute(
                sql: "DELETE FROM list WHERE domain = ? AND local_part = ?",
                arguments: [address.domain?.ascii ?? "", address.localPart.folded]
            )
            if database.changesCount == 0 { throw DirectoryError(.listUnknown(address.description)) }
        }
    }

    /// All members, by address.
    public func members(of list: ListID) async throws(DirectoryError) -> [ListMember] {
        let now = clock.now()
        return try await read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT address, joined, suspended, bounce_score, bounced FROM list_member WHERE list = ? ORDER BY member
                    """,
                arguments: [list.rawValue]
            ).compactMap { row in
                guard let address = try? EmailAddress(parsing: row["address"] as String) else { return nil }
                let counted = (row["bounced"] as Int64?).map(Timestamp.init(microseconds:))
                return ListMember(
                    address: address,
                    joined: Timestamp(microseconds: row["joined"]),
                    suspended: (row["suspended"] as Int64?).map(Timestamp.init(microseconds:)),
                    bounceScore: BounceScore(value: row["bounce_score"], counted: counted).value(at: now)
                )
            }
        }
    }
}
