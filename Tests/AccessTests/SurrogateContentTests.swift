import NIOCore
import POPChannels
import Synchronization
import Testing

@testable import Access

@Suite("Messages for clients without UTF-8, RFC 6858") struct SurrogateContentTests {
    private static let body = "\r\nGrüße, in the body as it was\r\n"
    private static let surrogate = "Subject: =?utf-8?B?R3LDvMOfZQ==?=\r\n" + body

    private static func text(_ content: POPMessageContent) async throws -> String {
        switch content {
        case .whole(let buffer): return String(buffer: buffer)
        case .chunks(let next):
            var whole = ByteBuffer()
            while var chunk = try await next() { whole.writeBuffer(&chunk) }
            return String(buffer: whole)
        }
    }

    /// The octets in chunks of a size.
    private static func chunks(_ text: String, of size: Int) -> POPMessageContent {
        let source = ChunkSource(text)
        return .chunks { source.next(size) }
    }

    private final class ChunkSource: Sendable {
        private let rest: Mutex<ByteBuffer>

        init(_ text: String) { rest = Mutex(ByteBuffer(string: text)) }

        func next(_ size: Int) -> ByteBuffer? {
            rest.withLock { $0.readableBytes == 0 ? nil : $0.readSlice(length: min(size, $0.readableBytes)) }
        }
    }

    @Test func `a small message has its header in ASCII and its body as it was`() async throws {
        let message = POPMessageContent.whole(ByteBuffer(string: "Subject: Grüße\r\n" + Self.body))
        #expect(try await Self.text(SurrogateContent.of(message)) == Self.surrogate)
    }

    @Test(arguments: [1, 2, 3, 7, 17, 18, 19, 1000])
    func `a large one too, wherever its chunks are cut`(size: Int) async throws {
        let message = Self.chunks("Subject: Grüße\r\n" + Self.body, of: size)
        #expect(try await Self.text(SurrogateContent.of(message)) == Self.surrogate)
    }

    @Test func `octets that are not UTF-8 are sent as they are`() async throws {
        let octets = Array("Subject: caf".utf8) + [0xE9] + Array("\r\n\r\nx\r\n".utf8)
        guard case .whole(let buffer) = SurrogateContent.of(.whole(ByteBuffer(bytes: octets))) else {
            Issue.record("in chunks")
            return
        }
        #expect(Array(buffer.readableBytesView) == octets)
    }

    @Test func `a header without end is sent, and nothing of it twice`() async throws {
        let text = "Subject: é\r\n" + String(repeating: "X-Line: y\r\n", count: 50_000)
        let sent = try await Self.text(SurrogateContent.of(Self.chunks(text, of: 16 << 10)))
        #expect(sent == "Subject: =?utf-8?B?w6k=?=\r\n" + text.dropFirst("Subject: é\r\n".count))
    }
}
