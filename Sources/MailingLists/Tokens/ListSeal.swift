import MailBytes

/// Makes the authentication code of some octets under a secret that this host alone knows; at least 16 octets come back.
///
/// A function from outside, since this room computes nothing secret.
public typealias ListSeal = @Sendable ([UInt8]) -> [UInt8]

/// Letters and digits for tokens that go through mail programs: five bits each, whatever their case.
enum TokenText {
    private static let digits = [UInt8]("0123456789abcdefghjkmnpqrstvwxyz")

    static func encode(_ bytes: some Sequence<UInt8>, digits count: Int) -> String {
        var bits = 0
        var value: UInt32 = 0
        var text: [UInt8] = []
        for byte in bytes where text.count < count {
            value = value << 8 | UInt32(byte)
            bits += 8
            while bits >= 5, text.count < count {
                bits -= 5
                text.append(digits[Int(value >> UInt32(bits)) & 31])
                value &= (1 << UInt32(bits)) - 1
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    static func encode(_ number: UInt64, digits count: Int) -> String {
        let text = (0..<count).map { digits[Int(number >> (5 * UInt64(count - 1 - $0))) & 31] }
        return String(decoding: text, as: UTF8.self)
    }

    static func number(_ text: some StringProtocol) -> UInt64? {
        var value: UInt64 = 0
        guard text.utf8.count <= 12 else { return nil }
        for byte in text.utf8 {
            guard let digit = digits.firstIndex(of: byte.asciiLowercased) else { return nil }
            value = value << 5 | UInt64(digit)
        }
        return value
    }

    /// Whether two texts are the same, letters without case, in a time that does not tell where they differ.
    static func areEqual(_ left: String, _ right: String) -> Bool {
        let (left, right) = (Array(left.utf8), Array(right.utf8))
        guard left.count == right.count else { return false }
        var difference: UInt8 = 0
        for index in left.indices { difference |= left[index].asciiLowercased ^ right[index].asciiLowercased }
        return difference == 0
    }
}
