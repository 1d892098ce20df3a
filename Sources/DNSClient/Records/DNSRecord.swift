import MailNames

/// What one record says.
public enum DNSRecord: Hashable, Sendable {
    /// A or AAAA.
    case address(IPAddress)
    case mailExchanger(MailExchangerRecord)
    /// The strings of a TXT record, joined as SPF, DKIM and DMARC want them: RFC 7208 section 3.3.
    case text([UInt8])
    /// The name that a CNAME, PTR or NS record points to.
    case name(DNSName)
    case service(ServiceRecord)
    case certificate(CertificateAssociation)
    /// The bytes of a type that is not read here.
    case other([UInt8])
}

/// An MX record: RFC 1035 section 3.3.9.
public struct MailExchangerRecord: Hashable, Sendable, CustomStringConvertible {
    /// The lowest is tried first.
    public var preference: UInt16
    /// The host; the root says that the domain takes no mail (RFC 7505).
    public var host: DNSName

    public init(preference: UInt16, host: DNSName) {
        self.preference = preference
        self.host = host
    }

    public var description: String { "\(preference) \(host)" }
}

/// An SRV record: RFC 2782.
public struct ServiceRecord: Hashable, Sendable, CustomStringConvertible {
    public var priority: UInt16
    public var weight: UInt16
    public var port: UInt16
    public var host: DNSName

    public init(priority: UInt16, weight: UInt16, port: UInt16, host: DNSName) {
        self.priority = priority
        self.weight = weight
        self.port = port
        self.host = host
    }

    public var description: String { "\(priority) \(weight) \(port) \(host)" }
}

/// A TLSA record: RFC 6698 section 2.
public struct CertificateAssociation: Hashable, Sendable, CustomStringConvertible {
    /// 0 to 3 are known: PKIX-TA, PKIX-EE, DANE-TA, DANE-EE.
    public var usage: UInt8
    /// 0 the whole certificate, 1 its public key.
    public var selector: UInt8
    /// 0 exact, 1 SHA-256, 2 SHA-512.
    public var matching: UInt8
    public var data: [UInt8]

    public init(usage: UInt8, selector: UInt8, matching: UInt8, data: [UInt8]) {
        self.usage = usage
        self.selector = selector
        self.matching = matching
        self.data = data
    }

    public var description: String {
        let hex = data.prefix(64).map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
        return "\(usage) \(selector) \(matching) \(hex)"
    }
}

extension DNSRecord: CustomStringConvertible {
    /// The record's contents in one line, for a trace.
    public var description: String {
        switch self {
        case .address(let address): return address.description
        case .mailExchanger(let record): return record.description
        case .text(let bytes): return "\"" + String(decoding: bytes.prefix(512), as: UTF8.self) + "\""
        case .name(let name): return name.description
        case .service(let record): return record.description
        case .certificate(let record): return record.description
        case .other(let bytes): return "\\# \(bytes.count)"
        }
    }
}
