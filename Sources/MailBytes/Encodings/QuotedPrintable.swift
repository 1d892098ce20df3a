/// Quoted-printable of RFC 2045 section 6.7.
public enum QuotedPrintable {
    /// Encodes text whose lines end in CR LF.
    public static func encode(_ bytes: [UInt8]) -> [UInt8] {
        var encoded: [UInt8] = []
        encoded.reserveCapacity(bytes.count + bytes.count / 8)
        var encoder = QuotedPrintableEncoder()
        encoder.encode(bytes.span, into: &encoded)
        encoder.finish(into: &encoded)
        return encoded
    }

    /// Decodes; what is not quoted-printable is kept as it stands, RFC 2045 section 6.7 (robust implementations).
    public static func decode(_ text: Span<UInt8>) -> [UInt8] {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            let byte = text[index]
            guard byte == .equals else {
                decoded.append(byte)
                index += 1
                continue
            }
            if index + 2 < text.count, let high = text[index + 1].hexValue, let low = text[index + 2].hexValue {
                decoded.append(high << 4 | low)
                index += 3
                continue
            }
            var end = index + 1
            while end < text.count && text[end].isWhitespace { end += 1 }
            if end < text.count && text[end] == .carriageReturn { end += 1 }
            if end < text.count && text[end] == .lineFeed {
                index = end + 1
            } else if end == text.count {
                index = end
            } else {
                decoded.append(byte)
                index += 1
            }
        }
        return decoded
    }
}
