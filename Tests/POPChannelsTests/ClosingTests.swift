import NIOCore
import NIOEmbedded
import POPChannels
import POPProtocol
import Testing

/// Stands between the POP3 handler and a peer that takes nothing for now: as a socket's channel does, it keeps what is
/// written, and throws it away when it is closed.
private final class FullSocket: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var kept: [(ByteBuffer, EventLoopPromise<Void>?)] = []
    private(set) var lost = 0

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        self.kept.append((self.unwrapOutboundIn(data), promise))
    }

    func flush(context: ChannelHandlerContext) {}

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        for (buffer, promise) in self.kept {
            self.lost += buffer.readableBytes
            promise?.fail(ChannelError.ioOnClosedChannel)
        }
        self.kept = []
        context.close(mode: mode, promise: promise)
    }

    /// The peer takes everything.
    func drain(_ context: ChannelHandlerContext) {
        let taken = self.kept
        self.kept = []
        for (buffer, promise) in taken { context.write(self.wrapOutboundOut(buffer), promise: promise) }
        context.flush()
    }
}

@Suite("The end of a POP3 connection that the peer reads slowly", .timeLimit(.minutes(15))) struct ClosingTests {
    private static func open() throws -> (EmbeddedChannel, FullSocket) {
        let socket = FullSocket()
        let settings = POPServerHandler.Settings(
            configuration: POPServerConfiguration(hostName: "h", plaintextPasswords: .always)
        )
        let handler = POPServerHandler(settings: settings, authority: TestAuthority(), isImplicitTLS: false)
        let channel = EmbeddedChannel(handlers: [socket, handler])
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 110)).wait()
        try channel.writeInbound(ByteBuffer(string: "USER a\r\nNOOP\r\n"))
        return (channel, socket)
    }

    private static func text(_ channel: EmbeddedChannel) throws -> String {
        var text = ""
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) { text += String(buffer: buffer) }
        return text
    }

    private static func expectAllBeforeTheEnd(_ channel: EmbeddedChannel, _ socket: FullSocket) throws {
        #expect(channel.isActive)
        try socket.drain(channel.pipeline.syncOperations.context(handlerType: FullSocket.self))
        channel.embeddedEventLoop.run()
        #expect(socket.lost == 0)
        #expect(
            try Self.text(channel)
                == "+OK h POP3 server ready\r\n+OK send the password\r\n-ERR command not valid in this state\r\n"
        )
        #expect(!channel.isActive)
    }

    @Test func `a client that closed its side gets all answers before the connection ends`() throws {
        let (channel, socket) = try Self.open()
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        try Self.expectAllBeforeTheEnd(channel, socket)
    }

    @Test func `a stop of the server cuts off no answer`() throws {
        let (channel, socket) = try Self.open()
        channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        try Self.expectAllBeforeTheEnd(channel, socket)
    }

    @Test func `a peer that takes nothing is waited for until the inactivity timer fires`() throws {
        let (channel, socket) = try Self.open()
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        channel.embeddedEventLoop.advanceTime(by: .minutes(4))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .minutes(6))
        #expect(!channel.isActive)
        #expect(socket.lost > 0)
    }

    @Test func `a lost connection is closed at once`() throws {
        let (channel, _) = try Self.open()
        channel.pipeline.fireErrorCaught(ChannelError.ioOnClosedChannel)
        #expect(!channel.isActive)
    }
}
