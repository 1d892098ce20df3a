import MailBytes

/// The structure as a record, so that it is found once and read often.
extension BodyPart {
    private static let version: UInt8 = 1
    /// Which of the fields that are seldom there are there.
    private static let optionalFields: [any WritableKeyPath<BodyPart, String?> & Sendable] = [
        \.id, \.description, \.digest, \.location,
    ]

    /// The record.
    public var encoded: [UInt8] {
        var record: [UInt8] = [Self.version]
        write(to: &record)
        return record
    }

    /// Reads a record; `nil` for one that is damaged or of a later version.
    public init?(encoded record: Span<UInt8>) {
        var reader = ByteReader(record.count)
        guard reader.byte(record) == Self.version, let part = Self.read(record, &reader, depth: 0), reader.isAtEnd
        else {
            return nil
        }
        self = part
    }

    private func write(to record: inout [UInt8]) {
        Self.write(type, to: &record)
        record.append(text: encoding)
        record.append(disposition == nil ? 0 : 1)
        if let disposition { Self.write(disposition, to: &record) }
        for field in Self.optionalFields { record.append(text: self[keyPath: field]) }
        record.append(littleEndian: UInt16(clamping: languages.count))
        for language in languages { record.append(text: language) }
        for place in [header.lowerBound, header.upperBound, body.lowerBound, body.upperBound, lines] {
            record.append(littleEndian: UInt64(place))
        }
        record.append(littleEndian: UInt16(clamping: parts.count))
        for part in parts { part.write(to: &record) }
    }

    private static func write(_ field: ContentField, to record: inout [UInt8]) {
        record.append(text: field.value)
        record.append(littleEndian: UInt16(clamping: field.parameters.count))
        for parameter in field.parameters {
            record.append(text: parameter.name)
            record.append(text: parameter.value)
        }
    }

    private static func read(_ record: Span<UInt8>, _ reader: inout ByteReader, depth: Int) -> BodyPart? {
        guard depth <= MessageParser.depthLimit else { return nil }
        var part = BodyPart(header: [UInt8]().span, at: 0, inDigest: false)
        guard let type = field(record, &reader), case let encoding?? = reader.text(record),
            let hasDisposition = reader.byte(record)
        else { return nil }
        part.type = type
        part.encoding = encoding
        if hasDisposition == 1 {
            guard let disposition = field(record, &reader) else { return nil }
            part.disposition = disposition
        }
        for field in optionalFields {
            guard let text = reader.text(record) else { return nil }
            part[keyPath: field] = text
        }
        guard let languages = reader.number(record, UInt16.self) else { return nil }
        for _ in 0..<languages {
            guard case let language?? = reader.text(record) else { return nil }
            part.languages.append(language)
        }
        var places: [Int] = []
        for _ in 0..<5 {
            guard let place = reader.number(record, UInt64.self).flatMap(Int.init(exactly:)) else { return nil }
            places.append(place)
        }
        guard places[0] <= places[1], places[2] <= places[3] else { return nil }
        part.header = places[0]..<places[1]
        part.body = places[2]..<places[3]
        part.lines = places[4]
        guard let count = reader.number(record, UInt16.self) else { return nil }
        for _ in 0..<count {
            guard let child = read(record, &reader, depth: depth + 1) else { return nil }
            part.parts.append(child)
        }
        return part
    }

    private static func field(_ record: Span<UInt8>, _ reader: inout ByteReader) -> ContentField? {
        guard case let value?? = reader.text(record), let count = reader.number(record, UInt16.self) else { return nil }
        var field = ContentField(value)
        for _ in 0..<count {
            guard case let name?? = reader.text(record), case let value?? = reader.text(record) else { return nil }
            field.parameters.append(ContentField.Parameter(name: name, value: value))
        }
        return field
    }
}
