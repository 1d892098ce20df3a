/// Quoted-printable of RFC 2045 section 6.7.
public enum QuotedPrintable {
    /// The longest encoded line without its line end: RFC 2045 section 6.7 rule 5.
    private static let lineLimit = 76

    /// Encodes text whose lines end in CR LF.
    public static func encode(_ bytes: [UInt8]) -> [UInt8] {
        let hex = [UInt8]("0123456789ABCDEF" as StaticString)
        var encoded: [UInt8] = []
        encoded.reserveCapacity(bytes.count + bytes.count / 8)
        var column = 0
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte == .carriageReturn && index + 1 < bytes.count && bytes[index + 1] == .lineFeed {
                encoded.append("\r\n")
                column = 0
                index += 2
                continue
            }
            // White space at the end of a line would be lost on the way.
            let endsLine = index + 1 == bytes.count || bytes[index + 1] == .carriageReturn
            let literal = (byte.isVisible && byte != .equals) || (byte.isWhitespace && !endsLine)
            if column + (literal ? 1 : 3) > lineLimit - 1 {
                encoded.append("=\r\n")
                column = 0
            }
            if literal {
                encoded.append(byte)
                column += 1
            } else {
                encoded.append(.equals)
                encoded.append(hex[Int(byte >> 4)])
                encoded.append(hex[Int(byte & 15)])
                column += 3
            }
            index += 1
        }
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
