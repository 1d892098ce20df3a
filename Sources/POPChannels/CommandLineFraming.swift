import MailBytes
import NIOCore

/// Finds lines in what has arrived, with a bound on their length. Not about POP3.
///
/// CR LF ends a line. A bare LF ends it too, but stays part of it, so that the session sees a control character and
/// refuses the line: never is it taken for a good line, and never does a client wait in vain for an answer.
struct CommandLineFraming {
    enum Frame: Equatable {
        /// A line: `length` octets from the reader index, then `terminator` octets that belong to it.
        case line(length: Int, terminator: Int)
        /// A line was longer than the limit; all of it has been thrown away.
        case tooLong
        /// More octets are needed. At most the limit and two octets are held by then.
        case incomplete
    }

    private var isDiscarding = false

    /// The next line of a buffer. The caller moves the reader index behind it.
    ///
    /// - Parameter limit: octets of a line without its CR LF.
    mutating func next(in buffer: inout ByteBuffer, limit: Int) -> Frame {
        if self.isDiscarding {
            guard let feed = Self.lineFeed(in: buffer, within: buffer.readableBytes) else {
                buffer.clear()
                return .incomplete
            }
            buffer.moveReaderIndex(forwardBy: feed + 1)
            self.isDiscarding = false
            return .tooLong
        }
        guard let feed = Self.lineFeed(in: buffer, within: limit + 2) else {
            guard buffer.readableBytes >= limit + 2 else { return .incomplete }
            self.isDiscarding = true
            return self.next(in: &buffer, limit: limit)
        }
        let hasCR = feed > 0 && buffer.readableBytesUInt8Span[feed - 1] == 0x0D
        let length = hasCR ? feed - 1 : feed + 1
        guard length <= limit else {
            buffer.moveReaderIndex(forwardBy: feed + 1)
            return .tooLong
        }
        return .line(length: length, terminator: hasCR ? 2 : 0)
    }

    /// What was begun is forgotten: after the upgrade to TLS.
    mutating func reset() { self.isDiscarding = false }

    private static func lineFeed(in buffer: ByteBuffer, within limit: Int) -> Int? {
        let octets = buffer.readableBytesUInt8Span
        return octets.extracting(first: min(limit, octets.count)).firstIndex(of: 0x0A, from: 0)
    }
}
