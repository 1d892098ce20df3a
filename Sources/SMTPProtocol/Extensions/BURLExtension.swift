import MailBytes

/// BURL: content that the server fetches itself, from a store that the client names: RFC 4468. For submission alone.
enum BURLExtension {
    static let keyword = "BURL"

    /// What EHLO says: before a log-in that there is BURL, after it which URLs are taken (RFC 4468 section 3.1).
    static func line(isAuthenticated: Bool) -> String { isAuthenticated ? "\(keyword) imap" : keyword }

    /// Reads what follows the verb: a URL, and LAST or nothing (RFC 4468 section 3.5).
    static func parse(_ line: Span<UInt8>, _ argument: Range<Int>) throws(SMTPSyntaxError) -> SMTPCommand {
        guard !argument.isEmpty else { throw SMTPSyntaxError(.missingArgument) }
        var end = argument.lowerBound
        while end < argument.upperBound, line[end] != .space {
            guard line[end].isVisible else { throw SMTPSyntaxError(.parameter) }
            end += 1
        }
        let url = line.text(argument.lowerBound..<end)
        guard isURL(line.extracting(argument.lowerBound..<end)) else { throw SMTPSyntaxError(.parameter) }
        var rest = end
        while rest < argument.upperBound && line[rest] == .space { rest += 1 }
        if rest == argument.upperBound { return .url(url, isLast: false) }
        guard line.extracting(rest..<argument.upperBound).equals("LAST") else { throw SMTPSyntaxError(.parameter) }
        return .url(url, isLast: true)
    }

    /// A scheme, a colon and something: RFC 3986 section 4.3.
    private static func isURL(_ text: Span<UInt8>) -> Bool {
        guard let colon = text.firstIndex(of: .colon), colon > 0, colon + 1 < text.count, text[0].isASCIIAlpha else {
            return false
        }
        for index in 1..<max(1, colon) {
            let byte = text[index]
            guard byte.isASCIIAlphanumeric || byte == UInt8(ascii: "+") || byte == .hyphen || byte == .dot else {
                return false
            }
        }
        return true
    }

    /// Whether the URL is for this account to submit: `urlauth=submit+` and its name (RFC 4468 section 3.3, RFC 4467 section 3).
    static func allows(_ url: String, _ account: String) -> Bool {
        let bytes = Array(url.utf8)
        let span = bytes.span
        let mark: StaticString = ";urlauth=submit+"
        guard span.matches("imap://"), let start = (0..<span.count).first(where: { span.matches(mark, at: $0) }) else {
            return false
        }
        let name = start + mark.utf8CodeUnitCount
        let end = span.firstIndex(of: .colon, from: name) ?? span.count
        return decoded(span.extracting(name..<end))?.lowercased() == account.lowercased()
    }

    /// Without its percent signs: RFC 3986 section 2.1.
    private static func decoded(_ text: Span<UInt8>) -> String? {
        var bytes: [UInt8] = []
        var index = 0
        while index < text.count {
            if text[index] != UInt8(ascii: "%") {
                bytes.append(text[index])
                index += 1
                continue
            }
            guard index + 2 < text.count, let high = text[index + 1].hexValue, let low = text[index + 2].hexValue else {
                return nil
            }
            bytes.append(high << 4 | low)
            index += 3
        }
        return bytes.span.isValidUTF8 ? String(decoding: bytes, as: UTF8.self) : nil
    }
}

extension SMTPReply {
    static let urlSyntax = SMTPReply(501, EnhancedStatus(5, 5, 4), "Syntax: BURL url [LAST]")
    static let urlTaken = SMTPReply(250, EnhancedStatus(2, 5, 0), "Ok")
    /// The URL is not one for this account: RFC 4468 section 3.4.
    public static let urlDenied = SMTPReply(554, EnhancedStatus(5, 7, 0), "IMAP URL authorization failed")
    /// RFC 4468 section 5.
    public static let urlUnresolved = SMTPReply(554, EnhancedStatus(5, 6, 6), "The message content is not available")
    public static let urlUnavailable = SMTPReply(451, EnhancedStatus(4, 4, 1), "The IMAP server does not answer now")
}
