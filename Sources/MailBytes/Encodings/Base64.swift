/// Base64 of RFC 4648 section 4.
public enum Base64 {
    private static let alphabet = [UInt8](
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" as StaticString
    )

    /// The values of the alphabet; 64 is padding, 65 anything else.
    private static let values: [UInt8] = {
        var table = [UInt8](repeating: 65, count: 256)
        for (value, letter) in alphabet.enumerated() { table[Int(letter)] = UInt8(value) }
        table[Int(UInt8.equals)] = 64
        return table
    }()

    /// Encodes with padding and without line breaks.
    public static func encode(_ bytes: [UInt8]) -> String {
        String(decoding: encodeBytes(bytes), as: UTF8.self)
    }

    /// `encode(_:)` as bytes.
    public static func encodeBytes(_ bytes: [UInt8]) -> [UInt8] {
        var encoded: [UInt8] = []
        encoded.reserveCapacity((bytes.count + 2) / 3 * 4)
        var index = 0
        while index < bytes.count {
            let first = bytes[index]
            let second = index + 1 < bytes.count ? bytes[index + 1] : 0
            let third = index + 2 < bytes.count ? bytes[index + 2] : 0
            encoded.append(alphabet[Int(first >> 2)])
            encoded.append(alphabet[Int((first & 3) << 4 | second >> 4)])
            encoded.append(index + 1 < bytes.count ? alphabet[Int((second & 15) << 2 | third >> 6)] : .equals)
            encoded.append(index + 2 < bytes.count ? alphabet[Int(third & 63)] : .equals)
            index += 3
        }
        return encoded
    }

    /// Decodes exactly what `encode` makes: padded, no other characters, no stray bits; `nil` for anything else.
    public static func decode(_ text: Span<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        var decoded: [UInt8] = []
        decoded.reserveCapacity(text.count / 4 * 3)
        var index = 0
        while index < text.count {
            let a = values[Int(text[index])]
            let b = values[Int(text[index + 1])]
            let c = values[Int(text[index + 2])]
            let d = values[Int(text[index + 3])]
            let last = index + 4 == text.count
            guard a < 64, b < 64, c < 64 || (c == 64 && d == 64 && last), d < 64 || (d == 64 && last) else {
                return nil
            }
            decoded.append(a << 2 | b >> 4)
            if c == 64 {
                guard b & 15 == 0 else { return nil }
                break
            }
            decoded.append((b & 15) << 4 | c >> 2)
            if d == 64 {
                guard c & 3 == 0 else { return nil }
                break
            }
            decoded.append((c & 3) << 6 | d)
            index += 4
        }
        return decoded
    }

    /// Decodes a body part: other characters are passed over and decoding ends at the padding, RFC 2045 section 6.8.
    public static func decodeLenient(_ text: Span<UInt8>) -> [UInt8] {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(text.count / 4 * 3)
        var bits: UInt32 = 0
        var count = 0
        for index in 0..<text.count {
            let value = values[Int(text[index])]
            if value == 64 { break }
            if value > 64 { continue }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                decoded.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return decoded
    }
}
