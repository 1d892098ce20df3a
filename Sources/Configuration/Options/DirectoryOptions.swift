import Directory
import MailNames
import MailPolicy

/// How the names of local domains are read.
public struct DirectoryOptions: Sendable, Hashable {
    /// Parts the user from a detail: RFC 5233 section 4.
    public var separator = "+"
    /// The names that lead to the postmaster in every domain: RFC 2142.
    public var roles = NameRules.standardRoles

    public init() {}
}

/// What mail may do on this machine beside lying in mailboxes.
public struct LocalDeliveryOptions: Sendable, Hashable {
    /// Folders in whose files aliases may have mail written.
    public var aliasFiles: [String] = []
    /// Whether aliases may have commands run.
    public var aliasCommands = false
    /// How long a command may run.
    public var commandTimeout = Duration.seconds(60)

    public init() {}
}

/// Who may send to domains that are not ours: the relay catalog.
public struct RelayOptions: Sendable, Hashable {
    /// Whether the hosts of relay domains are asked about recipients.
    public enum Verify: String, Sendable, Hashable, CaseIterable {
        case off
        case `try`
        case require
    }

    /// Networks whose hosts may send to anybody.
    public var networks: [IPNetwork] = []
    /// Accounts that may send to anybody once they logged in; `*` is all of them.
    public var accounts = ["*"]
    public var certificates: [CertificateFingerprint] = []
    /// Domains that are not ours to which anybody may send.
    public var destinations: [Domain] = []
    public var verify = Verify.off
    /// How long a recipient that was taken, or refused, counts as such.
    public var verifyPositive = Duration.seconds(86_400)
    public var verifyNegative = Duration.seconds(3600)

    public init() {}
}
