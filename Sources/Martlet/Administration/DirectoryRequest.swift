/// What is asked of the directory beyond making, listing and removing.
public enum DirectoryRequest: Codable, Sendable {
    /// Has an account's mail go to another address, or that address told; back to its mailbox without one.
    case forward(address: String, to: String?, tells: Bool)
    /// Switches an account off or on.
    case enable(address: String, isEnabled: Bool)
    /// Makes the aliases of a file.
    case importAliases(AliasImport)
}

/// The kind of a new domain.
public enum DomainKindRequest: Codable, Sendable {
    case local
    case relay
    case alias(of: String)
}
