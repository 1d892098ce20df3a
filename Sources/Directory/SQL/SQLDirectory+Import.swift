import GRDB
import MailNames

extension SQLDirectory {
    /// What became of one alias of an import.
    public enum ImportedAlias: Sendable, Hashable {
        case made
        case replaced
        /// It was there and was to stay.
        case kept
        case failed(DirectoryError.Reason)
    }

    /// Makes many aliases in one transaction; one that cannot be made does not keep the others from it.
    ///
    /// - Parameter replaces: whether aliases that are there get the new targets.
    public func importAliases(
        _ aliases: [(alias: AliasAddress, targets: [AliasTarget])],
        replaces: Bool
    ) async throws(DirectoryError) -> [ImportedAlias] {
        let now = present
        return try await change { database in
            try aliases.map { alias, targets -> ImportedAlias in
                guard let domain = alias.domain else { return .failed(.aliasUnknown(alias.description)) }
                let isThere = try Self.targets(alias.localPart, domain, in: database) != nil
                if isThere && !replaces { return .kept }
                do {
                    try Self.put(alias, targets, since: now, in: database)
                    return isThere ? .replaced : .made
                } catch let error as DirectoryError {
                    return .failed(error.reason)
                }
            }
        }
    }
}
