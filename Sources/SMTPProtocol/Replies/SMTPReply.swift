import MailBytes

/// A reply: RFC 5321 section 4.2, with the enhanced status of RFC 2034 where it has one.
///
/// Its bytes are made once, when it is: sending a standard reply copies them and nothing else.
public struct SMTPReply: Sendable {
    /// 200 to 599.
    public let code: Int
    public let status: EnhancedStatus?
    /// The text, line by line, without codes. Never empty.
    public let lines: [String]
    /// All lines as they go on the wire.
    public let wire: [UInt8]

    /// A reply of one or more lines. Characters that no reply may have become `?`.
    public init(_ code: Int, _ status: EnhancedStatus? = nil, _ lines: String...) {
        self.init(code, status, lines: lines)
    }

    /// A reply of one or more lines. Characters that no reply may have become `?`.
    public init(_ code: Int, _ status: EnhancedStatus?, lines: [String]) {
        self.code = code
        self.status = status
        self.lines = lines.isEmpty ? [""] : lines.map(Self.printable)
        var wire: [UInt8] = []
        // Code, status and CR LF take at most 16 octets of a line.
        wire.reserveCapacity(self.lines.reduce(0) { $0 + 16 + $1.utf8.count })
        for (index, line) in self.lines.enumerated() {
            wire.append(decimal: code)
            wire.append(index + 1 == self.lines.count ? .space : .hyphen)
            if let status {
                wire.append(decimal: Int(status.category))
                wire.append(.dot)
                wire.append(decimal: Int(status.subject))
                wire.append(.dot)
                wire.append(decimal: Int(status.detail))
                wire.append(.space)
            }
            wire.append(contentsOf: line.utf8)
            wire.append("\r\n")
        }
        self.wire = wire
    }

    private static func printable(_ line: String) -> String {
        guard line.utf8.contains(where: \.isASCIIControl) else { return line }
        return String(decoding: line.utf8.map { $0.isASCIIControl ? UInt8(ascii: "?") : $0 }, as: UTF8.self)
    }

    /// 2yz and 3yz.
    public var isPositive: Bool { (200..<400).contains(code) }
    /// 4yz: the same may succeed later.
    public var isTransient: Bool { (400..<500).contains(code) }
    /// 5yz: the same will not succeed.
    public var isPermanent: Bool { (500..<600).contains(code) }

    /// The lines in one, with the code: for traces and reports.
    public var oneLine: String {
        let text = lines.joined(separator: " ")
        return status.map { "\(code) \($0) \(text)" } ?? "\(code) \(text)"
    }
}

extension SMTPReply: Hashable, CustomStringConvertible {
    public static func == (left: SMTPReply, right: SMTPReply) -> Bool { left.wire == right.wire }

    public func hash(into hasher: inout Hasher) { hasher.combine(wire) }

    public var description: String { oneLine }
}
