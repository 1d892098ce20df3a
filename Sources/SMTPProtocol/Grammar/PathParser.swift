import MailBytes
import MailNames

/// Paths in angle brackets: RFC 5321 section 4.1.2.
enum PathParser {
    /// What a path holds.
    enum Path: Equatable {
        case null
        /// `<Postmaster>`, in any case: RFC 5321 section 4.1.1.3.
        case postmaster
        case address(EmailAddress)
    }

    /// Reads a path that begins at `start`; answers with it and where it ends. A source route is accepted and ignored:
    /// RFC 5321 section 3.3 and appendix C.
    static func parse(_ line: Span<UInt8>, at start: Int) throws(SMTPSyntaxError) -> (path: Path, end: Int) {
        guard start < line.count, line[start] == .less else { throw SMTPSyntaxError(.path(nil)) }
        var index = start + 1
        var quoted = false
        var routeEnd: Int?
        while index < line.count {
            let byte = line[index]
            if quoted {
                if byte == .backslash { index += 1 } else if byte == .quote { quoted = false }
            } else if byte == .quote {
                quoted = true
            } else if byte == .greater {
                break
            } else if byte == .colon && routeEnd == nil && line[start + 1] == .at {
                routeEnd = index
            }
            index += 1
        }
        guard index < line.count else { throw SMTPSyntaxError(.path(nil)) }
        let inner = line.extracting(((routeEnd ?? start) + 1)..<index)
        if inner.count == 0 {
            guard routeEnd == nil else { throw SMTPSyntaxError(.path(.empty)) }
            return (.null, index + 1)
        }
        if inner.equals("postmaster") { return (.postmaster, index + 1) }
        do {
            return (.address(try EmailAddress(parsing: inner)), index + 1)
        } catch {
            throw SMTPSyntaxError(.path(error.reason))
        }
    }
}

/// xtext of RFC 3461 section 4: `+` and two hexadecimal digits stand for an octet.
public enum XText {
    /// The text that was encoded; `nil` when it is not xtext.
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
