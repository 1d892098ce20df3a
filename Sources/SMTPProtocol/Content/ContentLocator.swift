import MailBytes

/// Finds the octet of a content at which a server wants a transaction to go on: RFC 1845 section 3.
///
/// The offset counts the canonical form of the message: each line ends in CR LF, the last one too, and dots are not doubled. That
/// is what `DotStuffer` makes of the content, without its dots.
public struct ContentLocator: Sendable {
    public enum Place: Equatable, Sendable {
        /// This one of the octets that were looked through.
        case at(Int)
        /// Behind them.
        case later
        /// Within a line or a line's end.
        case nowhere
    }

    private enum State { case lineStart, text, carriageReturn }

    private var left: Int
    private let isText: Bool
    private var state = State.lineStart

    /// - Parameter isText: false counts octets as they are, and finds each of them: for BDAT.
    public init(offset: Int, isText: Bool) {
        self.left = offset
        self.isText = isText
    }

    /// Looks through the next octets.
    public mutating func find(in bytes: Span<UInt8>) -> Place {
        guard isText else {
            guard left >= bytes.count else { return .at(left) }
            left -= bytes.count
            return .later
        }
        var index = 0
        while index < bytes.count {
            if case .carriageReturn = state {
                left -= 2
                state = .lineStart
                if bytes[index] == .lineFeed { index += 1 }
                continue
            }
            guard left > 0 else { return state == .lineStart && left == 0 ? .at(index) : .nowhere }
            switch bytes[index] {
            case .carriageReturn: state = .carriageReturn
            case .lineFeed:
                left -= 2
                state = .lineStart
            default:
                left -= 1
                state = .text
            }
            index += 1
        }
        return .later
    }

    /// Whether it is the end of the content, which is all here now.
    public mutating func isAtEnd() -> Bool {
        if isText && state != .lineStart { left -= 2 }
        return left == 0
    }
}
