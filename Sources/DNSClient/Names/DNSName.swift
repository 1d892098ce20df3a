import MailBytes
import MailNames

/// A name in DNS, in lower case and without a final dot; the root is `.`.
///
/// Names of hosts and mail domains are `Domain`s; this type also holds what is none: `_25._tcp.mx.example.test`, or a
/// name with octets that only a zone's author would think of, which are written `\DDD` (RFC 1035 section 5.1).
public struct DNSName: Hashable, Sendable, CustomStringConvertible {
    /// The name as zone files write it.
    public let text: String

    /// The name that stands above all; an MX record that names it says that no mail is taken (RFC 7505).
    public static let root = DNSName(unchecked: ".")

    /// The name of a mail domain or host.
    public init(_ domain: Domain) {
        self.text = domain.ascii
    }

    /// Reads a name of letters, digits, hyphens and underscores, with or without a final dot; also a single `.`, and
    /// the leading `*` of a wildcard. `nil` for what does not fit DNS: a label over 63 octets, a name over 253.
    public init?(_ text: String) {
        if text == "." {
            self = .root
            return
        }
        var bytes = text.utf8.map(\.asciiLowercased)
        if bytes.last == .dot { bytes.removeLast() }
        guard (1...253).contains(bytes.count) else { return nil }
        let labels = bytes.split(separator: .dot, omittingEmptySubsequences: false)
        for (index, label) in labels.enumerated() {
            guard (1...63).contains(label.count) else { return nil }
            if index == 0 && label.elementsEqual([UInt8(ascii: "*")]) { continue }
            let valid = label.allSatisfy {
                $0.isASCIIAlphanumeric || $0 == .hyphen || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "/")
            }
            guard valid else { return nil }
        }
        self.text = String(decoding: bytes, as: UTF8.self)
    }

    init(unchecked text: String) {
        self.text = text
    }

    /// The name under which PTR records of an address stand: RFC 1035 section 3.5, RFC 3596 section 2.5.
    public init(reverse address: IPAddress) {
        if address.isIPv4 {
            self.text = address.bytes.reversed().map { "\($0)." }.joined() + "in-addr.arpa"
        } else {
            let nibbles = address.bytes.reversed().flatMap { [$0 & 15, $0 >> 4] }
            self.text = nibbles.map { String($0, radix: 16) + "." }.joined() + "ip6.arpa"
        }
    }

    public var isRoot: Bool { text == "." }

    /// The name as that of a host or mail domain; `nil` when it cannot be one.
    public var domain: Domain? {
        isRoot ? nil : try? Domain(parsing: text)
    }

    /// The name with labels in front: `DNSName(domain).prefixed("_dmarc")`; `nil` when that is too long.
    public func prefixed(_ labels: String) -> DNSName? {
        DNSName(isRoot ? labels : labels + "." + text)
    }

    /// The name without its first label; `nil` for the root.
    var parent: DNSName? {
        guard !isRoot else { return nil }
        guard let dot = text.firstIndex(of: ".") else { return .root }
        return DNSName(unchecked: String(text[text.index(after: dot)...]))
    }

    public var description: String { text }
}
