import NIOCore
import NIOEmbedded
import POPChannels
import POPProtocol
import Synchronization
import Testing

/// A channel with a POP3 handler, driven by hand. Tasks run elsewhere, so answers are waited for.
struct Connection {
    let channel: NIOAsyncTestingChannel
    let authority: TestAuthority

    static func open(
        _ authority: TestAuthority = TestAuthority(),
        configuration: POPServerConfiguration = POPServerConfiguration(hostName: "h", plaintextPasswords: .always),
        timeouts: POPTimeouts = POPTimeouts()
    ) async throws -> Connection {
        let channel = NIOAsyncTestingChannel()
        try await channel.testingEventLoop.submit {
            let settings = POPServerHandler.Settings(configuration: configuration, timeouts: timeouts)
            try channel.pipeline.syncOperations.addHandler(
                POPServerHandler(settings: settings, authority: authority, isImplicitTLS: false)
            )
        }.get()
        try await channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 110))
        let connection = Connection(channel: channel, authority: authority)
        #expect(try await connection.line() == "+OK h POP3 server ready\r\n")
        return connection
    }

    func send(_ text: String) async throws {
        try await self.channel.writeInbound(ByteBuffer(string: text))
    }

    /// The next buffer that was written, as text.
    func line() async throws -> String {
        String(buffer: try await self.channel.waitForOutboundWrite(as: ByteBuffer.self))
    }

    /// Everything that is written until the text so far ends in `end`.
    func receive(until end: String) async throws -> String {
        var text = ""
        while !text.hasSuffix(end) { text += try await self.line() }
        return text
    }

    func finish() async throws {
        _ = try await self.channel.finish(acceptAlreadyClosed: true)
    }
}

@Suite("POP3 on a channel", .timeLimit(.minutes(15))) struct POPServerHandlerTests {
    static let script =
        "USER alice\r\nPASS secret\r\nSTAT\r\nLIST\r\nRETR 1\r\nTOP 2 0\r\nUIDL 2\r\nDELE 1\r\nNOOP\r\nQUIT\r\n"
    static let wire = """
        +OK send the password\r
        +OK maildrop has 2 messages (38 octets)\r
        +OK 2 38\r
        +OK listing follows\r
        1 22\r
        2 16\r
        .\r
        +OK message follows\r
        Subject: one\r
        \r
        ..dot\r
        .\r
        +OK message follows\r
        Subject: two\r
        \r
        .\r
        +OK 2 u1\r
        +OK message deleted\r
        +OK\r
        +OK goodbye\r

        """

    @Test(arguments: [1, 2, 3, 7, 64, 1000])
    func `a whole session, pipelined and cut into pieces of any size`(size: Int) async throws {
        let connection = try await Connection.open()
        var rest = Self.script[...]
        while !rest.isEmpty {
            try await connection.send(String(rest.prefix(size)))
            rest = rest.dropFirst(size)
        }
        #expect(try await connection.receive(until: "+OK goodbye\r\n") == Self.wire)
        try await connection.channel.closeFuture.get()
        connection.authority.state.withLock {
            #expect($0.removed == [0])
            #expect($0.released == 1)
            #expect(!$0.isLocked)
        }
    }

    @Test func `a lost connection releases the maildrop and removes nothing`() async throws {
        let connection = try await Connection.open()
        try await connection.send("USER alice\r\nPASS secret\r\nDELE 1\r\n")
        _ = try await connection.receive(until: "deleted\r\n")
        try await connection.finish()
        connection.authority.state.withLock {
            #expect($0.removed == [])
            #expect($0.released == 1)
        }
    }

    @Test func `a bare LF ends no command`() async throws {
        let connection = try await Connection.open()
        try await connection.send("USER alice\nPASS secret\r\n")
        #expect(try await connection.line() == "-ERR syntax error\r\n")
        #expect(try await connection.line() == "-ERR command not valid in this state\r\n")
        #expect(connection.authority.state.withLock { $0.logins } == 0)
        try await connection.finish()
    }

    @Test(arguments: [254, 255, 256, 300, 5000, 100_000])
    func `a line that is too long is thrown away and answered once`(count: Int) async throws {
        let connection = try await Connection.open()
        let line = String(repeating: "x", count: count) + "\r\nUSER alice\r\n"
        var rest = line[...]
        while !rest.isEmpty {
            try await connection.send(String(rest.prefix(4096)))
            rest = rest.dropFirst(4096)
        }
        #expect(try await connection.line() == "-ERR line too long\r\n")
        #expect(try await connection.line() == "+OK send the password\r\n")
        try await connection.finish()
    }

    @Test func `a failed log-in is answered after its delay, and no line before`() async throws {
        let connection = try await Connection.open()
        try await connection.send("USER alice\r\nPASS wrong\r\nCAPA\r\n")
        #expect(try await connection.line() == "+OK send the password\r\n")
        while connection.authority.state.withLock({ $0.logins }) == 0 { await Task.yield() }
        let loop = connection.channel.testingEventLoop
        // The answer of the task has come to the loop when a delay has been set there.
        var answer: ByteBuffer?
        var seconds: Int64 = 0
        while answer == nil, seconds < 1_000_000 {
            await loop.advanceTime(by: .milliseconds(100))
            seconds += 1
            answer = try await connection.channel.readOutbound(as: ByteBuffer.self)
            await Task.yield()
        }
        #expect(answer.map { String(buffer: $0) } == "-ERR [AUTH] wrong name or password\r\n")
        #expect(seconds >= 20)
        #expect(try await connection.line().hasPrefix("+OK capability list"))
        try await connection.finish()
    }

    @Test func `ten minutes without an octet end the session, removing nothing`() async throws {
        let connection = try await Connection.open()
        try await connection.send("USER alice\r\nPASS secret\r\nDELE 1\r\n")
        _ = try await connection.receive(until: "deleted\r\n")
        let loop = connection.channel.testingEventLoop
        await loop.advanceTime(by: .minutes(9))
        try await connection.send("NOOP\r\n")
        #expect(try await connection.line() == "+OK\r\n")
        await loop.advanceTime(by: .minutes(9))
        #expect(connection.channel.isActive)
        await loop.advanceTime(by: .minutes(1))
        try await connection.channel.closeFuture.get()
        #expect(try await connection.channel.readOutbound(as: ByteBuffer.self) == nil)
        connection.authority.state.withLock {
            #expect($0.removed == [])
            #expect($0.released == 1)
        }
    }

    @Test func `who does not log in has five minutes, however busy`() async throws {
        let connection = try await Connection.open()
        for _ in 0..<4 {
            await connection.channel.testingEventLoop.advanceTime(by: .minutes(1))
            try await connection.send("CAPA\r\n")
            _ = try await connection.line()
        }
        await connection.channel.testingEventLoop.advanceTime(by: .minutes(1))
        try await connection.channel.closeFuture.get()
    }

    @Test func `a large message goes chunk after chunk, cut anywhere, octet for octet`() async throws {
        let body = (0..<20_000).map { ".line \($0)\r\n" }.joined()
        let authority = TestAuthority(["Subject: large\r\n\r\n" + body], isChunked: true)
        let connection = try await Connection.open(authority)
        try await connection.send("USER alice\r\nPASS secret\r\nRETR 1\r\nTOP 1 2\r\nQUIT\r\n")
        let text = try await connection.receive(until: "+OK goodbye\r\n")
        let stuffed = (0..<20_000).map { "..line \($0)\r\n" }.joined()
        let cut = "Subject: large\r\n\r\n..line 0\r\n..line 1\r\n.\r\n"
        #expect(
            text.hasSuffix(
                "+OK message follows\r\nSubject: large\r\n\r\n\(stuffed).\r\n+OK message follows\r\n\(cut)+OK goodbye\r\n"
            )
        )
        // TOP asked for one chunk only.
        #expect(authority.state.withLock { $0.chunks } == (18 + body.utf8.count + 16_383) / 16_384 + 2)
    }

    @Test func `a message that breaks off ends the connection without its termination`() async throws {
        let authority = TestAuthority([String(repeating: "x\r\n", count: 20_000)], isChunked: true)
        authority.state.withLock { $0.failAtChunk = 2 }
        let connection = try await Connection.open(authority)
        try await connection.send("USER alice\r\nPASS secret\r\nRETR 1\r\n")
        try await connection.channel.closeFuture.get()
        var text = ""
        while let buffer = try await connection.channel.readOutbound(as: ByteBuffer.self) {
            text += String(buffer: buffer)
        }
        #expect(!text.hasSuffix(".\r\n"))
        #expect(authority.state.withLock { $0.released } == 1)
    }

    @Test func `while the server stops, an idle session is closed at once and a message is finished`() async throws {
        let idle = try await Connection.open()
        idle.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        try await idle.channel.closeFuture.get()

        let body = (0..<20_000).map { "line \($0)\r\n" }.joined()
        let busy = try await Connection.open(TestAuthority([body], isChunked: true))
        try await busy.send("USER alice\r\nPASS secret\r\n")
        _ = try await busy.receive(until: "octets)\r\n")
        try await busy.send("RETR 1\r\nDELE 1\r\nQUIT\r\n")
        busy.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        try await busy.channel.closeFuture.get()
        var text = ""
        while let buffer = try await busy.channel.readOutbound(as: ByteBuffer.self) { text += String(buffer: buffer) }
        #expect(text == "+OK message follows\r\n\(body).\r\n")
        #expect(busy.authority.state.withLock { $0.removed } == [])
    }

    @Test func `a client that closes its side gets the answers to what it has sent`() async throws {
        let connection = try await Connection.open()
        try await connection.send(Self.script)
        connection.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(try await connection.receive(until: "+OK goodbye\r\n") == Self.wire)
        try await connection.channel.closeFuture.get()
        #expect(connection.authority.state.withLock { $0.removed } == [0])
    }

    @Test func `half a command and the end of the input is the end`() async throws {
        let connection = try await Connection.open()
        try await connection.send("USER ali")
        connection.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        try await connection.channel.closeFuture.get()
    }
}
