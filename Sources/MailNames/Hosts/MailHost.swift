import MailBytes

/// What stands after the @: a domain or an address literal.
public enum MailHost: Hashable, Sendable {
    case domain(Domain)
    case literal(AddressLiteral)

    /// Reads either.
    public init(parsing bytes: Span<UInt8>) throws(AddressSyntaxError) {
        if bytes.count > 0 && bytes[0] == .leftBracket {
            self = .literal(try AddressLiteral(parsing: bytes))
        } else {
            self = .domain(try Domain(parsing: bytes))
        }
    }

    /// The wire form, with A-labels.
    public var ascii: String {
        switch self {
        case .domain(let domain): domain.ascii
        case .literal(let literal): literal.description
        }
    }
}

/// An address in brackets instead of a domain: RFC 5321 section 4.1.3.
public struct AddressLiteral: Hashable, Sendable, CustomStringConvertible {
    public let address: IPAddress

    public init(_ address: IPAddress) {
        self.address = address
    }

    /// Reads `[192.0.2.1]` or `[IPv6:2001:db8::1]`. No general tag is registered beside IPv6.
    public init(parsing bytes: Span<UInt8>) throws(AddressSyntaxError) {
        guard bytes.count > 2, bytes.count <= 64, bytes[0] == .leftBracket, bytes[bytes.count - 1] == .rightBracket
        else {
            throw AddressSyntaxError(.literalSyntax)
        }
        let tagged = bytes.matches("IPv6:", at: 1)
        let text = bytes.text((tagged ? 6 : 1)..<(bytes.count - 1))
        guard let address = IPAddress(text), tagged == text.utf8.contains(.colon) else {
            throw AddressSyntaxError(.literalSyntax)
        }
        self.address = address
    }

    public var description: String {
        address.isIPv4 ? "[\(address)]" : "[IPv6:\(address)]"
    }
}
