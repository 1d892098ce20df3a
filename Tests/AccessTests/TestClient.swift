import NIOCore
import NIOPosix
import NIOSSL

/// A client that says what it is told and gives back what it hears.
final class TestClient {
    let channel: any Channel
    private var heard: AsyncThrowingStream<ByteBuffer, any Error>.Iterator
    private var text = ""

    private init(_ channel: any Channel, _ heard: AsyncThrowingStream<ByteBuffer, any Error>) {
        self.channel = channel
        self.heard = heard.makeAsyncIterator()
    }

    static func connect(to address: SocketAddress, implicitTLS: Bool = false) async throws -> TestClient {
        let (stream, continuation) = AsyncThrowingStream<ByteBuffer, any Error>.makeStream()
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connectTimeout(.minutes(4))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if implicitTLS { try Self.addTLS(channel) }
                    try channel.pipeline.syncOperations.addHandler(Ear(continuation))
                }
            }
            .connect(to: address).get()
        return TestClient(channel, stream)
    }

    private static func addTLS(_ channel: any Channel) throws {
        let handler = try NIOSSLClientHandler(context: TestIdentity.clientContext(), serverHostname: "localhost")
        try channel.pipeline.syncOperations.addHandler(handler, position: .first)
    }

    func startTLS() async throws {
        let channel = self.channel
        try await channel.eventLoop.submit { try Self.addTLS(channel) }.get()
    }

    func send(_ text: String) async throws {
        try await self.channel.writeAndFlush(ByteBuffer(string: text))
    }

    /// The next line, its CR LF included; an empty text when the connection has ended.
    func line() async throws -> String {
        while true {
            if let end = self.text.firstIndex(of: "\r\n") {
                let line = String(self.text[...end])
                self.text.removeSubrange(...end)
                return line
            }
            guard let buffer = try await self.heard.next(isolation: #isolation) else { return "" }
            self.text += String(buffer: buffer)
        }
    }

    /// Lines up to and with one that is a dot alone.
    func listing() async throws -> [String] {
        var lines: [String] = []
        while lines.last != ".\r\n" {
            let line = try await self.line()
            guard !line.isEmpty else { break }
            lines.append(line)
        }
        return lines
    }

    /// Says a line and gives the first line of the answer.
    func ask(_ line: String) async throws -> String {
        try await self.send(line + "\r\n")
        return try await self.line()
    }

    func close() async throws { try await self.channel.close() }
}

private final class Ear: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let continuation: AsyncThrowingStream<ByteBuffer, any Error>.Continuation

    init(_ continuation: AsyncThrowingStream<ByteBuffer, any Error>.Continuation) { self.continuation = continuation }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.continuation.yield(self.unwrapInboundIn(data))
    }

    func channelInactive(context: ChannelHandlerContext) { self.continuation.finish() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.continuation.finish(throwing: error)
        context.close(promise: nil)
    }
}
