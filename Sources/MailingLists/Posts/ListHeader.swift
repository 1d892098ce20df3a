import InternetMessage
import MailBytes
import MailNames

/// The header of a post as its members get it: the list's fields in front (RFC 2369, RFC 2919), the author's behind, without those that
/// are about another list or would make members tell the author things that are no business of theirs.
public enum ListHeader {
    /// Our mark of a list that a message went through: List-Id stands there once, and a list that is a member of this one replaces it
    /// (RFC 2369 section 4).
    static let loopField: StaticString = "X-Loop"

    /// The header rewritten, and where in the message the rest begins that follows unchanged.
    ///
    /// - Parameters:
    ///   - message: the message, or a first piece that holds the whole header.
    ///   - isPersonal: leaves List-Unsubscribe out, which is put in front of each member's copy (RFC 8058).
    public static func rewritten(
        _ message: Span<UInt8>,
        for list: ListSettings,
        isPersonal: Bool = false
    ) -> (header: [UInt8], rest: Int) {
        var bytes = fields(of: list, isPersonal: isPersonal)
        var scanner = HeaderScanner()
        while let field = scanner.next(message) {
            if isLeftOut(message.extracting(field.name), list) { continue }
            bytes.append(message.extracting(field.whole))
        }
        // A header that ends with the message, or with a line that is no field, has no empty line of its own.
        let rest = scanner.end
        if rest == message.count || message[rest] != .carriageReturn && message[rest] != .lineFeed {
            if bytes.last != .lineFeed { bytes.append("\r\n") }
            bytes.append("\r\n")
        }
        return (bytes, rest)
    }

    /// The list's own fields.
    static func fields(of list: ListSettings, isPersonal: Bool = false) -> [UInt8] {
        var builder = FieldLines()
        let phrase = list.name.map { Self.phrase($0) + " " } ?? ""
        builder.add("List-Id", "\(phrase)<\(list.identifier)>")
        builder.add("List-Help", "<\(mailto(list.address(of: .help)))>")
        if !isPersonal { builder.add("List-Unsubscribe", "<\(mailto(list.address(of: .unsubscribe)))>") }
        if list.subscription == .open { builder.add("List-Subscribe", "<\(mailto(list.address(of: .subscribe)))>") }
        builder.add(
            "List-Post",
            "<\(mailto(list.address))>" + (list.posting == .moderated ? " (Postings are Moderated)" : "")
        )
        builder.add("List-Owner", "<\(mailto(list.address(of: .owner)))>")
        if let archive = list.archive { builder.add("List-Archive", "<\(archive)>") }
        builder.add("Precedence", "list")
        builder.add(loopField, "<\(list.identifier)>")
        return builder.bytes
    }

    private static func isLeftOut(_ name: Span<UInt8>, _ list: ListSettings) -> Bool {
        if name.matches("List-") {
            // RFC 2369 section 4: the archive of the list above stays unless there is one of our own.
            return !(name.equals("List-Archive") && list.archive == nil)
        }
        for other in droppedFields where name.equals(other) { return true }
        return false
    }

    private static let droppedFields: [StaticString] = [
        "Precedence", "Return-Path", "Delivered-To", "Errors-To", "Bcc",
        // Each member's program would tell the author: RFC 8098 section 2.1 and what came before it.
        "Disposition-Notification-To", "Return-Receipt-To", "X-Confirm-Reading-To",
    ]

    /// `mailto:` with what RFC 6068 section 2 does not allow in it encoded.
    static func mailto(_ address: EmailAddress) -> String {
        var text = "mailto:"
        for byte in address.description.utf8 {
            let isPlain =
                byte.isASCIIAlphanumeric
                || [UInt8.hyphen, .dot, .at, 0x5F, 0x7E, 0x21, 0x24, 0x27, 0x2A, 0x2B].contains(byte)
            if isPlain {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let hex = String(byte, radix: 16, uppercase: true)
                text += byte < 0x10 ? "%0\(hex)" : "%\(hex)"
            }
        }
        return text
    }

    /// A phrase of RFC 5322 section 3.2.5: words, a quoted string, or encoded words.
    static func phrase(_ text: String) -> String {
        let plain = text.utf8.allSatisfy { $0.isAtomText || $0 == .space } && !text.contains("=?")
        if plain { return text }
        guard text.utf8.allSatisfy({ $0.isVisible || $0 == .space }) else { return EncodedWords.encode(text) }
        return "\"\(text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""
    }
}

/// Header lines, one a field.
private struct FieldLines {
    var bytes: [UInt8] = []

    mutating func add(_ name: StaticString, _ value: String) {
        bytes.append(name)
        bytes.append(": ")
        // What would end the line is left out.
        for byte in value.utf8 where byte >= 0x80 || byte.isVisible || byte == .space { bytes.append(byte) }
        bytes.append("\r\n")
    }
}
