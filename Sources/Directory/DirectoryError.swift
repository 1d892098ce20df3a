import MailNames
import MailingLists

/// Why a question could not be answered or a change not be made.
public struct DirectoryError: Error, CustomStringConvertible {
    /// What went wrong.
    public enum Reason: Hashable, Sendable {
        /// The database cannot be used now; the same question may be answered later.
        case unavailable
        case domainExists(Domain)
        case domainUnknown(Domain)
        case domainInUse(Domain, accounts: Int, aliases: Int)
        /// The domain is of another kind than the change needs.
        case domainOfOtherKind(Domain, DomainKind)
        /// Other domains are aliases of it.
        case domainHasAliases(Domain, [Domain])
        case addressTaken(EmailAddress)
        case accountUnknown(String)
        case aliasUnknown(String)
        case aliasTargets
        case listUnknown(String)
        /// A list's address has to leave room for its roles.
        case listAddress(String)
        case domainHasLists(Domain, Int)
        case passwordTooWeak
        case appPasswordName
        case appPasswordExists(String)
        case appPasswordUnknown(String)
        case tooManyAppPasswords
        case senderUnknown(String)
        case tooManySenders
    }

    public let reason: Reason
    public let underlying: (any Error)?

    public init(_ reason: Reason, underlying: (any Error)? = nil) {
        self.reason = reason
        self.underlying = underlying
    }

    /// What went wrong, as the directory tells it: its own errors as they are, any other as the reason why it is unavailable.
    init(_ error: any Error) { self = error as? DirectoryError ?? DirectoryError(.unavailable, underlying: error) }

    /// One line an operator can act on.
    public var description: String {
        switch reason {
        case .unavailable:
            "the directory cannot be read now" + (underlying.map { ": \($0)" } ?? "")
        case .domainExists(let domain): "the domain \(domain.unicode) is already here"
        case .domainUnknown(let domain):
            "the domain \(domain.unicode) is not here; add it with `martlet domain add \(domain.unicode)`"
        case .domainInUse(let domain, let accounts, let aliases):
            "the domain \(domain.unicode) still has \(accounts) accounts and \(aliases) aliases; remove them first"
        case .domainOfOtherKind(let domain, .relay):
            "mail for \(domain.unicode) is only taken on to its own hosts: it has no accounts and aliases here"
        case .domainOfOtherKind(let domain, .alias(let other)):
            "\(domain.unicode) is an alias of \(other.unicode): make the change there"
        case .domainOfOtherKind(let domain, .local):
            "\(domain.unicode) has accounts and aliases of its own"
        case .domainHasAliases(let domain, let others):
            "\(domain.unicode) has the aliases \(others.map(\.unicode).joined(separator: ", ")); remove them first"
        case .addressTaken(let address): "\(address) already belongs to an account or an alias"
        case .accountUnknown(let name): "there is no account \(name)"
        case .aliasUnknown(let name): "there is no alias \(name)"
        case .aliasTargets: "an alias needs between 1 and 1000 targets to lead to"
        case .listUnknown(let name): "there is no list \(name)"
        case .listAddress(let name):
            "\(name) cannot be a list: it needs a plain local part of at most \(ListSettings.nameLimit) characters without +, "
                + "that does not end in a word like -request"
        case .domainHasLists(let domain, let count):
            "the domain \(domain.unicode) still has \(count) mailing lists; remove them first"
        case .senderUnknown(let name): "the account has no leave to send as \(name)"
        case .tooManySenders: "an account may have 1000 senders at most"
        case .passwordTooWeak: "a password needs at least 8 characters"
        case .appPasswordName: "the name of an app password has between 1 and 64 characters"
        case .appPasswordExists(let name): "the account already has an app password called \"\(name)\""
        case .appPasswordUnknown(let name): "the account has no app password called \"\(name)\""
        case .tooManyAppPasswords:
            "an account can have no more than \(AppPassword.limit) app passwords; remove one first"
        }
    }
}
