import MailBytes

/// What listings show of a header: the fields as they stand, unfolded, encoded words left as they are.
struct HeaderSummary: Equatable {
    /// Octets of a message that are looked at.
    static let scannedBytes = 64 << 10
    /// Octets of a field that are kept.
    private static let keptBytes = 998

    private(set) var messageID: String?
    private(set) var subject: String?
    private(set) var from: String?
    /// The header has octets beyond ASCII: RFC 6532.
    private(set) var hasUTF8 = false

    /// Reads the header at the start of `bytes`, up to its empty line or the end.
    init(_ bytes: Span<UInt8>) {
        let end = min(bytes.count, Self.scannedBytes)
        var start = 0
        var field = Field.other
        var value: [UInt8] = []
        while start < end {
            var lineEnd = start
            while lineEnd < end, bytes[lineEnd] != .lineFeed {
                if bytes[lineEnd] >= 0x80 { hasUTF8 = true }
                lineEnd += 1
            }
            let next = lineEnd + 1
            if lineEnd > start, bytes[lineEnd - 1] == .carriageReturn { lineEnd -= 1 }
            if lineEnd == start { break }
            if bytes[start].isWhitespace {
                if field != .other { Self.keep(bytes, start..<lineEnd, in: &value) }
            } else {
                set(field, value)
                value.removeAll(keepingCapacity: true)
                let (found, nameEnd) = Self.field(bytes, start..<lineEnd)
                field = found
                if field != .other { Self.keep(bytes, nameEnd..<lineEnd, in: &value) }
            }
            start = next
        }
        set(field, value)
    }

    private enum Field {
        case messageID
        case subject
        case from
        case other
    }

    /// The first field of a name counts.
    private mutating func set(_ field: Field, _ value: [UInt8]) {
        guard field != .other else { return }
        let text = String(decoding: value.drop { $0.isWhitespace }, as: UTF8.self)
        switch field {
        case .messageID: messageID = messageID ?? text
        case .subject: subject = subject ?? text
        case .from: from = from ?? text
        case .other: break
        }
    }

    private static func keep(_ bytes: Span<UInt8>, _ range: Range<Int>, in value: inout [UInt8]) {
        for index in range.prefix(max(0, keptBytes - value.count)) { value.append(bytes[index]) }
    }

    private static func field(_ bytes: Span<UInt8>, _ line: Range<Int>) -> (Field, valueStart: Int) {
        var end = line.lowerBound
        while end < line.upperBound, bytes[end] != .colon { end += 1 }
        guard end < line.upperBound else { return (.other, end) }
        let valueStart = end + 1
        while end > line.lowerBound, bytes[end - 1].isWhitespace { end -= 1 }
        let name = line.lowerBound..<end
        if equals(bytes, name, "message-id") { return (.messageID, valueStart) }
        if equals(bytes, name, "subject") { return (.subject, valueStart) }
        if equals(bytes, name, "from") { return (.from, valueStart) }
        return (.other, valueStart)
    }

    private static func equals(_ bytes: Span<UInt8>, _ range: Range<Int>, _ name: StaticString) -> Bool {
        guard range.count == name.utf8CodeUnitCount else { return false }
        return name.withUTF8Buffer { wanted in
            for index in wanted.indices where bytes[range.lowerBound + index].asciiLowercased != wanted[index] {
                return false
            }
            return true
        }
    }
}
