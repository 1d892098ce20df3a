import Access
import ChannelSupport
import MailEvents
import NIOCore
import NIOPosix
import Testing

@Suite("The POP3 service on sockets", .timeLimit(.minutes(15))) struct POPServerTests {
    private static func logIn(_ client: TestClient, _ name: String = "alice") async throws -> String {
        _ = try await client.ask("USER \(name)")
        return try await client.ask("PASS secret")
    }

    @Test func `a session reads and removes`() async throws {
        let maildrops = TestMaildrops()
        let service = try await TestService.start(maildrops)
        let client = try await TestClient.connect(to: service.plain)
        #expect(try await client.line() == "+OK pop.example.test POP3 server ready\r\n")
        #expect(try await Self.logIn(client) == "+OK maildrop has 1 message (22 octets)\r\n")
        try await client.send("RETR 1\r\n")
        #expect(
            try await client.listing() == ["+OK message follows\r\n", "Subject: one\r\n", "\r\n", "..dot\r\n", ".\r\n"]
        )
        #expect(try await client.ask("DELE 1").hasPrefix("+OK"))
        #expect(try await client.ask("QUIT").hasPrefix("+OK"))
        #expect(try await client.line() == "")
        #expect(maildrops.removed.withLock { $0 } == [0])
        await service.stop()
    }

    @Test func `after STLS nothing that came before the handshake counts, RFC 2595 section 4`() async throws {
        let service = try await TestService.start(allowsPlaintext: false)
        let client = try await service.connect()
        #expect(try await client.ask("USER alice").hasPrefix("-ERR"))
        // An attacker's commands behind STLS, in the same segment.
        #expect(try await client.ask("STLS\r\nCAPA\r\nNOOP") == "+OK begin TLS negotiation\r\n")
        try await client.startTLS()
        try await client.send("CAPA\r\n")
        let capabilities = try await client.listing()
        #expect(capabilities.first == "+OK capability list follows\r\n")
        #expect(capabilities.contains("SASL PLAIN LOGIN\r\n"))
        #expect(!capabilities.contains("STLS\r\n"))
        #expect(try await Self.logIn(client).hasPrefix("+OK maildrop"))
        #expect(try await client.ask("NOOP") == "+OK\r\n")
        try await client.close()
        await service.stop()
        #expect(service.recorder.entries.map { $0.event[.transmission] } == ["POP3S"])
    }

    @Test func `implicit TLS greets after the handshake`() async throws {
        let service = try await TestService.start(allowsPlaintext: false)
        let client = try await TestClient.connect(to: service.encrypted, implicitTLS: true)
        #expect(try await client.line().hasPrefix("+OK"))
        #expect(try await Self.logIn(client).hasPrefix("+OK maildrop"))
        #expect(try await client.ask("STLS").hasPrefix("-ERR"))
        #expect(try await client.ask("QUIT").hasPrefix("+OK"))
        await service.stop()
    }

    @Test func `who speaks no TLS where it is implicit is closed`() async throws {
        let service = try await TestService.start()
        let client = try await TestClient.connect(to: service.encrypted)
        try await client.send("USER alice\r\nPASS secret\r\n")
        try await client.channel.closeFuture.get()
        #expect(service.recorder.entries.isEmpty)
        await service.stop()
    }

    @Test func `a maildrop has one session at a time`() async throws {
        let service = try await TestService.start()
        let first = try await service.connect()
        let second = try await service.connect()
        #expect(try await Self.logIn(first).hasPrefix("+OK"))
        #expect(try await Self.logIn(second).hasPrefix("-ERR [IN-USE]"))
        #expect(try await first.ask("QUIT").hasPrefix("+OK"))
        #expect(try await Self.logIn(second).hasPrefix("+OK"))
        await service.stop()
    }

    @Test func `a connection that is lost gives the maildrop back`() async throws {
        let service = try await TestService.start()
        let first = try await service.connect()
        #expect(try await Self.logIn(first).hasPrefix("+OK"))
        try await first.close()
        let second = try await service.connect()
        var answer = try await Self.logIn(second)
        while answer.hasPrefix("-ERR [IN-USE]") { answer = try await Self.logIn(second) }
        #expect(answer.hasPrefix("+OK"))
        await service.stop()
    }

    @Test(arguments: [
        ("alice", "wrong", "-ERR [AUTH]", "wrong name or password"),
        ("nobody", "secret", "-ERR [AUTH]", "wrong name or password"),
        ("bob", "secret", "-ERR [AUTH]", "wrong name or password"),
        ("broken", "secret", "-ERR [SYS/TEMP]", "the directory cannot be read now"),
    ])
    func `a failed log-in is answered and traced`(
        name: String,
        password: String,
        prefix: String,
        reason: String
    ) async throws {
        let service = try await TestService.start()
        let client = try await service.connect()
        _ = try await client.ask("USER \(name)")
        #expect(try await client.ask("PASS \(password)").hasPrefix(prefix))
        let entry = try #require(service.recorder.entries.first)
        #expect(entry.event.kind == .authenticationFailed)
        #expect(entry.event[.account] == name)
        #expect(entry.event[.peer] == "127.0.0.1")
        #expect(entry.event[.reason] == reason)
        #expect(!entry.event.sentence.contains("secret"))
        await service.stop()
    }

    @Test func `a maildrop that cannot be opened is our trouble, and is not left locked`() async throws {
        let service = try await TestService.start()
        let client = try await service.connect()
        for _ in 0..<2 { #expect(try await Self.logIn(client, "carol").hasPrefix("-ERR [SYS/TEMP]")) }
        await service.stop()
    }

    @Test func `nobody acts as another`() async throws {
        let service = try await TestService.start()
        let client = try await service.connect()
        // bob NUL alice NUL secret
        #expect(try await client.ask("AUTH PLAIN Ym9iAGFsaWNlAHNlY3JldA==").hasPrefix("-ERR [AUTH]"))
        // alice NUL alice NUL secret
        #expect(try await client.ask("AUTH PLAIN YWxpY2UAYWxpY2UAc2VjcmV0").hasPrefix("+OK"))
        await service.stop()
    }

    @Test func `a log-in too soon after the last is refused, RFC 2449 section 8_1_1`() async throws {
        let service = try await TestService.start(loginDelay: .seconds(60))
        let first = try await service.connect()
        #expect(try await Self.logIn(first).hasPrefix("+OK"))
        #expect(try await first.ask("QUIT").hasPrefix("+OK"))
        let second = try await service.connect()
        #expect(try await Self.logIn(second).hasPrefix("-ERR [LOGIN-DELAY]"))
        await service.stop()
    }

    @Test func `a connection beyond the limit of its address is told so, and has room when another went`() async throws
    {
        let service = try await TestService.start(limits: .init(connections: 10, perAddress: 2))
        let first = try await service.connect()
        let second = try await service.connect()
        let third = try await TestClient.connect(to: service.plain)
        #expect(try await third.line().hasPrefix("-ERR [SYS/TEMP]"))
        #expect(try await third.line() == "")
        #expect(try await first.ask("QUIT").hasPrefix("+OK"))
        #expect(try await first.line() == "")
        while service.server.connections == 2 { await Task.yield() }
        let fourth = try await TestClient.connect(to: service.plain)
        #expect(try await fourth.line().hasPrefix("+OK"))
        _ = second
        await service.stop()
    }

    @Test func `a stop ends idle sessions at once and cuts what does not end`() async throws {
        let service = try await TestService.start(TestMaildrops(isEndless: true))
        let idle = try await service.connect()
        let busy = try await service.connect()
        #expect(try await Self.logIn(busy).hasPrefix("+OK"))
        #expect(try await busy.ask("RETR 1").hasPrefix("+OK"))
        await service.server.stop(within: .milliseconds(200))
        #expect(service.server.connections == 0)
        #expect(try await idle.line() == "")
        await #expect(throws: (any Error).self) { try await TestClient.connect(to: service.plain) }
    }

    @Test func `a stop does not wait for the farewell of a TLS client that does not read`() async throws {
        let service = try await TestService.start(TestMaildrops(isEndless: true))
        let busy = try await TestClient.connect(to: service.encrypted, implicitTLS: true)
        _ = try await busy.line()
        #expect(try await Self.logIn(busy).hasPrefix("+OK"))
        try await busy.channel.setOption(.autoRead, value: false).get()
        try await busy.send("RETR 1\r\n")
        await service.server.stop(within: .milliseconds(200))
        #expect(service.server.connections == 0)
    }

    @Test func `a client that closes its side gets the answers to what it has sent, and then the end`() async throws {
        let service = try await TestService.start()
        let client = try await service.connect()
        try await client.send("USER alice\r\nPASS secret\r\nDELE 1\r\nSTAT\r\n")
        try await client.channel.close(mode: .output)
        var lines: [String] = []
        while let line = Optional(try await client.line()), !line.isEmpty { lines.append(line) }
        #expect(lines.count == 4)
        #expect(lines.last == "+OK 0 0\r\n")
        await service.stop()
    }

    @Test func `an address that is taken is named`() async throws {
        let service = try await TestService.start()
        let options = POPServerOptions(
            listeners: [.init(.address("127.0.0.1", port: service.plain.port ?? 0), security: .upgrade)],
            session: .init(hostName: "h")
        )
        let other = POPServer(
            options: options,
            authority: NobodyAuthority(),
            endpoint: { nil },
            group: .singletonMultiThreadedEventLoopGroup,
            logger: .init(label: "test")
        )
        let error = await #expect(throws: ListeningError.self) { try await other.start() }
        #expect(error?.description.contains("127.0.0.1 port \(service.plain.port ?? 0)") == true)
        await service.stop()
    }
}
