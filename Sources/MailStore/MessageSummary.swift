import InternetMessage
import MailBytes

/// What is found out about a message once, when it arrives, so that listings and searches do not read it again.
struct MessageSummary {
    /// Octets of a message's beginning in which its header is looked for.
    static let headerBytes = 64 << 10
    /// Identifiers that a message is tied to its conversation by: its own, the first and the last of those it answers.
    private static let identifierLimit = 20
    /// Characters of a field that are kept.
    private static let keptCharacters = 500

    private(set) var messageID: String?
    /// Decoded, in one line.
    private(set) var subject: String?
    private(set) var from: String?
    /// The header has UTF-8 beyond ASCII: RFC 6532. Octets of other charsets, which programs of old wrote, are no such header.
    private(set) var hasUTF8 = false
    /// The message's own identifier and those of In-Reply-To and References.
    private(set) var identifiers: [String] = []
    /// A record of the MIME structure, places counted from the first octet that is stored.
    let structure: [UInt8]
    let preview: String

    /// - Parameter beginning: the message's first octets, header included.
    init(_ beginning: Span<UInt8>, _ parsed: ParsedMessage) {
        structure = parsed.structure.encoded
        preview = parsed.preview
        let end = min(beginning.count, Self.headerBytes, parsed.structure.header.upperBound)
        let header = beginning.extracting(..<end)
        for index in 0..<end where header[index] >= 0x80 {
            hasUTF8 = header.extracting(..<Self.wholeLines(header)).isValidUTF8
            break
        }
        var answered: [String] = []
        var scanner = HeaderScanner()
        while let field = scanner.next(header) {
            let name = header.extracting(field.name)
            let value = header.extracting(field.value)
            // The first field of a name counts.
            if name.equals("Message-ID"), messageID == nil {
                messageID =
                    MessageIdentifiers.parse(value, limit: 2).first
                    ?? String(header.unfolded(field.value).prefix(Self.keptCharacters))
            } else if name.equals("Subject"), subject == nil {
                subject = String(EncodedWords.decode(value).prefix(Self.keptCharacters))
            } else if name.equals("From"), from == nil {
                from = AddressList(parsing: value).mailboxes.first.map(Self.shown)
            } else if name.equals("References") || name.equals("In-Reply-To") {
                answered += MessageIdentifiers.parse(value, limit: Self.identifierLimit - 1)
            }
        }
        if let messageID { identifiers.append(messageID) }
        let surplus = answered.count - (Self.identifierLimit - 1)
        if surplus > 0 { answered.removeSubrange(1...surplus) }
        identifiers += answered
    }

    /// Octets without the last line of a header that was cut at its bound, in the middle of a character perhaps.
    private static func wholeLines(_ header: Span<UInt8>) -> Int {
        var end = header.count
        guard end == headerBytes else { return end }
        while end > 0, header[end - 1] != .lineFeed { end -= 1 }
        return end
    }

    /// What ties messages of one conversation together, besides their identifiers: RFC 5256 section 2.1.
    var baseSubject: String { BaseSubject.of(subject ?? "").text }

    private static func shown(_ mailbox: Mailbox) -> String {
        let address = "\(mailbox.localPart)@\(mailbox.domain)"
        return String((mailbox.displayName.map { "\($0) <\(address)>" } ?? address).prefix(keptCharacters))
    }
}
