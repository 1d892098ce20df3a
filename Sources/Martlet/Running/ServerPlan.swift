import Admission
import ChannelSupport
import Configuration
import DNSClient
import Delivery
import Directory
import MailBytes
import MailNames
import MailPolicy
import Monitoring
import NIOCore
import POPChannels
import POPProtocol
import SASL
import SMTPProtocol
import Spool

/// Everything a server is told before it runs: what a configuration, or `martlet dev`, comes down to.
public struct ServerPlan: Sendable {
    /// A door and where it is.
    public struct Listener: Sendable, Hashable {
        public var service: ServiceName
        public var point: ListeningPoint

        public init(_ service: ServiceName, _ point: ListeningPoint) {
            self.service = service
            self.point = point
        }
    }

    /// Where the certificate is from.
    public enum Certificate: Sendable, Hashable {
        case files(chain: String, key: String)
        case selfSigned
    }

    public var hostName: Domain
    public var dataFolder: String
    /// Who to become after binding, when started as root.
    public var user: String?
    /// Where the sendmail command of any user finds the server; `nil` for nowhere.
    public var submissionSocket: String?
    public var listeners: [Listener] = []
    public var certificate = Certificate.selfSigned
    /// A file with the authorities of client certificates that people log in with; `nil` asks for none.
    public var clientAuthorities: String?
    /// The mechanisms to log in with, in the order they are offered in; those that need tokens only with `tokens`.
    public var mechanisms: [SASLMechanismName] = SASLServerExchange.mechanisms
    /// Who tells what a bearer token is worth; `nil` takes none.
    public var tokens: JSONWebTokens?
    /// Passwords without TLS, on loopback alone: for `martlet dev`.
    public var allowsClearTextOnLoopback = false
    public var spool = SpoolOptions()
    public var delivery: DeliveryOptions
    public var admission = Admission.Options()
    public var names = NameRules()
    /// The directory server beside the database.
    public var ldap: LDAPOptions?
    public var probing = RecipientProbe.Options()
    public var smtpLimits = SMTPLimits()
    public var smtpTimeouts = SMTPTimeouts()
    public var connections = ConnectionRegister.Limits()
    /// Proxies in front of the doors.
    public var proxies: [IPNetwork] = []
    /// Hosts that may speak for others with XCLIENT and XFORWARD.
    public var trustedHosts: [IPNetwork] = []
    public var takesETRN = true
    public var takesTURN = false
    public var takesNotices = false
    /// Domains whose mail is fetched from here, and by whom.
    public var onDemand: [OnDemandDomain] = []
    /// Where mail of ours is fetched from.
    public var fetch: MailFetchPlan?
    public var popTimeouts = POPTimeouts()
    public var popLimits = POPServerConfiguration.Limits()
    /// Where mail for `<Postmaster>` goes; `nil` for postmaster@ the host name.
    public var postmaster: EmailAddress?
    public var bareNewlines = DotUnstuffer.BareNewlines.refuse
    /// What SMTP sessions offer beyond what every session has.
    public var offer = SMTPServiceOffer([.deliverBy, .futureRelease, .priority, .requiredOwnership, .requireTLS])
    public var contentInMemory = ByteCount.kibibytes(256)
    /// Whether what a submission says in From has to belong to its account.
    public var checksAuthors = true
    /// Senders whose mail goes to each recipient with a return path of its own.
    public var variablePaths = SenderList()
    public var messageLifetime = Duration.seconds(5 * 86_400)
    public var trace = TraceStore.Options()
    public var dns = UnboundResolver.Options()
    /// Threads that serve connections; 0 for one a core.
    public var eventLoops = 0
    /// What the operator should know, and what keeps nothing from running: sentences.
    public var warnings: [String] = []

    /// The mechanisms that can work with what is set up.
    var offeredMechanisms: [SASLMechanismName] {
        mechanisms.filter { mechanism in
            switch mechanism {
            case .oauthBearer, .xoauth2: tokens != nil
            case .external: clientAuthorities != nil
            // A directory server judges passwords and gives none of them away.
            case let mechanism where mechanism.isSCRAM: ldap == nil
            default: true
            }
        }
    }

    var loops: Int { eventLoops > 0 ? eventLoops : System.coreCount }

    public init(hostName: Domain, dataFolder: String) {
        self.hostName = hostName
        self.dataFolder = dataFolder
        self.delivery = DeliveryOptions(hostName: hostName)
    }
}

/// The doors, by the names of their ports.
public enum ServiceName: String, Sendable, CaseIterable, Hashable {
    case smtp, submission, submissions, lmtp, odmr, mtqp, pop3, pop3s

    /// The port that IANA gave it, or that is used for it.
    public var wellKnownPort: Int {
        switch self {
        case .smtp: 25
        case .submission: 587
        case .submissions: 465
        // No port is assigned to LMTP; this is the one that is mostly used, and it may not be 25: RFC 2033 section 5.
        case .lmtp: 24
        case .odmr: 366
        case .mtqp: 1038
        case .pop3: 110
        case .pop3s: 995
        }
    }

    public var hasImplicitTLS: Bool { self == .submissions || self == .pop3s }
    public var isSMTP: Bool { !isPOP && self != .mtqp }
    public var isPOP: Bool { self == .pop3 || self == .pop3s }
}
