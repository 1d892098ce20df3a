import MailBytes

/// What stands before the @, as it is meant: without quotes and escapes. Only the host that delivers may interpret it,
/// and two are the same when their characters are: RFC 5321 section 2.4.
public struct LocalPart: Hashable, Sendable {
    /// The name; UTF-8 where SMTPUTF8 was used (RFC 6531 section 3.3).
    public let text: String

    /// Octets a local part may have: RFC 5321 section 4.5.3.1.1.
    public static let maximumLength = 64

    /// A name as it is meant. Controls cannot be written in an address.
    public init(text: String) throws(AddressSyntaxError) {
        guard !text.utf8.contains(where: \.isASCIIControl) else { throw AddressSyntaxError(.localPartSyntax) }
        // RFC 5321 section 4.5.3.1.1 counts octets; implementations in the wild go beyond, never far.
        guard text.utf8.count <= Self.maximumLength * 4 else { throw AddressSyntaxError(.localPartTooLong) }
        self.text = text
    }

    /// Reads a dot-string or quoted-string: RFC 5321 section 4.1.2.
    public init(parsing bytes: Span<UInt8>) throws(AddressSyntaxError) {
        guard bytes.count > 0 else { throw AddressSyntaxError(.localPartSyntax) }
        guard bytes.count <= Self.maximumLength * 4 else { throw AddressSyntaxError(.localPartTooLong) }
        if bytes[0] == .quote {
            self.text = try Self.unquoted(bytes)
            return
        }
        var international = false
        for index in 0..<bytes.count {
            let byte = bytes[index]
            if byte == .dot {
                guard index > 0, index + 1 < bytes.count, bytes[index - 1] != .dot else {
                    throw AddressSyntaxError(.localPartSyntax)
                }
            } else if byte >= 0x80 {
                international = true
            } else if !byte.isAtomText {
                throw AddressSyntaxError(.localPartSyntax)
            }
        }
        guard !international || bytes.isValidUTF8 else { throw AddressSyntaxError(.localPartSyntax) }
        self.text = bytes.text
    }

    private static func unquoted(_ bytes: Span<UInt8>) throws(AddressSyntaxError) -> String {
        guard bytes.count >= 2, bytes[bytes.count - 1] == .quote else { throw AddressSyntaxError(.localPartSyntax) }
        var text: [UInt8] = []
        var index = 1
        while index < bytes.count - 1 {
            var byte = bytes[index]
            if byte == .backslash {
                index += 1
                guard index < bytes.count - 1 else { throw AddressSyntaxError(.localPartSyntax) }
                byte = bytes[index]
            } else if byte == .quote {
                throw AddressSyntaxError(.localPartSyntax)
            }
            guard !byte.isASCIIControl else { throw AddressSyntaxError(.localPartSyntax) }
            text.append(byte)
            index += 1
        }
        guard text.span.isValidUTF8 else { throw AddressSyntaxError(.localPartSyntax) }
        return String(decoding: text, as: UTF8.self)
    }

    /// Whether it has characters that need SMTPUTF8.
    public var isInternationalized: Bool { text.utf8.contains { $0 >= 0x80 } }

    /// The form on the wire, with quotes where they are needed.
    public var wire: String {
        let utf8 = text.utf8
        var plain = !utf8.isEmpty && utf8.first != .dot && utf8.last != .dot
        var previous: UInt8 = 0
        for byte in utf8 where plain {
            plain = byte >= 0x80 || byte.isAtomText || (byte == .dot && previous != .dot)
            previous = byte
        }
        if plain { return text }
        var quoted = "\""
        for scalar in text.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { quoted.unicodeScalars.append("\\") }
            quoted.unicodeScalars.append(scalar)
        }
        return quoted + "\""
    }
}
