import NIOCore
import NIOEmbedded
import POPChannels
import POPProtocol
import SASL
import Testing

/// Stands before the POP3 handler and counts what it asks the socket for.
private final class ReadCounter: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    var reads = 0

    func read(context: ChannelHandlerContext) { self.reads += 1 }
}

/// Cannot tell, and says so when it is told to.
private final class HesitantAuthority: POPAuthority {
    private let (told, teller) = AsyncStream<Void>.makeStream()

    func answer() { teller.finish() }

    func logIn(_ credentials: SASLCredentials, from connection: POPConnection) async -> POPLogin {
        for await _ in told {}
        return .refused(.unavailable)
    }
}

@Suite("Back-pressure of POP3 connections", .timeLimit(.minutes(15))) struct BackPressureTests {
    private static func open() throws -> (EmbeddedChannel, ReadCounter) {
        let counter = ReadCounter()
        let settings = POPServerHandler.Settings(
            configuration: POPServerConfiguration(hostName: "h", plaintextPasswords: .always)
        )
        let handler = POPServerHandler(settings: settings, authority: TestAuthority(), isImplicitTLS: false)
        let channel = EmbeddedChannel(handlers: [counter, handler])
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 110)).wait()
        _ = try channel.readOutbound(as: ByteBuffer.self)
        counter.reads = 0
        return (channel, counter)
    }

    private static func answers(_ channel: EmbeddedChannel) throws -> Int {
        var count = 0
        while try channel.readOutbound(as: ByteBuffer.self) != nil { count += 1 }
        return count
    }

    @Test func `while the peer does not read, nothing is done and nothing is read`() throws {
        let (channel, counter) = try Self.open()
        channel.isWritable = false
        try channel.writeInbound(ByteBuffer(string: String(repeating: "USER a\r\n", count: 100)))
        channel.read()
        #expect(try Self.answers(channel) == 0)
        #expect(counter.reads == 0)
        channel.isWritable = true
        channel.pipeline.fireChannelWritabilityChanged()
        #expect(try Self.answers(channel) == 100)
        #expect(counter.reads == 1)
        _ = try channel.finish(acceptAlreadyClosed: true)
    }

    @Test func `while a command is in flight, nothing is read`() async throws {
        let authority = HesitantAuthority()
        let channel = NIOAsyncTestingChannel()
        let loop = channel.testingEventLoop
        let counter = try await loop.submit {
            let counter = ReadCounter()
            let handler = POPServerHandler(
                settings: POPServerHandler.Settings(
                    configuration: POPServerConfiguration(hostName: "h", plaintextPasswords: .always)
                ),
                authority: authority,
                isImplicitTLS: false
            )
            try channel.pipeline.syncOperations.addHandlers([counter, handler])
            return NIOLoopBound(counter, eventLoop: loop)
        }.get()
        try await channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 110))
        _ = try await channel.waitForOutboundWrite(as: ByteBuffer.self)
        let before = try await loop.submit { counter.value.reads }.get()
        try await channel.writeInbound(ByteBuffer(string: "USER alice\r\nPASS secret\r\nNOOP\r\n"))
        try await loop.submit { channel.read() }.get()
        #expect(try await loop.submit { counter.value.reads }.get() == before)
        #expect(try await channel.readOutbound(as: ByteBuffer.self) != nil)
        #expect(try await channel.readOutbound(as: ByteBuffer.self) == nil)
        authority.answer()
        var answers = ""
        while answers.count(where: \.isNewline) < 2 {
            answers += String(buffer: try await channel.waitForOutboundWrite(as: ByteBuffer.self))
        }
        #expect(answers.split(separator: "\r\n").allSatisfy { $0.hasPrefix("-ERR") })
        #expect(try await loop.submit { counter.value.reads }.get() > before)
        _ = try await channel.finish(acceptAlreadyClosed: true)
    }

    @Test func `a line in pieces is asked for piece by piece`() throws {
        let (channel, counter) = try Self.open()
        for octet in "CAPA\r".utf8 {
            try channel.writeInbound(ByteBuffer(bytes: [octet]))
            channel.read()
        }
        #expect(counter.reads == 5)
        #expect(try Self.answers(channel) == 0)
        try channel.writeInbound(ByteBuffer(string: "\n"))
        #expect(try Self.answers(channel) == 1)
        _ = try channel.finish(acceptAlreadyClosed: true)
    }

    @Test func `a listing stops where the peer does, and goes on with it`() async throws {
        let messages = (0..<20_000).map { "Subject: \($0)\r\n\r\n" }
        let connection = try await Connection.open(TestAuthority(messages))
        try await connection.send("USER alice\r\nPASS secret\r\n")
        _ = try await connection.receive(until: "octets)\r\n")
        let channel = connection.channel
        try await channel.testingEventLoop.submit { channel.isWritable = false }.get()
        try await connection.send("LIST\r\n")
        // Held before it is even begun: the command waits with its listing.
        #expect(try await channel.readOutbound(as: ByteBuffer.self) == nil)
        try await channel.testingEventLoop.submit {
            channel.isWritable = true
            channel.pipeline.fireChannelWritabilityChanged()
        }.get()
        let listing = try await connection.receive(until: "\r\n.\r\n")
        #expect(listing.split(separator: "\r\n").count == 20_002)
        try await connection.finish()
    }
}
