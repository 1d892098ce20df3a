import Glibc

extension Span<UInt8> {
    /// The first place of a byte at or after `start`, found at the C library's speed.
    public func firstIndex(of byte: UInt8, from start: Int = 0) -> Int? {
        guard start < count else { return nil }
        return unsafe withUnsafeBufferPointer { buffer in
            // Safe: `start` is inside the span, and the search covers only the rest of it.
            guard let base = buffer.baseAddress,
                let found = unsafe memchr(base + start, CInt(byte), buffer.count - start)
            else { return nil }
            return unsafe UnsafeRawPointer(found) - UnsafeRawPointer(base)
        }
    }

    /// Whether the bytes at `start` are those of `prefix`, letters compared without case.
    public func matches(_ prefix: StaticString, at start: Int = 0) -> Bool {
        guard start >= 0, count - start >= prefix.utf8CodeUnitCount else { return false }
        return unsafe prefix.withUTF8Buffer { wanted in
            for index in 0..<wanted.count
            where unsafe self[start + index].asciiLowercased != wanted[index].asciiLowercased {
                return false
            }
            return true
        }
    }

    /// Whether the whole span is `text`, letters compared without case.
    public func equals(_ text: StaticString) -> Bool {
        count == text.utf8CodeUnitCount && matches(text)
    }

    /// A part of the span as text; broken UTF-8 is repaired with U+FFFD.
    @inlinable
    public func text(_ range: Range<Int>) -> String {
        let part = extracting(range)
        return unsafe part.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
    }

    /// The span as text; broken UTF-8 is repaired with U+FFFD.
    @inlinable
    public var text: String {
        unsafe withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
    }

    /// The bytes of the span.
    @inlinable
    public var bytes: [UInt8] {
        unsafe withUnsafeBufferPointer { unsafe [UInt8]($0) }
    }

    /// The decimal number that the range spells, at most `digits` long; `nil` for anything else.
    public func decimal(_ range: Range<Int>, digits: Int = 18) -> Int? {
        guard !range.isEmpty, range.count <= digits else { return nil }
        var value = 0
        for index in range {
            let byte = self[index]
            guard byte.isASCIIDigit else { return nil }
            value = value * 10 + Int(byte - 0x30)
        }
        return value
    }

    /// Whether the span is well-formed UTF-8: RFC 3629.
    public var isValidUTF8: Bool {
        var index = 0
        while index < count {
            let first = self[index]
            index += 1
            if first < 0x80 { continue }
            let (following, low, high): (Int, UInt8, UInt8)
            switch first {
            case 0xC2...0xDF: (following, low, high) = (1, 0x80, 0xBF)
            case 0xE0: (following, low, high) = (2, 0xA0, 0xBF)
            case 0xED: (following, low, high) = (2, 0x80, 0x9F)
            case 0xE1...0xEF: (following, low, high) = (2, 0x80, 0xBF)
            case 0xF0: (following, low, high) = (3, 0x90, 0xBF)
            case 0xF1...0xF3: (following, low, high) = (3, 0x80, 0xBF)
            case 0xF4: (following, low, high) = (3, 0x80, 0x8F)
            default: return false
            }
            guard count - index >= following, (low...high).contains(self[index]) else { return false }
            for offset in 1..<Swift.max(following, 1) where self[index + offset] & 0xC0 != 0x80 { return false }
            index += following
        }
        return true
    }
}
