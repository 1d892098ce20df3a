extension UInt8 {
    public static let tab: UInt8 = 0x09
    public static let lineFeed: UInt8 = 0x0A
    public static let carriageReturn: UInt8 = 0x0D
    public static let space: UInt8 = 0x20
    public static let quote: UInt8 = 0x22
    public static let leftParenthesis: UInt8 = 0x28
    public static let rightParenthesis: UInt8 = 0x29
    public static let comma: UInt8 = 0x2C
    public static let hyphen: UInt8 = 0x2D
    public static let dot: UInt8 = 0x2E
    public static let colon: UInt8 = 0x3A
    public static let semicolon: UInt8 = 0x3B
    public static let less: UInt8 = 0x3C
    public static let equals: UInt8 = 0x3D
    public static let greater: UInt8 = 0x3E
    public static let at: UInt8 = 0x40
    public static let leftBracket: UInt8 = 0x5B
    public static let backslash: UInt8 = 0x5C
    public static let rightBracket: UInt8 = 0x5D

    @inlinable public var isASCIIDigit: Bool { self &- 0x30 < 10 }
    @inlinable public var isASCIIAlpha: Bool { (self | 0x20) &- 0x61 < 26 }
    @inlinable public var isASCIIAlphanumeric: Bool { isASCIIDigit || isASCIIAlpha }
    @inlinable public var isASCIIControl: Bool { self < 0x20 || self == 0x7F }
    /// Space or horizontal tab: WSP of RFC 5234.
    @inlinable public var isWhitespace: Bool { self == 0x20 || self == 0x09 }
    /// A printing character other than space: VCHAR of RFC 5234.
    @inlinable public var isVisible: Bool { self > 0x20 && self < 0x7F }

    @inlinable public var asciiLowercased: UInt8 { self &- 0x41 < 26 ? self | 0x20 : self }
    @inlinable public var asciiUppercased: UInt8 { self &- 0x61 < 26 ? self & 0xDF : self }

    /// The value of a hexadecimal digit.
    @inlinable public var hexValue: UInt8? {
        if isASCIIDigit { return self - 0x30 }
        let lower = self | 0x20
        return lower &- 0x61 < 6 ? lower - 0x57 : nil
    }

    /// atext of RFC 5322 section 3.2.3, without the UTF-8 of RFC 6532.
    @inlinable public var isAtomText: Bool {
        switch self {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2F, 0x3D, 0x3F, 0x5E...0x60, 0x7B...0x7E: true
        default: false
        }
    }
}

extension [UInt8] {
    /// The bytes of a literal.
    public init(_ text: StaticString) {
        self = unsafe text.withUTF8Buffer { unsafe Array($0) }
    }

    /// Appends the bytes of a literal.
    public mutating func append(_ text: StaticString) {
        unsafe text.withUTF8Buffer { unsafe append(contentsOf: $0) }
    }

    /// Appends a number in decimal, with zeros in front up to `width` digits.
    public mutating func append(decimal value: Int, width: Int = 1) {
        var digits: [20 of UInt8] = .init(repeating: 0)
        var rest = value.magnitude
        var count = 0
        repeat {
            digits[count] = UInt8(0x30 + rest % 10)
            rest /= 10
            count += 1
        } while rest > 0
        if value < 0 { append(.hyphen) }
        for _ in 0..<Swift.max(0, width - count) { append(0x30) }
        while count > 0 {
            count -= 1
            append(digits[count])
        }
    }

    /// Appends the bytes of a span.
    public mutating func append(_ span: Span<UInt8>) {
        unsafe span.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    }
}

extension StaticString {
    func withUTF8Buffer<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        unsafe body(UnsafeBufferPointer(start: utf8Start, count: utf8CodeUnitCount))
    }
}
