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
    /// RCPTMAX and MAILMAX: RFC 9422.
    public var recipientsPerTransaction: Int?
    public var transactionsPerConnection: Int?

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
            case "LIMITS":
                for word in words.dropFirst() {
                    let parts = word.split(separator: "=")
                    guard parts.count == 2, let value = Int(parts[1]), value > 0 else { continue }
                    if parts[0] == "RCPTMAX" { recipientsPerTransaction = value }
                    if parts[0] == "MAILMAX" { transactionsPerConnection = value }
                }
            default: continue
            }
        }
    }
}
