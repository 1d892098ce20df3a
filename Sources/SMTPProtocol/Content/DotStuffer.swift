import MailBytes

/// Puts the dots of RFC 5321 section 4.5.2 into a message on its way out, and makes every line end a CR LF.
///
/// Content that came through us has only CR LF; what else may lie in the spool (BINARYMIME sent on by DATA) must not
/// become a line of SMTP that we did not mean.
public struct DotStuffer: Sendable {
    private enum State { case lineStart, text, carriageReturn }

    private var state = State.lineStart

    public init() {}

    /// Appends the encoded form of the next content through `append`.
    public mutating func encode(_ bytes: Span<UInt8>, append: (Piece) -> Void) {
        var index = 0
        var pending = 0
        /// The next CR, kept so that content full of bare LF is not searched again for each of them.
        var carriageReturn = -1
        func flush(_ end: Int) {
            if pending < end { append(.bytes(pending..<end)) }
        }
        while index < bytes.count {
            switch state {
            case .lineStart:
                if bytes[index] == .dot {
                    flush(index)
                    append(.dot)
                    pending = index
                }
                state = .text
            case .carriageReturn:
                append(.lineEnd)
                if bytes[index] == .lineFeed { index += 1 }
                pending = index
                state = .lineStart
            case .text:
                if carriageReturn < index {
                    carriageReturn = bytes.firstIndex(of: .carriageReturn, from: index) ?? bytes.count
                }
                if let lineFeed = bytes.extracting(index..<carriageReturn).firstIndex(of: .lineFeed) {
                    flush(index + lineFeed)
                    append(.lineEnd)
                    index += lineFeed + 1
                    pending = index
                    state = .lineStart
                } else if carriageReturn == bytes.count {
                    index = bytes.count
                } else if carriageReturn + 1 < bytes.count && bytes[carriageReturn + 1] == .lineFeed {
                    index = carriageReturn + 2
                    state = .lineStart
                } else {
                    flush(carriageReturn)
                    index = carriageReturn + 1
                    pending = index
                    state = .carriageReturn
                }
            }
        }
        flush(bytes.count)
    }

    /// What ends the message: the line end it may lack, and the final dot.
    public mutating func end() -> StaticString {
        defer { state = .lineStart }
        return state == .lineStart ? ".\r\n" : "\r\n.\r\n"
    }

    /// A piece of the encoded message, in order.
    public enum Piece: Equatable, Sendable {
        case bytes(Range<Int>)
        case dot
        case lineEnd
    }
}
