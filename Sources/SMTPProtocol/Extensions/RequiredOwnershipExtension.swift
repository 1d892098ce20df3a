import MailBytes
import MailNames

/// RRVS: mail for the owner whom the sender knew, and for nobody who has the address since: RFC 7293.
enum RequiredOwnershipExtension {
    static let keyword = "RRVS"

    /// Reads the value of RCPT's parameter: RFC 7293 section 3.1. Seconds have no fraction.
    static func parse(_ text: Span<UInt8>) throws(SMTPSyntaxError) -> RequiredOwnership {
        let end = text.firstIndex(of: .semicolon) ?? text.count
        guard let since = Timestamp(rfc3339: text.extracting(0..<end)) else { throw SMTPSyntaxError(.parameter) }
        guard end < text.count else { return RequiredOwnership(since: since) }
        let action = text.extracting((end + 1)..<text.count)
        if action.equals("R") { return RequiredOwnership(since: since) }
        if action.equals("C") { return RequiredOwnership(since: since, fallback: .continue) }
        throw SMTPSyntaxError(.parameter)
    }

    /// The value for the next hop: what to do without the extension goes with it where it was said (section 5.1.1).
    static func value(_ ownership: RequiredOwnership) -> String {
        ownership.since.rfc3339 + (ownership.fallback == .continue ? ";C" : "")
    }
}

/// What a recipient is answered whose owner is not the one that was asked for: RFC 7293 section 15.3.
extension SMTPReply {
    public static let ownerChanged = SMTPReply(
        550,
        EnhancedStatus(5, 7, 17),
        "The mailbox has another owner since the time that you named"
    )
    public static let ownerUnknown = SMTPReply(
        550,
        EnhancedStatus(5, 7, 19),
        "It cannot be told since when the mailbox has its owner"
    )
}
