import MailBytes

extension TraceEntry {
    /// A text that is longer is cut when it is stored.
    private static let textLimit = 16 << 10
    private static let fieldLimit = 4096

    /// Appends the entry: its length (32 bits), then queue id, time, kind, and fields with their lengths.
    public func encode(into bytes: inout [UInt8]) {
        let start = bytes.count
        bytes.append(littleEndian: UInt32(0))
        bytes.append(littleEndian: queueID?.rawValue ?? 0)
        bytes.append(littleEndian: UInt64(bitPattern: time.microseconds))
        bytes.append(event.kind.rawValue)
        for entry in event.fields.prefix(Self.fieldLimit) {
            bytes.append(entry.field.rawValue)
            let utf8 = entry.text.utf8
            let count = min(utf8.count, Self.textLimit)
            bytes.append(littleEndian: UInt16(count))
            bytes.append(contentsOf: utf8.prefix(count))
        }
        let length = UInt32(bytes.count - start - 4)
        for index in 0..<4 { bytes[start + index] = UInt8(truncatingIfNeeded: length >> UInt32(8 * index)) }
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
