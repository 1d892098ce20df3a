/// Quoted-printable of RFC 2045 section 6.7 while the text goes by, piece after piece.
public struct QuotedPrintableEncoder: Sendable {
    /// The longest encoded line without its line end, one place being kept for the `=` of a soft break.
    private static let lineLimit = 75

    private var column = 0
    /// A CR, or white space, of which it is not known yet whether a line ends behind it.
    private var waiting: UInt8?

    public init() {}

    /// Takes the next octets and appends what they are encoded to.
    public mutating func encode(_ bytes: Span<UInt8>, into output: inout [UInt8]) {
        for index in 0..<bytes.count {
            let byte = bytes[index]
            if let held = waiting {
                waiting = nil
                if held == .carriageReturn {
                    if byte == .lineFeed {
                        output.append("\r\n")
                        column = 0
                        continue
                    }
                    escape(held, into: &output)
                } else if byte == .carriageReturn {
                    // White space at the end of a line would be lost on the way.
                    escape(held, into: &output)
                } else {
                    literal(held, into: &output)
                }
            }
            if byte == .carriageReturn || byte.isWhitespace {
                waiting = byte
            } else if byte.isVisible && byte != .equals {
                literal(byte, into: &output)
            } else {
                escape(byte, into: &output)
            }
        }
    }

    /// Appends what was still held back; the encoder can be used again.
    public mutating func finish(into output: inout [UInt8]) {
        if let held = waiting { escape(held, into: &output) }
        waiting = nil
        column = 0
    }

    private mutating func literal(_ byte: UInt8, into output: inout [UInt8]) {
        makeRoom(for: 1, in: &output)
        output.append(byte)
    }

    private mutating func escape(_ byte: UInt8, into output: inout [UInt8]) {
        makeRoom(for: 3, in: &output)
        output.append(.equals)
        for digit in [byte >> 4, byte & 15] { output.append(digit < 10 ? 0x30 + digit : 0x37 + digit) }
    }

    private mutating func makeRoom(for count: Int, in output: inout [UInt8]) {
        if column + count > Self.lineLimit {
            output.append("=\r\n")
            column = 0
        }
        column += count
    }
}
