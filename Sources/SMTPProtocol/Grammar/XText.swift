import MailBytes
import MailNames

/// xtext of RFC 3461 section 4: `+` and two hexadecimal digits stand for an octet.
public enum XText {
    /// The text that was encoded; `nil` when it is not xtext, or has control characters, which RFC 3461 sections 4.2 and
    /// 4.4 forbid: a CR LF would become a header field of a report.
    public static func decode(_ bytes: Span<UInt8>) -> String? {
        var decoded: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "+") {
                guard index + 2 < bytes.count, let high = bytes[index + 1].hexValue, let low = bytes[index + 2].hexValue
                else {
                    return nil
                }
                decoded.append(high << 4 | low)
                index += 3
            } else {
                guard byte != .equals, byte.isVisible || byte >= 0x80 else { return nil }
                decoded.append(byte)
                index += 1
            }
        }
        guard !decoded.contains(where: \.isASCIIControl) else { return nil }
        return decoded.span.isValidUTF8 ? String(decoding: decoded, as: UTF8.self) : nil
    }

    /// The encoded text: printing ASCII without `+`, `=` and space.
    public static func encode(_ text: String) -> String {
        let hex = Array("0123456789ABCDEF".utf8)
        var encoded: [UInt8] = []
        for byte in text.utf8 {
            if byte.isVisible && byte != UInt8(ascii: "+") && byte != .equals {
                encoded.append(byte)
            } else {
                encoded.append(contentsOf: [UInt8(ascii: "+"), hex[Int(byte >> 4)], hex[Int(byte & 15)]])
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }
}

/// ORCPT's address on the wire: xtext, and for the type `utf-8` the forms of RFC 6533 section 3.
extension OriginalRecipient {
    /// The address with what a command line cannot carry put into `+XX` or `\x{HEX}`.
    var encodedAddress: String {
        guard addressType == "utf-8" else { return XText.encode(address) }
        var encoded = ""
        for scalar in address.unicodeScalars {
            switch scalar {
            case "!"..."~" where scalar != "\\" && scalar != "+" && scalar != "=": encoded.unicodeScalars.append(scalar)
            default: encoded += "\\x{\(String(scalar.value, radix: 16, uppercase: true))}"
            }
        }
        return encoded
    }

    /// The text with its `\x{HEX}` resolved; `nil` where one is broken or stands for a control character.
    static func decodeUnicode(_ text: String) -> String? {
        var decoded = ""
        var rest = text[...]
        while let backslash = rest.firstIndex(of: "\\") {
            decoded += rest[..<backslash]
            rest = rest[backslash...]
            guard rest.hasPrefix("\\x{"), let brace = rest.firstIndex(of: "}") else { return nil }
            let digits = rest[rest.index(backslash, offsetBy: 3)..<brace]
            guard (2...6).contains(digits.count), let value = UInt32(digits, radix: 16), value >= 0x20, value != 0x7F,
                let scalar = Unicode.Scalar(value)
            else { return nil }
            decoded.unicodeScalars.append(scalar)
            rest = rest[rest.index(after: brace)...]
        }
        return decoded + rest
    }
}
