import MailBytes

/// Walks through the fields of a header section without copying: RFC 5322 section 2.2, and the malformed by RFC 7103.
///
/// Lines may end in CR LF or, in what was never sent by SMTP, in LF. A line that is neither field nor continuation ends the
/// header, as the body would (RFC 7103 section 7.1.4 b); a `From ` line in front, which mailbox files leave there (RFC 4155),
/// is passed over.
public struct HeaderScanner: Sendable {
    /// One field, as places in the message.
    public struct Field: Sendable, Equatable {
        public var name: Range<Int>
        /// What follows the colon, folded, without the last line end.
        public var value: Range<Int>
        /// The whole field with its line end.
        public var whole: Range<Int>
    }

    /// Fields beyond it are not looked at.
    private static let fieldLimit = 10_000

    private var position = 0
    private var count = 0

    public init() {}

    /// Where the header ends so far; the body begins behind the empty line, if there is one.
    public var end: Int { position }

    /// The next field; `nil` at the header's end.
    public mutating func next(_ message: Span<UInt8>) -> Field? {
        guard position < message.count, count < Self.fieldLimit else { return nil }
        if position == 0, Self.isMailboxLine(message) {
            position = message.firstIndex(of: .lineFeed).map { $0 + 1 } ?? message.count
        }
        let start = position
        var colon = start
        while colon < message.count, message[colon].isVisible, message[colon] != .colon { colon += 1 }
        let nameEnd = colon
        while colon < message.count, message[colon].isWhitespace { colon += 1 }
        guard nameEnd > start, colon < message.count, message[colon] == .colon else { return nil }
        var lineEnd = colon
        while true {
            guard let feed = message.firstIndex(of: .lineFeed, from: lineEnd) else {
                lineEnd = message.count
                break
            }
            lineEnd = feed + 1
            guard lineEnd < message.count, message[lineEnd].isWhitespace else { break }
        }
        var valueEnd = lineEnd
        if valueEnd > colon + 1 && message[valueEnd - 1] == .lineFeed { valueEnd -= 1 }
        if valueEnd > colon + 1 && message[valueEnd - 1] == .carriageReturn { valueEnd -= 1 }
        position = lineEnd
        count += 1
        return Field(name: start..<nameEnd, value: (colon + 1)..<valueEnd, whole: start..<lineEnd)
    }
}

extension HeaderScanner {
    /// Whether a message begins with the line that parts messages in a mailbox file, and not with the field.
    static func isMailboxLine(_ line: Span<UInt8>) -> Bool {
        let wanted: [5 of UInt8] = [0x46, 0x72, 0x6F, 0x6D, 0x20]
        guard line.count > 5 else { return false }
        for index in 0..<5 where line[index] != wanted[index] { return false }
        var index = 5
        while index < line.count, line[index].isWhitespace { index += 1 }
        return index == line.count || line[index] != .colon
    }
}

extension Span<UInt8> {
    /// A field's value in one line, without the white space around it.
    public func unfolded(_ value: Range<Int>) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(value.count)
        for index in value {
            let byte = self[index]
            if byte == .carriageReturn || byte == .lineFeed || byte == 0 { continue }
            bytes.append(byte == .tab ? .space : byte)
        }
        while bytes.last == .space { bytes.removeLast() }
        let start = bytes.firstIndex { $0 != .space } ?? bytes.count
        return String(decoding: bytes[start...], as: UTF8.self)
    }
}
