import InternetMessage
import MailBytes
import MailNames

/// What a list wants to know of the header of a message that came to one of its addresses.
public struct ArrivingPost: Sendable, Equatable {
    /// Who wrote it, as the From field says.
    public var authors: [EmailAddress] = []
    /// Encoded words decoded.
    public var subject = ""
    /// With its angle brackets.
    public var messageID: String?
    /// The lists that it went through, in lower case: List-Id (RFC 2919) and our own mark.
    public var passedLists: [String] = []
    /// In lower case, without parameters: RFC 3834 section 5.
    public var autoSubmitted: String?
    /// In lower case.
    public var precedence: String?
    /// Where the header ends: behind the last field.
    public var headerEnd = 0

    /// Lists that are looked at; a message that went through more goes in circles by its hops.
    private static let passedListLimit = 100

    /// Reads the header at the front of a message.
    public init(_ message: Span<UInt8>) {
        var scanner = HeaderScanner()
        var hasFrom = false
        while let field = scanner.next(message) {
            let name = message.extracting(field.name)
            let value = message.extracting(field.value)
            if name.equals("From"), !hasFrom {
                hasFrom = true
                authors = Array(AddressList(parsing: value).addresses.prefix(8))
            } else if name.equals("Subject"), subject.isEmpty {
                subject = String(EncodedWords.decode(value).prefix(500))
            } else if name.equals("Message-ID"), messageID == nil {
                messageID = String(message.unfolded(field.value).prefix(998))
            } else if name.equals("List-Id") || name.equals(ListHeader.loopField) {
                guard passedLists.count < Self.passedListLimit else { continue }
                passedLists.append(Self.identifier(message.unfolded(field.value)))
            } else if name.equals("Auto-Submitted"), autoSubmitted == nil {
                autoSubmitted = ContentField(parsing: value).value
            } else if name.equals("Precedence"), precedence == nil {
                precedence = message.unfolded(field.value).lowercased()
            }
        }
        headerEnd = scanner.end
    }

    /// What stands between the angle brackets, white space in it left out: RFC 2919 section 3.
    static func identifier(_ value: String) -> String {
        let inside =
            value.lastIndex(of: "<").map { value[value.index(after: $0)...].prefix { $0 != ">" } } ?? value[...]
        return inside.filter { !$0.isWhitespace }.lowercased()
    }

    /// Whether a program wrote it in answer to something: nobody means it for a list, and nothing is answered to it (RFC 3834
    /// section 2).
    public var isAutomaticAnswer: Bool {
        autoSubmitted.map { $0.hasPrefix("auto-replied") || $0.hasPrefix("auto-notified") } ?? false
            || precedence == "junk"
    }

    /// Whether a program wrote it for whatever reason.
    public var isAutomatic: Bool {
        autoSubmitted.map { $0 != "no" } ?? false || ["junk", "bulk", "list"].contains(precedence ?? "")
    }

    /// Who may be meant as the one who wrote it: its authors, and where failures go.
    public func writers(_ reversePath: ReversePath) -> [EmailAddress] {
        authors + [reversePath.address].compactMap(\.self).filter { !authors.contains($0) }
    }

    /// Who is answered: the first author, else where failures go; nobody where the reverse-path is null (RFC 3834 section 4).
    public func correspondent(_ reversePath: ReversePath) -> EmailAddress? {
        reversePath == .null ? nil : authors.first ?? reversePath.address
    }
}
