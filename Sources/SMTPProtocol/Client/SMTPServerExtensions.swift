import MailBytes
import SASL

/// What a server offered in its answer to EHLO: RFC 5321 section 4.1.1.1.
public struct SMTPServerExtensions: Sendable, Equatable {
    public var pipelining = false
    public var eightBitMIME = false
    public var smtpUTF8 = false
    public var deliveryNotification = false
    public var chunking = false
    public var binaryMIME = false
    public var startTLS = false
    public var enhancedStatusCodes = false
    /// SIZE; 0 where it was offered without a limit, `nil` where not: RFC 1870.
    public var size: Int?
    public var mechanisms: [SASLMechanismName] = []
    /// DELIVERBY with the shortest time in seconds that BY may ask for with mode R; 0 for any: RFC 2852 section 2.
    public var deliverBy: Int?
    /// FUTURERELEASE with the longest hold in seconds: RFC 4865 section 3.
    public var futureRelease: Int?
    /// MT-PRIORITY: RFC 6710.
    public var priority = false
    /// RRVS: RFC 7293.
    public var requiredOwnership = false
    /// REQUIRETLS: RFC 8689.
    public var requireTLS = false
    /// NO-SOLICITING: RFC 3865.
    public var noSoliciting = false
    /// MTRK: RFC 3885.
    public var tracking = false
    /// CHECKPOINT: RFC 1845.
    public var checkpoint = false
    /// RCPTMAX, MAILMAX and RCPTDOMAINMAX: RFC 9422. The last bounds the domains of all recipients of a session.
    public var recipientsPerTransaction: Int?
    public var transactionsPerConnection: Int?
    public var recipientDomainsPerConnection: Int?

    /// Nothing: a server that knows HELO alone.
    public init() {}

    init(_ reply: SMTPReply) {
        for line in reply.lines.dropFirst() {
            let words = line.uppercased().split(separator: " ")
            guard let keyword = words.first else { continue }
            switch keyword {
            case "PIPELINING": pipelining = true
            case "8BITMIME": eightBitMIME = true
            case "SMTPUTF8": smtpUTF8 = true
            case "DSN": deliveryNotification = true
            case "CHUNKING": chunking = true
            case "BINARYMIME": binaryMIME = true
            case "STARTTLS": startTLS = true
            case "ENHANCEDSTATUSCODES": enhancedStatusCodes = true
            case "SIZE": size = words.count > 1 ? Int(words[1]) ?? 0 : 0
            case "AUTH": mechanisms += words.dropFirst().compactMap { SASLMechanismName(String($0)) }
            case "DELIVERBY": deliverBy = words.count > 1 ? max(0, Int(words[1]) ?? 0) : 0
            case "FUTURERELEASE": futureRelease = words.count > 1 ? Int(words[1]).map { max(0, $0) } : nil
            case "MT-PRIORITY": priority = true
            case "RRVS": requiredOwnership = true
            case "REQUIRETLS": requireTLS = true
            case "NO-SOLICITING": noSoliciting = true
            case "MTRK": tracking = true
            case "CHECKPOINT": checkpoint = true
            case "LIMITS": takeLimits(words.dropFirst())
            default: continue
            }
        }
    }

    /// Reads the parameters of LIMITS. Where one has the wrong form, the whole line counts as not said; an unknown limit, or a
    /// value that is none, is passed over: RFC 9422 section 3.
    private mutating func takeLimits(_ words: some Collection<Substring>) {
        var limits: [(name: Substring, value: Int)] = []
        for word in words {
            let equals = word.firstIndex(of: "=")
            let name = word[..<(equals ?? word.endIndex)]
            let isName = name.utf8.allSatisfy { $0.isASCIIAlphanumeric || $0 == .hyphen || $0 == UInt8(ascii: "_") }
            guard !name.isEmpty, isName else { return }
            guard let equals else { continue }
            let value = word[word.index(after: equals)...]
            guard !value.isEmpty, value.utf8.allSatisfy({ $0.isVisible && $0 != .semicolon }) else { return }
            // One to six digits without a zero in front.
            guard value.utf8.count <= 6, value.utf8.allSatisfy(\.isASCIIDigit), value.first != "0",
                let number = Int(value)
            else { continue }
            limits.append((name, number))
        }
        for (name, value) in limits {
            switch name {
            case "RCPTMAX": recipientsPerTransaction = value
            case "MAILMAX": transactionsPerConnection = value
            case "RCPTDOMAINMAX": recipientDomainsPerConnection = value
            default: continue
            }
        }
    }
}
