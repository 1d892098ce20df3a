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

    /// Whether a path is written without UTF-8. A domain in UTF-8 has another form too, but to find it is not the server's part:
    /// RFC 6531 section 3.4 asks for SMTPUTF8 with what is on the wire.
    static func isASCII(_ line: Span<UInt8>, _ path: Range<Int>) -> Bool {
        for index in path where line[index] >= 0x80 { return false }
        return true
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
