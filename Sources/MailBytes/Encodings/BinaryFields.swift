/// Fields of our own binary records: little-endian numbers, texts with a 32-bit length in front where all ones is `nil`.
extension [UInt8] {
    /// Appends a number, least significant octet first.
    @inlinable
    public mutating func append<Number: FixedWidthInteger & UnsignedInteger>(littleEndian value: Number) {
        var rest = value
        for _ in 0..<MemoryLayout<Number>.size {
            append(UInt8(truncatingIfNeeded: rest))
            rest >>= 8
        }
    }

    /// Appends a text or its absence.
    public mutating func append(text: String?) {
        guard let text else {
            append(littleEndian: UInt32.max)
            return
        }
        let utf8 = text.utf8
        append(littleEndian: UInt32(clamping: utf8.count))
        append(contentsOf: utf8)
    }
}

/// Where the reading of a record stands. Each call takes the same span, and answers `nil` past its end.
public struct ByteReader: Sendable {
    @usableFromInline var place = 0
    @usableFromInline let end: Int

    /// The next octet's place in the span.
    public var position: Int { place }

    /// A reader of a span of `count` octets.
    public init(_ count: Int) {
        self.end = count
    }

    public var isAtEnd: Bool { place == end }

    /// One octet.
    public mutating func byte(_ span: Span<UInt8>) -> UInt8? {
        guard place < end else { return nil }
        defer { place += 1 }
        return span[place]
    }

    /// A number, least significant octet first.
    @inlinable
    public mutating func number<Number: FixedWidthInteger & UnsignedInteger>(
        _ span: Span<UInt8>,
        _: Number.Type
    ) -> Number? {
        let size = MemoryLayout<Number>.size
        guard end - place >= size else { return nil }
        var value: Number = 0
        for offset in 0..<size { value |= Number(span[place + offset]) << Number(8 * offset) }
        place += size
        return value
    }

    /// That many octets.
    public mutating func bytes(_ span: Span<UInt8>, _ count: Int) -> [UInt8]? {
        guard count >= 0, end - place >= count else { return nil }
        defer { place += count }
        return span.extracting(place..<(place + count)).bytes
    }

    /// A text, or `.some(nil)` for the absence of one. `nil` when there is none to read.
    public mutating func text(_ span: Span<UInt8>) -> String?? {
        guard let count = number(span, UInt32.self) else { return nil }
        if count == .max { return .some(nil) }
        guard end - place >= Int(count) else { return nil }
        defer { place += Int(count) }
        return .some(span.text(place..<(place + Int(count))))
    }
}
