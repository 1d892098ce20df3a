import MailBytes

/// A mailbox as the envelope names it: RFC 5321 section 4.1.2, with RFC 6531 section 3.3.
public struct EmailAddress: Hashable, Sendable {
    public let localPart: LocalPart
    public let host: MailHost

    /// An address of its parts.
    public init(localPart: LocalPart, host: MailHost) {
        self.localPart = localPart
        self.host = host
    }

    /// Octets a path may have, and room for a local part in UTF-8: RFC 5321 section 4.5.3.1.3.
    public static let maximumLength = 512

    /// Reads `local@domain`, without angle brackets.
    public init(parsing text: String) throws(AddressSyntaxError) {
        let bytes = Array(text.utf8)
        self = try EmailAddress(parsing: bytes.span)
    }

    /// Reads `local@domain` from the wire, without angle brackets.
    public init(parsing bytes: Span<UInt8>) throws(AddressSyntaxError) {
        guard bytes.count > 0 else { throw AddressSyntaxError(.empty) }
        guard bytes.count <= Self.maximumLength else { throw AddressSyntaxError(.domainTooLong) }
        // The last @ parts it, since a quoted local part may have others.
        var at = bytes.count - 1
        while at >= 0 && bytes[at] != .at { at -= 1 }
        guard at >= 0 else { throw AddressSyntaxError(.missingAt) }
        self.localPart = try LocalPart(parsing: bytes.extracting(0..<at))
        self.host = try MailHost(parsing: bytes.extracting((at + 1)..<bytes.count))
    }

    /// The domain; `nil` where an address literal stands.
    public var domain: Domain? {
        if case .domain(let domain) = host { domain } else { nil }
    }

    /// Whether it cannot be written without SMTPUTF8. A domain always can, with A-labels.
    public var isInternationalized: Bool { localPart.isInternationalized }
}

extension EmailAddress: CustomStringConvertible {
    /// The wire form: `name@example.org`, `"two words"@example.org`.
    public var description: String { localPart.wire + "@" + host.ascii }
}

/// Where failures are reported to: RFC 5321 section 4.1.1.2. The null path is that of reports themselves.
public enum ReversePath: Hashable, Sendable {
    case null
    case address(EmailAddress)

    /// The address; `nil` for the null path.
    public var address: EmailAddress? {
        if case .address(let address) = self { address } else { nil }
    }
}

extension ReversePath: CustomStringConvertible {
    /// The path in angle brackets.
    public var description: String {
        switch self {
        case .null: "<>"
        case .address(let address): "<\(address)>"
        }
    }
}
