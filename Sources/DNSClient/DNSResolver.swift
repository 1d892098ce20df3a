import MailBytes
import MailNames

/// Answers questions about names.
///
/// Implementations bound the time of a question and how many are asked at once.
public protocol DNSResolver: Sendable {
    /// Asks for the records of one type; CNAMEs are followed.
    ///
    /// That a name or its records do not exist is an answer. What one can only try again later is a `DNSFailure`.
    func answer(to question: DNSQuestion) async throws(DNSFailure) -> DNSAnswer
}

/// A name and the type of records wanted.
public struct DNSQuestion: Hashable, Sendable, CustomStringConvertible {
    public var name: DNSName
    public var type: DNSRecordType

    public init(_ name: DNSName, _ type: DNSRecordType) {
        self.name = name
        self.type = type
    }

    public var description: String { "\(name) \(type)" }
}

/// What DNS says to a question.
public struct DNSAnswer: Hashable, Sendable {
    /// Whether there are records, and if not, what is missing.
    public enum Existence: Hashable, Sendable {
        case found
        /// The name exists without records of this type: RFC 2308 section 2.2.
        case noData
        /// The name does not exist: NXDOMAIN, RFC 2308 section 2.1.
        case noSuchName
    }

    /// What DNSSEC proved; an answer that fails validation is a `DNSFailure` instead.
    public enum Security: Hashable, Sendable {
        /// Signed down from a trust anchor.
        case secure
        /// Not signed, or no trust anchor leads there.
        case insecure
    }

    public var question: DNSQuestion
    public var existence: Existence
    public var security: Security
    /// The end of the CNAMEs; the name that was asked for when there are none.
    public var canonicalName: DNSName
    /// All of the wanted type, none malformed.
    public var records: [DNSRecord]
    /// How long the answer holds.
    public var timeToLive: Duration

    public init(
        question: DNSQuestion,
        existence: Existence,
        security: Security = .insecure,
        canonicalName: DNSName,
        records: [DNSRecord],
        timeToLive: Duration
    ) {
        self.question = question
        self.existence = existence
        self.security = security
        self.canonicalName = canonicalName
        self.records = records
        self.timeToLive = timeToLive
    }
}

extension DNSAnswer: CustomStringConvertible {
    /// The answer in one line, for a trace: `example.test MX: 10 mx1.example.test, 20 mx2.example.test (secure)`.
    public var description: String {
        let text: String
        switch existence {
        case .noSuchName: text = "no such name"
        case .noData: text = "no such record"
        case .found:
            let shown = records.prefix(16).map(\.description).joined(separator: ", ")
            text = records.count > 16 ? shown + ", and \(records.count - 16) more" : shown
        }
        let alias = canonicalName == question.name ? "" : " (at \(canonicalName))"
        return "\(question): \(text)\(alias)" + (security == .secure ? " (secure)" : "")
    }
}

/// A question stayed without an answer; asking again later may help.
public struct DNSFailure: Error, Hashable, CustomStringConvertible {
    public enum Reason: Hashable, Sendable {
        case timedOut
        /// The servers could not say: SERVFAIL, REFUSED and the like, by the response code of RFC 1035 section 4.1.1.
        case serverFailure(code: Int)
        /// The answer contradicts its signatures (DNSSEC), with what libunbound says about it.
        case bogus(String)
        /// The answer cannot be read.
        case malformed
        /// More questions than the resolver's limit wait already.
        case tooManyQuestions
        /// The asking task was cancelled.
        case cancelled
        /// The resolver was shut down.
        case stopped
        /// libunbound could not be asked.
        case library(String)
    }

    public var question: DNSQuestion
    public var reason: Reason

    public init(_ question: DNSQuestion, _ reason: Reason) {
        self.question = question
        self.reason = reason
    }

    public var description: String {
        let text: String
        switch reason {
        case .timedOut: text = "no answer in time"
        case .serverFailure(let code): text = "the name servers failed (\(Self.name(ofCode: code)))"
        case .bogus(let why): text = "the answer is not what was signed: \(why)"
        case .malformed: text = "the answer cannot be read"
        case .tooManyQuestions: text = "too many questions wait already"
        case .cancelled: text = "nobody wants the answer any more"
        case .stopped: text = "the resolver has stopped"
        case .library(let why): text = "libunbound says: \(why)"
        }
        return "\(question): \(text)"
    }

    private static func name(ofCode code: Int) -> String {
        switch code {
        case 1: "FORMERR"
        case 2: "SERVFAIL"
        case 4: "NOTIMP"
        case 5: "REFUSED"
        default: "response code \(code)"
        }
    }
}
