import MailBytes
import MailNames
import SASL

/// Who is here: domains, accounts, aliases, and who may act as whom.
///
/// Every question has a quick answer from memory, for sessions that must not wait, and a sure one that may ask a database
/// or another server. Local parts are compared without case here, whatever the sender wrote: RFC 5321 section 2.4
/// leaves that to the host that delivers.
public protocol Directory: Sendable {
    /// What is known of a recipient without waiting; `nil` when it has to be looked up with `answer(for:)`.
    func cachedAnswer(for address: EmailAddress) -> RecipientAnswer?

    /// What becomes of mail for an address.
    ///
    /// - Throws: `DirectoryError.unavailable` when it cannot be told now; the sender is to try again.
    func answer(for address: EmailAddress) async throws(DirectoryError) -> RecipientAnswer

    /// What becomes of mail for many addresses, for a message with many recipients. One that cannot be told is not among the answers.
    ///
    /// - Throws: `DirectoryError.unavailable`.
    func answers(for addresses: [EmailAddress]) async throws(DirectoryError) -> [EmailAddress: RecipientAnswer]

    /// Whether mail for the domain is delivered here.
    func isLocal(_ domain: Domain) async throws(DirectoryError) -> Bool

    /// The account that a name and a password belong to; `nil` when they do not fit. Takes as long for an unknown name as
    /// for a wrong password.
    func authenticate(_ credentials: PasswordCredentials) async throws(DirectoryError) -> Account?

    /// What a SCRAM exchange with this user needs; a decoy that cannot be told from the real thing where there is no such
    /// user, or one without a stored secret.
    func scramVerifier(for identity: SCRAMIdentity) async throws(DirectoryError) -> SCRAMVerifier

    /// The account that logs in under a name; `nil` when there is none.
    func account(named name: String) async throws(DirectoryError) -> Account?

    /// The account of an id; `nil` when there is none.
    func account(_ id: AccountID) async throws(DirectoryError) -> Account?

    /// Whether the account may write the address as a sender: its own address, or an alias that leads to it alone.
    func account(_ id: AccountID, maySendAs address: EmailAddress) async throws(DirectoryError) -> Bool

    /// Since when the address has had the owner it has: RFC 7293 section 5. `nil` where that was not recorded, or the address is
    /// not ours.
    func ownedSince(_ address: EmailAddress) async throws(DirectoryError) -> Timestamp?

    /// The addresses that a bare name has in the domains here, for VRFY and EXPN (RFC 5321 section 3.5.1).
    ///
    /// - Parameter limit: no more than these are looked for.
    func addresses(named name: LocalPart, limit: Int) async throws(DirectoryError) -> [EmailAddress]
}

extension Directory {
    /// None, where names are looked up whole alone.
    public func addresses(named name: LocalPart, limit: Int) async throws(DirectoryError) -> [EmailAddress] { [] }
}

extension Directory {
    public func answers(for addresses: [EmailAddress]) async throws(DirectoryError) -> [EmailAddress: RecipientAnswer] {
        var answers: [EmailAddress: RecipientAnswer] = [:]
        for address in addresses { answers[address] = try await answer(for: address) }
        return answers
    }

    /// A directory that keeps no such secrets: its listeners offer no SCRAM.
    public func scramVerifier(for identity: SCRAMIdentity) async throws(DirectoryError) -> SCRAMVerifier {
        throw DirectoryError(.unavailable)
    }

    /// By the account's own address, not by those of its aliases.
    public func account(named name: String) async throws(DirectoryError) -> Account? {
        guard let address = try? EmailAddress(parsing: name), case .account(let id) = try await answer(for: address),
            let account = try await account(id), account.isNamed(name)
        else { return nil }
        return account
    }

    /// A directory that does not record owners.
    public func ownedSince(_ address: EmailAddress) async throws(DirectoryError) -> Timestamp? { nil }
}

/// What becomes of mail for an address.
public enum RecipientAnswer: Hashable, Sendable {
    /// It is delivered to the account's mailbox.
    case account(AccountID)
    /// It goes on to these addresses.
    case alias([EmailAddress])
    /// It is one of a mailing list's addresses.
    case list(ListTarget)
    /// It goes on to these, of which not all are addresses.
    case mixedAlias([AliasTarget])
    /// Whoever had the address has another now: RFC 5321 section 3.4.
    case moved(to: EmailAddress, Forwarding)
    /// The account is switched off: 550 5.2.1.
    case disabled
    /// The domain's mailboxes are elsewhere, and we take its mail on: backup MX.
    case relayDomain
    /// The domain is ours, but nobody has that name in it: 550 5.1.1.
    case unknownRecipient
    /// The domain is not ours.
    case notLocal
}

/// What is done with mail for somebody who has another address now: RFC 5321 section 3.4.
public enum Forwarding: String, Hashable, Sendable, Codable {
    /// It is sent on, and the sender told so: 251.
    case forward
    /// It is refused, and the sender told the new address: 551.
    case tell
}

/// Names an account for good, also when its address changes.
public struct AccountID: Hashable, Sendable, Codable, CustomStringConvertible {
    public let rawValue: Int64

    /// The id of a number from the database.
    public init(_ rawValue: Int64) {
        self.rawValue = rawValue
    }

    public var description: String { String(rawValue) }
}

/// Somebody who logs in and has mailboxes.
public struct Account: Hashable, Sendable {
    public let id: AccountID
    /// The address that the account was made with and logs in by.
    public let address: EmailAddress
    /// Whether it may log in and is sent mail.
    public let isEnabled: Bool

    public init(id: AccountID, address: EmailAddress, isEnabled: Bool) {
        self.id = id
        self.address = address
        self.isEnabled = isEnabled
    }
}

extension Account {
    /// Whether a name, in whatever case and form, is the one that the account logs in by.
    func isNamed(_ name: String) -> Bool {
        guard let address = try? EmailAddress(parsing: name) else { return false }
        return address.domain == self.address.domain && address.localPart.folded == self.address.localPart.folded
    }
}
