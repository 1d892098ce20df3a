import MailBytes

/// Takes the dots of RFC 5321 section 4.5.2 out of a message as it arrives, finds its end, and refuses line ends that are
/// none.
///
/// It looks at the received bytes and says which of them are content, so that the caller copies each of them once.
/// Only CR LF ends a line and only CR LF `.` CR LF the message; everything else that servers took for an end is how
/// messages were smuggled (CVE-2023-51764 and its kin).
public struct DotUnstuffer: Sendable {
    /// What to do with a CR or LF that stands alone.
    public enum BareNewlines: String, Sendable, CaseIterable {
        /// 5xx, and the end of the session.
        case refuse
        /// It becomes CR LF in the message. It never takes part in ending it.
        case normalise
    }

    /// A piece of content, in order.
    public enum Piece: Equatable, Sendable {
        /// These of the received bytes.
        case bytes(Range<Int>)
        /// A CR LF that stands for a bare CR or LF.
        case lineEnd
    }

    public enum Outcome: Equatable, Sendable {
        /// Everything was taken; the message goes on.
        case incomplete
        /// The message is complete; what begins at `next` is not part of it.
        case end(next: Int)
        /// A bare CR or LF, refused.
        case bareNewline
    }

    private enum State {
        /// Behind a real CR LF, or at the beginning.
        case lineStart
        case text
        case carriageReturn
        /// A dot at the start of a line, not yet told to be stuffing or the end.
        case dot
        case dotCarriageReturn
    }

    private let policy: BareNewlines
    private var state = State.lineStart

    public init(_ policy: BareNewlines = .refuse) {
        self.policy = policy
    }

    /// Takes the next bytes, from `start` on.
    public mutating func consume(
        _ bytes: Span<UInt8>,
        from start: Int = 0,
        take: (Piece) -> Void
    ) -> Outcome {
        let count = bytes.count
        var index = start
        /// Where content that was not handed out yet begins.
        var pending = start
        /// The next CR, kept so that content full of bare LF is not searched again for each of them.
        var carriageReturn = -1
        func flush(_ end: Int) {
            if pending < end { take(.bytes(pending..<end)) }
        }
        while index < count {
            switch state {
            case .lineStart:
                if bytes[index] == .dot {
                    flush(index)
                    index += 1
                    pending = index
                    state = .dot
                } else {
                    state = .text
                }
            case .dot:
                if bytes[index] == .carriageReturn {
                    // Neither octet is content, also where what was received ends between this CR and its LF.
                    index += 1
                    pending = index
                    state = .dotCarriageReturn
                } else {
                    // The dot was stuffing: what follows is the line.
                    pending = index
                    state = .text
                }
            case .dotCarriageReturn:
                if bytes[index] == .lineFeed { return .end(next: index + 1) }
                guard policy == .normalise else { return .bareNewline }
                // `.` CR and something else: a stuffed empty line that ends in a bare CR.
                take(.lineEnd)
                pending = index
                state = .text
            case .text:
                if carriageReturn < index {
                    carriageReturn = bytes.firstIndex(of: .carriageReturn, from: index) ?? count
                }
                if let lineFeed = bytes.extracting(index..<carriageReturn).firstIndex(of: .lineFeed) {
                    guard policy == .normalise else { return .bareNewline }
                    flush(index + lineFeed)
                    take(.lineEnd)
                    index += lineFeed + 1
                    pending = index
                } else if carriageReturn < count {
                    index = carriageReturn + 1
                    if index < count && bytes[index] == .lineFeed {
                        index += 1
                        state = .lineStart
                    } else {
                        // The CR is handed out only when it is known what it is.
                        flush(carriageReturn)
                        pending = index
                        state = .carriageReturn
                    }
                } else {
                    index = count
                }
            case .carriageReturn:
                take(.lineEnd)
                if bytes[index] == .lineFeed {
                    index += 1
                    pending = index
                    state = .lineStart
                } else {
                    guard policy == .normalise else { return .bareNewline }
                    pending = index
                    state = .text
                }
            }
        }
        flush(count)
        return .incomplete
    }
}

/// Finds a CR or LF that stands alone, in content that comes in chunks: RFC 3030 leaves line ends to BODY.
public struct BareNewlineFinder: Sendable {
    private var afterCarriageReturn = false

    public init() {}

    /// Whether there is one in these bytes; a CR at their end is judged with the next ones.
    public mutating func find(in bytes: Span<UInt8>) -> Bool {
        var index = 0
        if afterCarriageReturn && bytes.count > 0 {
            guard bytes[0] == .lineFeed else { return true }
            index = 1
            afterCarriageReturn = false
        }
        while index < bytes.count {
            let carriageReturn = bytes.firstIndex(of: .carriageReturn, from: index) ?? bytes.count
            if bytes.extracting(index..<carriageReturn).firstIndex(of: .lineFeed) != nil { return true }
            if carriageReturn == bytes.count { return false }
            if carriageReturn + 1 == bytes.count {
                afterCarriageReturn = true
                return false
            }
            guard bytes[carriageReturn + 1] == .lineFeed else { return true }
            index = carriageReturn + 2
        }
        return false
    }

    /// Whether the content ended in a bare CR.
    public var endsBare: Bool { afterCarriageReturn }
}
