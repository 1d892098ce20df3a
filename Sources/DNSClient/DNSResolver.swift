import MailBytes
import MailNames

/// Asks DNS. Implemented by `UnboundResolver`, and in memory for tests.
public protocol DNSResolver: Sendable {
    /// The records of a name and type.
    ///
    /// - Throws: `DNSFailure` when nobody could tell; the same question may be answered later.
    func lookUp(_ name: String, _ type: DNSRecordType) async throws(DNSFailure) -> DNSAnswer
}

/// The types that mail asks for.
public enum DNSRecordType: UInt16, Sendable, Hashable {
    case a = 1
    case cname = 5
    case ptr = 12
    case mx = 15
    case txt = 16
    case aaaa = 28
    case srv = 33
    case tlsa = 52
}

/// What DNS said.
public struct DNSAnswer: Sendable, Hashable {
    /// What validation says: RFC 4035 section 4.3.
    public enum Security: Sendable, Hashable {
        case secure
        /// No chain of signatures leads here.
        case insecure
    }

    /// Whether the name is there: RFC 2308 section 2.
    public enum Existence: Sendable, Hashable {
        case found
        /// The name is there, but has nothing of that type.
        case noData
        /// NXDOMAIN.
        case noName
    }

    public var existence: Existence
    public var security: Security
    /// The data of the records, as they came on the wire with names uncompressed.
    public var records: [[UInt8]]
    /// The name that aliases led to.
    public var canonicalName: String?
    public var timeToLive: Duration

    public init(
        existence: Existence,
        security: Security = .insecure,
        records: [[UInt8]] = [],
        canonicalName: String? = nil,
        timeToLive: Duration = .seconds(60)
    ) {
        self.existence = existence
        self.security = security
        self.records = records
        self.canonicalName = canonicalName
        self.timeToLive = timeToLive
    }
}

/// Why nobody could tell.
public struct DNSFailure: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Reason: Sendable, Hashable {
        case timedOut
        /// SERVFAIL, REFUSED and the like.
        case serverFailure(Int)
        /// The signatures are wrong: RFC 4035 section 4.3. Never the same as no answer.
        case bogus(String)
        /// Our own trouble.
        case resolver(String)
        case invalidName
    }

    public var reason: Reason
    public var name: String

    public init(_ reason: Reason, name: String) {
        self.reason = reason
        self.name = name
    }

    public var description: String {
        switch reason {
        case .timedOut: "looking up \(name) took too long"
        case .serverFailure(let code): "looking up \(name) failed: the resolver answered with code \(code)"
        case .bogus(let why): "the answer for \(name) is forged or its zone is broken: \(why)"
        case .resolver(let why): "looking up \(name) failed: \(why)"
        case .invalidName: "\(name) is no domain name"
        }
    }
}
