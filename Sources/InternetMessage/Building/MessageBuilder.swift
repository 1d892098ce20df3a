import MailBytes
import MailNames

/// Writes a message: RFC 5322 header fields, folded and encoded where they have to be, and a MIME body.
///
/// ```swift
/// var message = MessageBuilder()
/// message.add("From", mailboxes: [Mailbox(displayName: "Grüße", address: sender)])
/// message.add("Subject", text: "Über uns")
/// let bytes = message.finish(.text("Hello\r\n"))
/// ```
public struct MessageBuilder: Sendable {
    /// The length that lines are folded to: RFC 5322 section 2.1.1.
    static let lineLength = 78

    private var bytes: [UInt8] = []
    /// The fields so far.
    var fields: [UInt8] { bytes }

    public init() {}

    /// Adds a field of plain text, such as Subject.
    public mutating func add(_ name: StaticString, text: String) { add(name, words: EncodedWords.encode(text)) }

    /// Adds a field with a value that is right as it is; it is folded at its spaces, what would end the line is left out.
    public mutating func add(_ name: StaticString, words value: String) {
        bytes.append(name)
        bytes.append(.colon)
        var column = name.utf8CodeUnitCount + 1
        var isFirst = true
        for word in value.utf8.split(separator: .space, omittingEmptySubsequences: false) {
            if !isFirst && !word.isEmpty && column + 1 + word.count > Self.lineLength {
                bytes.append("\r\n")
                column = 0
            }
            isFirst = false
            bytes.append(.space)
            for byte in word where byte >= 0x80 || byte.isVisible { bytes.append(byte) }
            column += 1 + word.count
        }
        bytes.append("\r\n")
    }

    /// Adds a field of addresses, such as To.
    public mutating func add(_ name: StaticString, mailboxes: [Mailbox]) {
        add(name, words: mailboxes.map(Self.written).joined(separator: ", "))
    }

    /// Adds a date.
    public mutating func add(_ name: StaticString, date: Timestamp) { add(name, words: date.internetDate) }

    private static func written(_ mailbox: Mailbox) -> String {
        let local = (try? LocalPart(text: mailbox.localPart))?.wire ?? mailbox.localPart
        let address = "\(local)@\(mailbox.domain)"
        guard let name = mailbox.displayName, !name.isEmpty else { return address }
        let isPhrase = name.utf8.allSatisfy { $0.isAtomText || $0 == .space } && !name.contains("=?")
        if isPhrase { return "\(name) <\(address)>" }
        let encoded = EncodedWords.encode(name)
        // What is ASCII but no atom is quoted: RFC 5322 section 3.2.4.
        guard encoded == RawText.oneLine(name) else { return "\(encoded) <\(address)>" }
        let quoted = encoded.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        return "\"\(quoted)\" <\(address)>"
    }

    /// The message with its body; MIME's fields are added.
    public consuming func finish(_ body: MessageContent) -> [UInt8] {
        add("MIME-Version", words: "1.0")
        body.write(to: &bytes, depth: 0)
        return bytes
    }
}

/// What a message or a part of it holds.
public indirect enum MessageContent: Sendable {
    /// Text for people, its lines ending in CR LF; encoded where it is not ASCII or has lines that are too long.
    case text(String, subtype: String = "plain")
    /// Octets that are written as they are, such as a message that is passed on. Lines end in CR LF.
    case asItIs([UInt8], type: ContentField, description: String? = nil)
    /// Octets in base64.
    case data([UInt8], type: ContentField, disposition: ContentField? = nil)
    /// Several; a boundary is added to the parameters.
    case multipart(subtype: String, parameters: [ContentField.Parameter] = [], parts: [MessageContent])

    /// Whether it holds octets beyond ASCII that are not encoded, and so needs 8BITMIME (RFC 6152) on the way.
    public var isEightBit: Bool {
        switch self {
        case .text, .data: false
        case .asItIs(let bytes, _, _): bytes.contains { $0 >= 0x80 }
        case .multipart(_, _, let parts): parts.contains(where: \.isEightBit)
        }
    }

    func write(to message: inout [UInt8], depth: Int) {
        switch self {
        case .text(let text, let subtype):
            let content = Array(text.utf8)
            Self.add(
                ContentField("text/\(subtype)", parameters: [.init(name: "charset", value: "utf-8")]),
                to: &message
            )
            if Self.isPlain(content) {
                message.append("\r\n")
                message += content
            } else {
                message.append("Content-Transfer-Encoding: quoted-printable\r\n\r\n")
                message += QuotedPrintable.encode(content)
            }
        case .asItIs(let content, let type, let description):
            Self.add(type, to: &message)
            if let description { Self.addField("Content-Description", EncodedWords.encode(description), to: &message) }
            if isEightBit { message.append("Content-Transfer-Encoding: 8bit\r\n") }
            message.append("\r\n")
            message += content
        case .data(let content, let type, let disposition):
            Self.add(type, to: &message)
            if let disposition { Self.add("Content-Disposition", disposition, to: &message) }
            message.append("Content-Transfer-Encoding: base64\r\n\r\n")
            let encoded = Base64.encode(content)
            var line = encoded.utf8[...]
            while !line.isEmpty {
                message += line.prefix(76)
                message.append("\r\n")
                line = line.dropFirst(76)
            }
        case .multipart(let subtype, let parameters, let parts):
            let written = parts.map { part in
                var bytes: [UInt8] = []
                part.write(to: &bytes, depth: depth + 1)
                return bytes
            }
            let boundary = Self.boundary(depth, written)
            var type = ContentField("multipart/\(subtype)", parameters: parameters)
            type.parameters.append(.init(name: "boundary", value: boundary))
            Self.add(type, to: &message)
            if isEightBit { message.append("Content-Transfer-Encoding: 8bit\r\n") }
            for part in written {
                message.append("\r\n--")
                message += boundary.utf8
                message.append("\r\n")
                message += part
            }
            message.append("\r\n--")
            message += boundary.utf8
            message.append("--\r\n")
        }
    }

    /// Text that needs no encoding: RFC 5322 section 2.1.1.
    private static func isPlain(_ content: [UInt8]) -> Bool {
        var column = 0
        for byte in content {
            guard byte < 0x80, byte != 0 else { return false }
            column = byte == .lineFeed ? 0 : column + 1
            guard column <= 998 else { return false }
        }
        return true
    }

    /// A boundary that is in none of the parts.
    private static func boundary(_ depth: Int, _ parts: [[UInt8]]) -> String {
        var number = 0
        while true {
            let boundary = "=_martlet_\(depth)_\(number)"
            let wanted = Array("--\(boundary)".utf8)
            if !parts.contains(where: { contains($0.span, wanted.span) }) { return boundary }
            number += 1
        }
    }

    /// Whether a line of the text begins with the wanted octets.
    private static func contains(_ text: Span<UInt8>, _ wanted: Span<UInt8>) -> Bool {
        var start = 0
        while start + wanted.count <= text.count {
            var length = 0
            while length < wanted.count, text[start + length] == wanted[length] { length += 1 }
            if length == wanted.count { return true }
            guard let feed = text.firstIndex(of: .lineFeed, from: start) else { return false }
            start = feed + 1
        }
        return false
    }

    private static func add(_ type: ContentField, to message: inout [UInt8]) { add("Content-Type", type, to: &message) }

    private static func add(_ name: String, _ field: ContentField, to message: inout [UInt8]) {
        var value = field.value
        var column = name.utf8.count + 2 + value.utf8.count
        for parameter in field.parameters {
            let text = parameter.name + written(parameter.value)
            let isFolded = column + 2 + text.utf8.count > MessageBuilder.lineLength
            value += isFolded ? ";\r\n\t\(text)" : "; \(text)"
            column = (isFolded ? 1 : column + 2) + text.utf8.count
        }
        addField(name, value, to: &message)
    }

    private static func addField(_ name: String, _ value: String, to message: inout [UInt8]) {
        message += "\(name): \(value)\r\n".utf8
    }

    /// `=token`, `="string"` or, of what is not ASCII, the form of RFC 2231 section 4.
    private static func written(_ value: String) -> String {
        let clean = RawText.oneLine(value)
        if !clean.isEmpty, clean.utf8.allSatisfy({ $0.isASCIIAlphanumeric || "-_.+".utf8.contains($0) }) {
            return "=\(clean)"
        }
        if clean.utf8.allSatisfy({ $0 < 0x80 }) {
            return "=\"\(clean.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""
        }
        var encoded = "*=utf-8''"
        for byte in clean.utf8 {
            if byte.isASCIIAlphanumeric || byte == .dot || byte == .hyphen {
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let hex = String(byte, radix: 16, uppercase: true)
                encoded += hex.utf8.count == 1 ? "%0\(hex)" : "%\(hex)"
            }
        }
        return encoded
    }
}
