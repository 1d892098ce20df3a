import MailBytes

extension TraceEntry {
    /// Octets of a text; a longer one is cut when it is stored.
    public static let textLimit = 16 << 10
    /// Octets of a stored entry with its length in front; fields that have no room in it are left out.
    public static let lengthLimit = 128 << 10

    /// Octets of queue id, time and kind.
    private static let headLength = 17

    /// Appends the entry: its length (32 bits), then queue id, time, kind, and fields with their lengths.
    public func encode(into bytes: inout [UInt8]) {
        let start = bytes.count
        bytes.append(littleEndian: UInt32(0))
        bytes.append(littleEndian: queueID?.rawValue ?? 0)
        bytes.append(littleEndian: UInt64(bitPattern: time.microseconds))
        bytes.append(event.kind.rawValue)
        for entry in event.fields {
            let utf8 = entry.text.utf8
            let count = utf8.count <= Self.textLimit ? utf8.count : Self.lengthOfCut(entry.text)
            if bytes.count - start + 3 + count > Self.lengthLimit { continue }
            bytes.append(entry.field.rawValue)
            bytes.append(littleEndian: UInt16(count))
            bytes.append(contentsOf: count == utf8.count ? utf8[...] : utf8.prefix(count))
        }
        let length = UInt32(bytes.count - start - 4)
        for index in 0..<4 { bytes[start + index] = UInt8(truncatingIfNeeded: length >> UInt32(8 * index)) }
    }

    /// The octets of a text that are kept: whole characters of UTF-8, so that it stays readable.
    private static func lengthOfCut(_ text: String) -> Int {
        let utf8 = text.utf8
        var count = textLimit
        var end = utf8.index(utf8.startIndex, offsetBy: count)
        while count > 0, utf8[end] & 0xC0 == 0x80 {
            utf8.formIndex(before: &end)
            count -= 1
        }
        return count
    }

    /// Reads entries that follow each other, each with its length in front, as far as they are whole. One of an event
    /// that this program does not know is passed over.
    ///
    /// - Returns: the entries, and the octets that they and the passed over ones have. What follows is torn or damaged.
    public static func entries(in bytes: Span<UInt8>) -> (entries: [TraceEntry], used: Int) {
        var entries: [TraceEntry] = []
        var position = 0
        while position + 4 <= bytes.count {
            var length = 0
            for index in 0..<4 { length |= Int(bytes[position + index]) << (8 * index) }
            guard length >= headLength, length <= lengthLimit, length <= bytes.count - position - 4 else { break }
            let end = position + 4 + length
            if let entry = TraceEntry(decoding: bytes.extracting((position + 4)..<end)) { entries.append(entry) }
            position = end
        }
        return (entries, position)
    }

    /// Reads an entry without its length in front; `nil` when the bytes are none. Fields that this program does not know
    /// are passed over.
    public init?(decoding bytes: Span<UInt8>) {
        var reader = ByteReader(bytes.count)
        guard
            let id = reader.number(bytes, UInt64.self), let time = reader.number(bytes, UInt64.self),
            let kind = reader.byte(bytes).flatMap(TraceEvent.Kind.init(rawValue:))
        else { return nil }
        var fields: [TraceEvent.Entry] = []
        while !reader.isAtEnd {
            guard let number = reader.byte(bytes), let count = reader.number(bytes, UInt16.self),
                let text = reader.bytes(bytes, Int(count))
            else { return nil }
            if let field = TraceField(rawValue: number) {
                fields.append(TraceEvent.Entry(field, String(decoding: text, as: UTF8.self)))
            }
        }
        self.init(
            queueID: id == 0 ? nil : QueueID(rawValue: id),
            time: Timestamp(microseconds: Int64(bitPattern: time)),
            event: TraceEvent(kind, fields)
        )
    }
}
