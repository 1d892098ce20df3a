import MailBytes

/// A domain name that is valid as such, in lower case and with A-labels: RFC 5321 section 4.1.2, RFC 5890.
///
/// Underscores are taken, since hosts with them exist; a final dot is dropped.
public struct Domain: Hashable, Sendable {
    /// The name as it goes to DNS and on the wire: `xn--80a1acny.test`.
    public let ascii: String

    /// Reads a domain in any script.
    public init(parsing text: String) throws(AddressSyntaxError) {
        let utf8 = text.utf8
        if utf8.allSatisfy({ $0 < 0x80 }) {
            let bytes = Array(utf8)
            self = try Domain(ascii: bytes.span)
        } else {
            guard utf8.count <= 1024, let converted = Internationalization.toASCII(text) else {
                throw AddressSyntaxError(.internationalizedDomain)
            }
            let bytes = Array(converted.utf8)
            self = try Domain(ascii: bytes.span)
        }
    }

    /// Reads a domain from the wire: ASCII, or UTF-8 where SMTPUTF8 allows it.
    public init(parsing bytes: Span<UInt8>) throws(AddressSyntaxError) {
        var ascii = true
        for index in 0..<bytes.count where bytes[index] >= 0x80 {
            ascii = false
            break
        }
        if ascii {
            self = try Domain(ascii: bytes)
        } else {
            guard bytes.isValidUTF8 else { throw AddressSyntaxError(.domainSyntax) }
            self = try Domain(parsing: bytes.text)
        }
    }

    private init(ascii bytes: Span<UInt8>) throws(AddressSyntaxError) {
        var end = bytes.count
        if end > 1 && bytes[end - 1] == .dot { end -= 1 }
        guard end > 0 else { throw AddressSyntaxError(.empty) }
        guard end <= 255 else { throw AddressSyntaxError(.domainTooLong) }
        var label = 0
        var lowered: [UInt8] = []
        lowered.reserveCapacity(end)
        var punycode = false
        for index in 0..<end {
            let byte = bytes[index].asciiLowercased
            if byte == .dot {
                guard label > 0, bytes[index - 1] != .hyphen else { throw AddressSyntaxError(.domainSyntax) }
                label = 0
            } else {
                guard byte.isASCIIAlphanumeric || byte == UInt8(ascii: "_") || (byte == .hyphen && label > 0) else {
                    throw AddressSyntaxError(.domainSyntax)
                }
                label += 1
                guard label <= 63 else { throw AddressSyntaxError(.labelTooLong) }
                if label == 4 && byte == .hyphen && bytes[index - 1] == .hyphen
                    && lowered[index - 3] == UInt8(ascii: "x")
                {
                    punycode = true
                }
            }
            lowered.append(byte)
        }
        guard label > 0, bytes[end - 1] != .hyphen else { throw AddressSyntaxError(.domainSyntax) }
        let name = String(decoding: lowered, as: UTF8.self)
        // An A-label has to be one: RFC 5891 section 5.4.
        if punycode && Internationalization.toUnicode(name) == nil {
            throw AddressSyntaxError(.internationalizedDomain)
        }
        self.ascii = name
    }

    /// The name in the script of its people; as it is in DNS where its A-labels stand for nothing that is allowed in a name
    /// (RFC 5891 section 5.3), for such text may hide or look like another.
    public var unicode: String {
        guard ascii.utf8.contains(.hyphen), let name = Internationalization.toUnicode(ascii),
            Internationalization.toASCII(name) == ascii
        else { return ascii }
        return name
    }

    /// Whether the name is this domain or lies below it.
    public func contains(_ other: Domain) -> Bool {
        other == self || other.ascii.hasSuffix("." + ascii)
    }
}

extension Domain: CustomStringConvertible {
    public var description: String { ascii }
}
