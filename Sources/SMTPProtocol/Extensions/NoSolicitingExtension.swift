import MailBytes

/// NO-SOLICITING: classes of solicitations that are not taken: RFC 3865.
public enum NoSolicitingExtension {
    static let keyword = "NO-SOLICITING"
    /// Octets of a list of keywords: RFC 3865 section 2.2.
    static let listLimit = 999

    static func line(refused: [String]) -> String {
        refused.isEmpty ? keyword : "\(keyword) \(refused.joined(separator: ","))"
    }

    /// Whether the text is one keyword: a letter, then letters, digits and `.-_:`.
    public static func isKeyword(_ text: String) -> Bool {
        guard let first = text.utf8.first, first.isASCIIAlpha, text.utf8.count <= listLimit else { return false }
        return text.utf8.allSatisfy { $0.isASCIIAlphanumeric || ".-_:".utf8.contains($0) }
    }

    /// Reads SOLICIT, or the Solicitation field, which may have spaces behind its commas; `nil` when it is no list.
    public static func keywords(_ text: String) -> [String]? {
        guard text.utf8.count <= listLimit else { return nil }
        let words = text.split(separator: ",", omittingEmptySubsequences: false).map {
            String($0.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
        return words.allSatisfy(isKeyword) ? words : nil
    }

    static func parse(_ text: Span<UInt8>) throws(SMTPSyntaxError) -> String {
        let list = text.text
        guard keywords(list) != nil else { throw SMTPSyntaxError(.parameter) }
        return list
    }

    /// Those of the keywords that are not taken; letters are compared without case, as in domain names.
    public static func refused(of keywords: [String], by refused: [String]) -> [String] {
        let unwanted = Set(refused.map { $0.lowercased() })
        return keywords.filter { unwanted.contains($0.lowercased()) }
    }
}

extension SMTPReply {
    /// The message solicits what is not wanted here; the classes are echoed: RFC 3865 section 2.4.
    public static func solicitationRefused(_ keywords: [String]) -> SMTPReply {
        SMTPReply(550, EnhancedStatus(5, 7, 1), "SOLICIT=\(keywords.joined(separator: ",")) is not taken here")
    }
}
