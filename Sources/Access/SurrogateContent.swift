import InternetMessage
import NIOCore
import POPChannels
import Synchronization

/// A message with a header of ASCII alone, for a client outside of UTF-8 mode: RFC 6856 section 2.1, RFC 6858.
enum SurrogateContent {
    /// Octets in which the header's end is looked for; what lies behind them is sent as it is.
    private static let headerLimit = 256 << 10

    static func of(_ content: POPMessageContent) -> POPMessageContent {
        switch content {
        case .whole(let buffer): return .whole(surrogate(buffer))
        case .chunks(let next):
            let chunks = Chunks(next)
            return .chunks { try await chunks.next() }
        }
    }

    /// Chunks of which the first ones are held back until the header is whole.
    private final class Chunks: Sendable {
        private let isBegun = Atomic(false)
        private let source: @Sendable () async throws -> ByteBuffer?

        init(_ source: @escaping @Sendable () async throws -> ByteBuffer?) { self.source = source }

        func next() async throws -> ByteBuffer? {
            guard !isBegun.exchange(true, ordering: .relaxed) else { return try await source() }
            var beginning = ByteBuffer()
            while var chunk = try await source() {
                beginning.writeBuffer(&chunk)
                // A line behind the fields, and not the beginning of one that may become a field.
                let isWhole = beginning.readableBytesView.dropFirst(fieldsEnd(beginning)).contains(0x0A)
                if isWhole || beginning.readableBytes >= headerLimit { break }
            }
            return beginning.readableBytes == 0 ? nil : surrogate(beginning)
        }
    }

    private static func surrogate(_ message: ByteBuffer) -> ByteBuffer {
        let end = fieldsEnd(message)
        guard let header = SurrogateHeader.make(message.readableBytesUInt8Span.extracting(..<end)) else {
            return message
        }
        var surrogate = ByteBuffer()
        surrogate.reserveCapacity(header.count + message.readableBytes - end)
        surrogate.writeBytes(header)
        surrogate.writeBytes(message.readableBytesView.dropFirst(end))
        return surrogate
    }

    /// Where the fields end, the empty line not counted.
    private static func fieldsEnd(_ message: ByteBuffer) -> Int {
        var scanner = HeaderScanner()
        while scanner.next(message.readableBytesUInt8Span) != nil {}
        return scanner.end
    }
}
