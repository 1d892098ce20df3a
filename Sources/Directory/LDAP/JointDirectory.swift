import MailBytes
import MailNames
import SASL

/// The database's directory with the names of a directory server: the database says which domains are here, and what it knows
/// of a name goes before what the server knows; roles and catch-alls come last.
public final class JointDirectory: Directory {
    private let database: SQLDirectory
    private let server: LDAPDirectory

    public init(_ database: SQLDirectory, _ server: LDAPDirectory) {
        self.database = database
        self.server = server
    }

    // MARK: Recipients

    public func cachedAnswer(for address: EmailAddress) -> RecipientAnswer? {
        // The database's answer holds where it is about an exact name. Whether it is, only it can tell.
        guard let (exact, names) = database.cachedNames(for: address) else { return nil }
        if exact != .unknownRecipient { return exact }
        for name in names {
            guard let known = server.cachedAnswer(for: name) else { return nil }
            if let found = known { return found }
        }
        return database.cachedAnswer(for: address)
    }

    public func answer(for address: EmailAddress) async throws(DirectoryError) -> RecipientAnswer {
        let (exact, names) = try await database.names(for: address)
        if exact != .unknownRecipient { return exact }
        for name in names {
            if let found = try await server.answer(for: name) { return found }
        }
        return try await database.answer(for: address)
    }

    public func isLocal(_ domain: Domain) async throws(DirectoryError) -> Bool { try await database.isLocal(domain) }

    public func addresses(named name: LocalPart, limit: Int) async throws(DirectoryError) -> [EmailAddress] {
        var found = try await database.addresses(named: name, limit: limit)
        let local = try await database.hostedDomains().filter { $0.kind == .local }.prefix(Self.domainsAsked)
        for domain in local where found.count < limit {
            let address = EmailAddress(localPart: name, host: .domain(domain.name))
            let isKnown = found.contains { $0.domain == domain.name }
            if !isKnown, try await server.answer(for: "\(name.wire)@\(domain.name.ascii)") != nil {
                found.append(address)
            }
        }
        return found
    }

    /// A bare name costs the server one question for each domain; beyond these it is not asked.
    private static let domainsAsked = 50

    // MARK: Accounts

    public func authenticate(_ credentials: PasswordCredentials) async throws(DirectoryError) -> Account? {
        if let address = try? EmailAddress(parsing: credentials.authenticationIdentity),
            try await database.account(addressed: address) == nil
        {
            return try await server.authenticate(credentials)
        }
        return try await database.authenticate(credentials)
    }

    /// Of accounts in the database alone: a directory server judges passwords, and gives none of them away.
    public func scramVerifier(for identity: SCRAMIdentity) async throws(DirectoryError) -> SCRAMVerifier {
        try await database.scramVerifier(for: identity)
    }

    public func account(named name: String) async throws(DirectoryError) -> Account? {
        if let account = try await database.account(named: name) { return account }
        return try await server.account(named: name)
    }

    public func account(_ id: AccountID) async throws(DirectoryError) -> Account? { try await database.account(id) }

    public func ownedSince(_ address: EmailAddress) async throws(DirectoryError) -> Timestamp? {
        try await database.ownedSince(address)
    }

    public func account(_ id: AccountID, maySendAs address: EmailAddress) async throws(DirectoryError) -> Bool {
        if try await database.account(id, maySendAs: address) { return true }
        switch try await answer(for: address) {
        case .account(let owner): return owner == id
        case .alias(let targets):
            guard targets.count == 1, let target = targets.first else { return false }
            return try await answer(for: target) == .account(id)
        case .list, .mixedAlias, .moved, .disabled, .relayDomain, .unknownRecipient, .notLocal: return false
        }
    }
}
