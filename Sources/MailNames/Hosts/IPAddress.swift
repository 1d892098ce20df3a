import MailBytes

/// An IPv4 or IPv6 address. An IPv4 address that came mapped into IPv6 (`::ffff:192.0.2.1`) is kept as IPv4.
public struct IPAddress: Hashable, Sendable {
    /// The high and low half of the 128 bits; IPv4 is in the low 32 bits of `low`.
    private let high: UInt64
    private let low: UInt64
    public let isIPv4: Bool

    /// An IPv4 address by its four octets in network order.
    public init(v4 a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) {
        self.init(high: 0, low: UInt64(a) << 24 | UInt64(b) << 16 | UInt64(c) << 8 | UInt64(d), isIPv4: true)
    }

    /// An address by its 4 or 16 octets in network order; `nil` for another number of them.
    public init?(bytes: [UInt8]) {
        if bytes.count == 4 {
            self.init(v4: bytes[0], bytes[1], bytes[2], bytes[3])
            return
        }
        guard bytes.count == 16 else { return nil }
        let half = { (range: Range<Int>) in bytes[range].reduce(UInt64(0)) { $0 << 8 | UInt64($1) } }
        let (high, low) = (half(0..<8), half(8..<16))
        let mapped = high == 0 && low >> 32 == 0xFFFF
        self.init(high: high, low: mapped ? low & 0xFFFF_FFFF : low, isIPv4: mapped)
    }

    /// Reads the forms of RFC 791 (four decimal numbers) and RFC 4291 section 2.2.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard let parsed = bytes.contains(.colon) ? Self.parseV6(bytes[...]) : Self.parseV4(bytes[...]) else {
            return nil
        }
        self.init(bytes: parsed)
    }

    /// The 4 or 16 octets in network order.
    public var bytes: [UInt8] {
        if isIPv4 { return (0..<4).map { UInt8(truncatingIfNeeded: low >> (24 - 8 * UInt64($0))) } }
        return (0..<16).map { index in
            let half = index < 8 ? high : low
            return UInt8(truncatingIfNeeded: half >> (56 - 8 * UInt64(index % 8)))
        }
    }

    public var isLoopback: Bool {
        isIPv4 ? low >> 24 == 127 : high == 0 && low == 1
    }

    /// The address with all but its first `length` bits cleared: what limits by network count by.
    public func prefix(_ length: Int) -> IPAddress {
        let network = IPNetwork(self, prefixLength: min(max(0, length), isIPv4 ? 32 : 128))
        return network?.address ?? self
    }

    func masked(_ length: Int) -> IPAddress {
        if isIPv4 {
            let mask: UInt64 = length == 0 ? 0 : (0xFFFF_FFFF << UInt64(32 - length)) & 0xFFFF_FFFF
            return IPAddress(high: 0, low: low & mask, isIPv4: true)
        }
        let highMask: UInt64 = length >= 64 ? .max : (length == 0 ? 0 : .max << UInt64(64 - length))
        let lowMask: UInt64 = length <= 64 ? 0 : .max << UInt64(128 - length)
        return IPAddress(high: high & highMask, low: low & lowMask, isIPv4: false)
    }

    private init(high: UInt64, low: UInt64, isIPv4: Bool) {
        self.high = high
        self.low = low
        self.isIPv4 = isIPv4
    }

    // MARK: Parsing

    private static func parseV4(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        let parts = text.split(separator: .dot, omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var octets: [UInt8] = []
        for part in parts {
            guard (1...3).contains(part.count), part.allSatisfy(\.isASCIIDigit) else { return nil }
            guard let value = UInt8(String(decoding: part, as: UTF8.self)) else { return nil }
            octets.append(value)
        }
        return octets
    }

    private static func parseV6(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        guard text.count <= 45 else { return nil }
        var text = text
        var tail: [UInt8] = []
        if text.contains(.dot), let colon = text.lastIndex(of: .colon) {
            guard let v4 = parseV4(text[(colon + 1)...]) else { return nil }
            tail = v4
            // The colon before the IPv4 part belongs to it, unless it is the second of a pair.
            let pair = colon > text.startIndex && text[colon - 1] == .colon
            text = text[..<(pair ? colon + 1 : colon)]
        }
        let wanted = 16 - tail.count
        var halves: [[UInt8]] = []
        var gaps = 0
        var rest = text
        while let gap = Self.doubleColon(rest) {
            gaps += 1
            guard gaps == 1, let half = groups(rest[..<gap]) else { return nil }
            halves.append(half)
            rest = rest[(gap + 2)...]
        }
        guard let last = groups(rest) else { return nil }
        if gaps == 0 { return last.count == wanted ? last + tail : nil }
        let before = halves[0]
        guard before.count + last.count <= wanted - 2 || (before.count + last.count <= wanted && gaps == 1) else {
            return nil
        }
        let zeros = wanted - before.count - last.count
        guard zeros >= 2 else { return nil }
        return before + [UInt8](repeating: 0, count: zeros) + last + tail
    }

    private static func doubleColon(_ text: ArraySlice<UInt8>) -> Int? {
        text.indices.dropLast().first { text[$0] == .colon && text[$0 + 1] == .colon }
    }

    private static func groups(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        if text.isEmpty { return [] }
        var bytes: [UInt8] = []
        for group in text.split(separator: .colon, omittingEmptySubsequences: false) {
            guard (1...4).contains(group.count) else { return nil }
            var value: UInt16 = 0
            for digit in group {
                guard let nibble = digit.hexValue else { return nil }
                value = value << 4 | UInt16(nibble)
            }
            bytes.append(UInt8(value >> 8))
            bytes.append(UInt8(value & 0xFF))
        }
        return bytes
    }
}

extension IPAddress: LosslessStringConvertible {
    /// Dotted for IPv4, the canonical form of RFC 5952 for IPv6.
    public var description: String {
        if isIPv4 { return "\(low >> 24).\(low >> 16 & 0xFF).\(low >> 8 & 0xFF).\(low & 0xFF)" }
        let groups = (0..<8).map { index in
            UInt16(truncatingIfNeeded: (index < 4 ? high : low) >> (48 - 16 * UInt64(index % 4)))
        }
        var longest = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8 && groups[end] == 0 { end += 1 }
            if end - start > max(1, longest.count) { longest = start..<end }
            start = max(end, start + 1)
        }
        let hex = { (range: Range<Int>) in groups[range].map { String($0, radix: 16) }.joined(separator: ":") }
        return longest.isEmpty ? hex(0..<8) : hex(0..<longest.lowerBound) + "::" + hex(longest.upperBound..<8)
    }
}

/// A range of addresses: `192.0.2.0/24`, `2001:db8::/32`, or a single address.
public struct IPNetwork: Hashable, Sendable, LosslessStringConvertible {
    /// The first address.
    public let address: IPAddress
    /// 0 to 32, or 0 to 128.
    public let prefixLength: Int

    /// The network of an address; `nil` when the prefix is longer than the address.
    public init?(_ address: IPAddress, prefixLength: Int) {
        guard (0...(address.isIPv4 ? 32 : 128)).contains(prefixLength) else { return nil }
        self.address = address.masked(prefixLength)
        self.prefixLength = prefixLength
    }

    /// Reads an address with or without a prefix length. Bits beyond the prefix are ignored.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(String(first)) else { return nil }
        guard parts.count == 2 else {
            self.init(address, prefixLength: address.isIPv4 ? 32 : 128)
            return
        }
        guard let length = Int(parts[1]), parts[1].allSatisfy(\.isNumber) else { return nil }
        self.init(address, prefixLength: length)
    }

    /// Whether the address lies in the network.
    public func contains(_ candidate: IPAddress) -> Bool {
        candidate.isIPv4 == address.isIPv4 && candidate.masked(prefixLength) == address
    }

    public var description: String { "\(address)/\(prefixLength)" }
}
