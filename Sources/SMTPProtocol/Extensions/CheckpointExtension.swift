import MailBytes

/// CHECKPOINT: a transaction that broke off in its content goes on where it was: RFC 1845.
enum CheckpointExtension {
    static let keyword = "CHECKPOINT"

    /// The reply to MAIL that resumes a transaction. The offset comes first on the line, so there is no enhanced status: RFC 1845
    /// section 3.
    static func resumption(at offset: Int) -> SMTPReply { SMTPReply(355, nil, "\(offset) is the transaction offset") }

    /// The reply to DATA in a transaction that was resumed: RFC 1845 section 5.
    static func startContent(at offset: Int) -> SMTPReply {
        SMTPReply(354, nil, "Send previously checkpointed message starting at octet \(offset)")
    }

    /// Digits of an offset; RFC 1845 section 3 sets no bound, and 18 are beyond every message.
    private static let offsetDigits = 18

    /// The offset that a reply of 355 begins with; `nil` where there is none.
    static func offset(_ reply: SMTPReply) -> Int? {
        guard reply.code == 355, let line = reply.lines.first else { return nil }
        let word = line.utf8.prefix { $0 != .space && $0 != .tab }
        guard (1...offsetDigits).contains(word.count), word.allSatisfy(\.isASCIIDigit) else { return nil }
        return Int(String(Substring(word)))
    }
}

/// TRANSID: what a client calls one transaction, `<local@domain>`; opaque to the server, and case-sensitive. RFC 1845 section 2
/// item 4.
public struct TransactionIdentifier: Hashable, Sendable {
    /// Characters with the angle brackets.
    static let lengthLimit = 80

    /// With the angle brackets.
    public let text: String

    /// Reads `<local@domain>`: RFC 1845 section 2 item 4.
    ///
    /// - Throws: `SMTPSyntaxError` where it is not of that form, or longer than 80 characters.
    public init(parsing text: Span<UInt8>) throws(SMTPSyntaxError) {
        guard (5...Self.lengthLimit).contains(text.count), text[0] == .less, text[text.count - 1] == .greater,
            let at = text.firstIndex(of: .at),
            Self.isToken(text.extracting(1..<at)), Self.isToken(text.extracting((at + 1)..<(text.count - 1)))
        else { throw SMTPSyntaxError(.parameter) }
        self.text = text.text
    }

    /// - Parameters:
    ///   - local: tells the transaction from all others of the domain, and stays the same when it is tried again.
    ///   - domain: the client's; its first labels are left out where it is too long.
    /// - Returns: `nil` where one of them has characters that no identifier may have.
    public init?(local: String, domain: String) {
        var labels = domain.split(separator: ".", omittingEmptySubsequences: false)
        while labels.count > 1, local.utf8.count + labels.joined(separator: ".").utf8.count + 3 > Self.lengthLimit {
            labels.removeFirst()
        }
        let text = Array("<\(local)@\(labels.joined(separator: "."))>".utf8)
        do throws(SMTPSyntaxError) {
            try self.init(parsing: text.span)
        } catch {
            return nil
        }
    }

    /// `transid-token`: atoms with dots between them.
    private static func isToken(_ text: Span<UInt8>) -> Bool {
        var isAtom = false
        for index in 0..<text.count {
            if text[index] == .dot {
                guard isAtom else { return false }
                isAtom = false
            } else {
                guard text[index].isVisible, !isSpecial(text[index]) else { return false }
                isAtom = true
            }
        }
        return isAtom
    }

    /// `tspecials` of RFC 1521 section 4.
    private static func isSpecial(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "@"),
            UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: ":"), UInt8(ascii: "\\"), UInt8(ascii: "\""),
            UInt8(ascii: "/"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "?"), UInt8(ascii: "="):
            true
        default: false
        }
    }
}

extension TransactionIdentifier: CustomStringConvertible {
    public var description: String { text }
}
