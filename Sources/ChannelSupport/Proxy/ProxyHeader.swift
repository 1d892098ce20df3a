import MailBytes
import MailNames

/// What a proxy says in front of a connection: the PROXY protocol of HAProxy, versions 1 and 2.
///
/// Pure: octets come in, and what they mean comes out. Nothing of them is believed but from hosts that are listed.
public enum ProxyHeader: Hashable, Sendable {
    /// The connection was made for this client.
    case client(IPAddress, port: UInt16)
    /// The proxy speaks for itself (LOCAL), or cannot tell for whom (UNKNOWN, UNSPEC, a Unix socket): the address of the
    /// connection is the client's.
    case proxyItself

    /// What the first octets of a connection are.
    public enum Reading: Hashable, Sendable {
        /// As long as that; what follows is the client's.
        case header(ProxyHeader, length: Int)
        /// More octets are needed.
        case incomplete
        /// No header.
        case invalid
    }

    /// Octets of a header at most. Version 1 never has more than 107; version 2 may have extensions, which are not read.
    public static let sizeLimit = 4096

    private static let signature: [12 of UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
    ]

    /// Reads the header at the beginning.
    public static func read(_ octets: Span<UInt8>) -> Reading {
        guard let first = octets.isEmpty ? nil : octets[0] else { return .incomplete }
        return first == signature[0] ? binary(octets) : text(octets)
    }

    // MARK: Version 1

    private static let longestLine = 107

    /// `PROXY TCP4 192.0.2.1 192.0.2.2 40000 25`, CR LF.
    private static func text(_ octets: Span<UInt8>) -> Reading {
        let start: [6 of UInt8] = [0x50, 0x52, 0x4F, 0x58, 0x59, 0x20]
        for index in 0..<min(start.count, octets.count) where octets[index] != start[index] { return .invalid }
        guard let feed = octets.extracting(0..<min(octets.count, longestLine)).firstIndex(of: .lineFeed) else {
            return octets.count < longestLine ? .incomplete : .invalid
        }
        guard feed > start.count, octets[feed - 1] == .carriageReturn else { return .invalid }
        for index in 0..<(feed - 1) where !octets[index].isVisible && octets[index] != .space { return .invalid }
        let words = octets.text(start.count..<(feed - 1)).split(separator: " ", omittingEmptySubsequences: false)
        // What follows UNKNOWN is to be ignored.
        if words.first == "UNKNOWN" { return .header(.proxyItself, length: feed + 1) }
        guard words.count == 5, words[0] == "TCP4" || words[0] == "TCP6",
            let source = address(words[1], words[0]), address(words[2], words[0]) != nil,
            let port = port(words[3]), self.port(words[4]) != nil
        else { return .invalid }
        return .header(.client(source, port: port), length: feed + 1)
    }

    private static func address(_ text: Substring, _ family: Substring) -> IPAddress? {
        guard text.contains(":") == (family == "TCP6") else { return nil }
        return IPAddress(String(text))
    }

    private static func port(_ text: Substring) -> UInt16? {
        guard text.utf8.allSatisfy(\.isASCIIDigit), text.count == 1 || !text.hasPrefix("0") else { return nil }
        return UInt16(text)
    }

    // MARK: Version 2

    private static func binary(_ octets: Span<UInt8>) -> Reading {
        for index in 0..<min(signature.count, octets.count) where octets[index] != signature[index] { return .invalid }
        guard octets.count >= 16 else { return .incomplete }
        let (version, command) = (octets[12] >> 4, octets[12] & 0x0F)
        let (family, transport) = (octets[13] >> 4, octets[13] & 0x0F)
        let length = 16 + (Int(octets[14]) << 8 | Int(octets[15]))
        guard version == 2, command <= 1, family <= 3, transport <= 2, length <= sizeLimit else { return .invalid }
        guard octets.count >= length else { return .incomplete }
        // Whatever addresses LOCAL has are to be ignored.
        guard command == 1 else { return .header(.proxyItself, length: length) }
        switch (family, transport) {
        case (1, 1): return client(octets, addressSize: 4, length)
        case (2, 1): return client(octets, addressSize: 16, length)
        // No mail comes in datagrams.
        case (1, 2), (2, 2): return .invalid
        default: return .header(.proxyItself, length: length)
        }
    }

    private static func client(_ octets: Span<UInt8>, addressSize: Int, _ length: Int) -> Reading {
        let end = 16 + 2 * addressSize + 4
        guard length >= end, let source = IPAddress(bytes: octets.extracting(16..<(16 + addressSize)).bytes) else {
            return .invalid
        }
        let place = 16 + 2 * addressSize
        let port = UInt16(octets[place]) << 8 | UInt16(octets[place + 1])
        return .header(.client(source, port: port), length: length)
    }
}
