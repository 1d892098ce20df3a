import MailBytes

/// Puts the lines of a server's reply together: RFC 5321 section 4.2.1. Bounded, since servers can be hostile too.
public struct SMTPReplyParser: Sendable {
    /// Octets of a line; RFC 5321 section 4.5.3.1.5 says 512, servers in the wild go beyond.
    public static let lineLimit = 4096
    private static let lineCountLimit = 128

    /// Why a line is no reply.
    public enum Failure: Error, Hashable, Sendable {
        case noCode
        case codesDiffer
        case tooManyLines
    }

    private var code = 0
    private var status: EnhancedStatus?
    private var lines: [String] = []

    public init() {}

    /// Takes a line without its CR LF; answers with the reply when it was the last line.
    public mutating func lineReceived(_ line: Span<UInt8>) throws(Failure) -> SMTPReply? {
        guard line.count >= 3, let code = line.decimal(0..<3, digits: 3), (200...599).contains(code) else {
            throw .noCode
        }
        let separator = line.count > 3 ? line[3] : UInt8.space
        guard separator == .space || separator == .hyphen else { throw .noCode }
        if lines.isEmpty {
            self.code = code
        } else if self.code != code {
            throw .codesDiffer
        }
        guard lines.count < Self.lineCountLimit else { throw .tooManyLines }
        var text = Substring(line.text(min(4, line.count)..<line.count))
        if let found = EnhancedStatus(leading: text), Int(found.category) == code / 100 {
            status = status ?? found
            text = text.drop { $0 != " " }.dropFirst()
        }
        lines.append(String(text))
        guard separator == .space else { return nil }
        defer { self = SMTPReplyParser() }
        return SMTPReply(code, status, lines: lines)
    }
}
