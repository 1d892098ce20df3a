/// Names a message in the spool and in every record about it. Later messages have larger ids, and none is used twice.
public struct QueueID: Hashable, Comparable, Sendable, Codable {
    public let rawValue: UInt64

    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    public static func < (left: QueueID, right: QueueID) -> Bool { left.rawValue < right.rawValue }

    private static let digits: [UInt8] = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)

    /// Reads the 13 characters of `description`, in either case; `nil` for anything else.
    public init?(_ text: String) {
        let utf8 = Array(text.utf8)
        guard utf8.count == 13 else { return nil }
        var value: UInt64 = 0
        for (index, byte) in utf8.enumerated() {
            let upper = (0x61...0x7A).contains(byte) ? byte - 0x20 : byte
            guard let digit = Self.digits.firstIndex(of: upper), index > 0 || digit < 16 else { return nil }
            value = value << 5 | UInt64(digit)
        }
        self.rawValue = value
    }
}

extension QueueID: CustomStringConvertible {
    /// 13 characters of Crockford's base 32, so that ids sort as texts too.
    public var description: String {
        String(unsafeUninitializedCapacity: 13) { buffer in
            for index in 0..<13 {
                buffer[index] = Self.digits[Int(rawValue >> (60 - 5 * UInt64(index)) & 31)]
            }
            return 13
        }
    }
}
