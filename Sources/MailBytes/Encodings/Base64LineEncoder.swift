/// Base64 in lines of 76 characters (RFC 2045 section 6.8) while the octets go by, piece after piece.
public struct Base64LineEncoder: Sendable {
    /// Octets that one line stands for.
    private static let lineOctets = 57

    private var line: [UInt8] = []
    private var isFirst = true

    public init() {}

    /// Takes the next octets and appends the lines that are full.
    public mutating func encode(_ bytes: Span<UInt8>, into output: inout [UInt8]) {
        for index in 0..<bytes.count {
            line.append(bytes[index])
            if line.count == Self.lineOctets { endLine(into: &output) }
        }
    }

    /// Appends the last line; the encoder can be used again.
    ///
    /// - Parameter endsLine: whether a line end stands behind it.
    public mutating func finish(into output: inout [UInt8], endsLine: Bool) {
        if !line.isEmpty { endLine(into: &output) }
        if endsLine && !isFirst { output.append("\r\n") }
        isFirst = true
    }

    private mutating func endLine(into output: inout [UInt8]) {
        if !isFirst { output.append("\r\n") }
        isFirst = false
        output += Base64.encodeBytes(line)
        line.removeAll(keepingCapacity: true)
    }
}
