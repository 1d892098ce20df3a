import MailBytes
import MailNames
import NIOCore
import NIOEmbedded
import NIOSSL
import SASL
import SMTPProtocol
import Testing

@testable import SMTPChannels

/// A channel with an SMTP client's handler, driven by hand.
private final class ClientConnection {
    /// What came of a promise, once it did.
    final class Box<Value: Sendable> {
        var result: Result<Value, any Error>?
    }

    let channel = EmbeddedChannel()
    let handler: SMTPClientHandler
    let ready = Box<Void>()
    let finished = Box<SMTPTransactionResult>()

    init(
        tls: SMTPClientSession.TLSPolicy = .off,
        credentials: PasswordCredentials? = nil,
        makeTLS: (@Sendable () throws -> NIOSSLClientHandler)? = nil
    ) throws {
        let promise = channel.embeddedEventLoop.makePromise(of: Void.self)
        handler = SMTPClientHandler(
            configuration: .init(hostName: "me.example", tls: tls, credentials: credentials),
            timeouts: SMTPTimeouts(),
            tls: makeTLS,
            ready: promise
        )
        let box = NIOLoopBound(ready, eventLoop: channel.embeddedEventLoop)
        promise.futureResult.whenComplete { box.value.result = $0 }
        try channel.pipeline.syncOperations.addHandler(handler)
        try channel.connect(to: SocketAddress(ipAddress: "192.0.2.1", port: 25)).wait()
    }

    deinit {
        channel.close(promise: nil)
        channel.embeddedEventLoop.advanceTime(by: .seconds(60))
    }

    var isReady: Bool { if case .success = ready.result { true } else { false } }

    var failure: SMTPClientFailure? {
        if case .failure(let error) = ready.result { error as? SMTPClientFailure } else { nil }
    }

    var outcomes: [SMTPRecipientOutcome]? { try? finished.result?.get().outcomes }

    func receive(_ bytes: some Sequence<UInt8>) throws {
        guard channel.isActive else { return }
        try channel.writeInbound(ByteBuffer(bytes: bytes))
    }

    func heard() throws -> String {
        var text = ""
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) { text += String(buffer: buffer) }
        return text
    }

    @discardableResult func hear(_ text: String) throws -> String {
        try receive(text.utf8)
        return try heard()
    }

    func begin(_ content: String, _ bodyType: BodyType = .sevenBit) throws {
        let promise = channel.embeddedEventLoop.makePromise(of: SMTPTransactionResult.self)
        let box = NIOLoopBound(finished, eventLoop: channel.embeddedEventLoop)
        promise.futureResult.whenComplete { box.value.result = $0 }
        let delivery = SMTPDelivery(
            reversePath: .null,
            recipients: [EnvelopeRecipient(address: try EmailAddress(parsing: "joe@b.example"))],
            bodyType: bodyType,
            size: content.utf8.count
        )
        handler.begin(
            .init(
                delivery: delivery,
                content: ByteBuffer(string: content),
                laterPieces: 0,
                piece: { _ in ByteBuffer() },
                finished: promise
            )
        )
    }
}

@Suite("The client's channel, RFC 5321") struct ClientHandlerTests {
    private static let hello = "220-mx.example\r\n220 ESMTP\r\n250-mx.example\r\n250-PIPELINING\r\n250 SIZE\r\n"
    private static let taken = "250 2.1.0 ok\r\n250 2.1.5 ok\r\n354 go\r\n"

    private static func isAccepted(_ outcomes: [SMTPRecipientOutcome]?) -> Bool {
        if case .accepted = outcomes?.first { true } else { false }
    }

    @Test func `replies may be cut anywhere`() throws {
        let greeting = Array(Self.hello.utf8)
        let replies = Array((Self.taken + "250-2.0.0 ok\r\n250 2.0.0 queued\r\n").utf8)
        for cut in 0...max(greeting.count, replies.count) {
            let connection = try ClientConnection()
            let first = min(cut, greeting.count)
            try connection.receive(greeting[..<first])
            try connection.receive(greeting[first...])
            #expect(connection.isReady, "cut at \(cut)")
            #expect(try connection.heard() == "EHLO me.example\r\n")
            try connection.begin(".text")
            #expect(try connection.heard() == "MAIL FROM:<> SIZE=5\r\nRCPT TO:<joe@b.example>\r\nDATA\r\n")
            let second = min(cut, replies.count)
            try connection.receive(replies[..<second])
            try connection.receive(replies[second...])
            #expect(try connection.heard() == "..text\r\n.\r\n", "cut at \(cut)")
            #expect(Self.isAccepted(connection.outcomes), "cut at \(cut)")
            #expect(connection.handler.mayBegin, "cut at \(cut)")
        }
    }

    @Test func `eight bits do not go to a server without 8BITMIME, and what only may have them does, RFC 6152`() throws
    {
        let refused = try ClientConnection()
        try refused.hear(Self.hello)
        try refused.begin("caf\u{E9}", .eightBitMIME)
        #expect(try refused.heard() == "")
        guard case .failed(let reply) = refused.outcomes?.first else {
            Issue.record("\(String(describing: refused.outcomes))")
            return
        }
        #expect(reply.oneLine.hasPrefix("554 5.6.3"))
        #expect(refused.handler.mayBegin)
        let taken = try ClientConnection()
        try taken.hear(Self.hello)
        try taken.begin("cafe", .eightBitMIME)
        #expect(try taken.heard() == "MAIL FROM:<> SIZE=4\r\nRCPT TO:<joe@b.example>\r\nDATA\r\n")
        #expect(try taken.hear(Self.taken) == "cafe\r\n.\r\n")
    }

    @Test func `replies may come octet by octet, and end in a bare LF`() throws {
        for wire in [Self.hello, Self.hello.replacing("\r\n", with: "\n")] {
            let connection = try ClientConnection()
            for byte in wire.utf8 { try connection.receive([byte]) }
            #expect(connection.isReady)
        }
    }

    @Test func `a line without end is not gathered for ever`() throws {
        let connection = try ClientConnection()
        var octets = 0
        while connection.channel.isActive && octets < 1 << 20 {
            try connection.receive(Array(repeating: UInt8(ascii: "2"), count: 512))
            octets += 512
        }
        #expect(octets <= 2 * SMTPReplyParser.lineLimit)
        #expect(connection.failure?.reason == .protocolError)
    }

    @Test func `a line that is too long is none, though its end came with it`() throws {
        let connection = try ClientConnection()
        try connection.hear("220 " + String(repeating: "x", count: SMTPReplyParser.lineLimit) + "\r\n")
        #expect(connection.failure?.reason == .protocolError)
        #expect(!connection.channel.isActive)
    }

    @Test func `nonsense defers the message and closes`() throws {
        for nonsense in ["what\r\n", "250-one\r\n251 two\r\n", "\u{0}\r\n"] {
            let connection = try ClientConnection()
            try connection.hear(Self.hello)
            try connection.begin("text\r\n")
            try connection.hear(nonsense)
            guard case .deferred(let reply) = connection.outcomes?.first else {
                Issue.record("\(String(describing: connection.outcomes))")
                continue
            }
            #expect(reply.code == 421)
            #expect(!connection.channel.isActive)
            #expect(!connection.handler.mayBegin)
        }
    }

    @Test func `421 defers the message, and nothing more is begun`() throws {
        let connection = try ClientConnection()
        try connection.hear(Self.hello)
        try connection.begin("text\r\n")
        try connection.hear(Self.taken)
        try connection.hear("421 4.3.2 going down\r\n")
        guard case .deferred(let reply) = connection.outcomes?.first else {
            Issue.record("\(String(describing: connection.outcomes))")
            return
        }
        #expect(reply.status == EnhancedStatus(4, 3, 2))
        #expect(!connection.handler.mayBegin)
    }

    @Test func `a server that closes before its last reply has taken nothing`() throws {
        let connection = try ClientConnection()
        try connection.hear(Self.hello)
        try connection.begin("text\r\n")
        #expect(try connection.hear(Self.taken).hasSuffix("text\r\n.\r\n"))
        connection.channel.close(promise: nil)
        guard case .deferred = connection.outcomes?.first else {
            Issue.record("\(String(describing: connection.outcomes))")
            return
        }
        #expect(connection.handler.isBroken)
    }

    @Test func `a server that says nothing is left, RFC 5321 section 4.5.3.2`() throws {
        let mute = try ClientConnection()
        mute.channel.embeddedEventLoop.advanceTime(by: .seconds(299))
        #expect(mute.failure == nil)
        mute.channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(mute.failure?.reason == .timedOut)
        #expect(!mute.channel.isActive)

        let late = try ClientConnection()
        try late.hear(Self.hello)
        try late.begin("text\r\n")
        try late.hear(Self.taken)
        // The end of the content may take ten minutes: giving up early makes duplicates.
        late.channel.embeddedEventLoop.advanceTime(by: .seconds(599))
        #expect(late.outcomes == nil)
        late.channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        guard case .deferred = late.outcomes?.first else {
            Issue.record("\(String(describing: late.outcomes))")
            return
        }
        #expect(!late.channel.isActive)
    }

    @Test func `a connection that is idle between messages has no time-out`() throws {
        let connection = try ClientConnection()
        try connection.hear(Self.hello)
        connection.channel.embeddedEventLoop.advanceTime(by: .seconds(10_000))
        #expect(connection.channel.isActive && connection.handler.mayBegin)
    }

    @Test func `QUIT is not waited for long`() throws {
        let connection = try ClientConnection()
        try connection.hear(Self.hello)
        connection.handler.quit()
        #expect(try connection.heard().hasSuffix("QUIT\r\n"))
        connection.channel.embeddedEventLoop.advanceTime(by: .seconds(5))
        #expect(!connection.channel.isActive)
    }

    @Test func `replies from before TLS are not heard after it, RFC 3207 section 6`() throws {
        let connection = try ClientConnection(
            tls: .required,
            makeTLS: {
                var configuration = TLSConfiguration.makeClientConfiguration()
                configuration.certificateVerification = .none
                return try NIOSSLClientHandler(
                    context: NIOSSLContext(configuration: configuration),
                    serverHostname: "localhost"
                )
            }
        )
        try connection.hear("220 mx.example\r\n250-mx.example\r\n250 STARTTLS\r\n")
        // What somebody put behind 220 would else be taken for the answer to EHLO.
        try connection.receive("220 go\r\n250-mx.example\r\n250 SIZE 1\r\n".utf8)
        #expect(!connection.isReady && connection.failure == nil)
        // And in clear in the place of the handshake it is no reply either.
        try? connection.receive("250 mx.example\r\n".utf8)
        #expect(!connection.isReady)
        #expect(connection.failure?.reason == .connectionLost)
    }

    @Test func `the record of the dialogue has no secrets`() throws {
        let credentials = try #require(
            Password("secret").map { PasswordCredentials(authenticationIdentity: "joe", password: $0) }
        )
        let connection = try ClientConnection(tls: .implicit, credentials: credentials)
        let command = try connection.hear("220 mx.example\r\n250-mx.example\r\n250 AUTH PLAIN\r\n")
        #expect(command.hasSuffix("AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n"))
        try connection.hear("235 2.7.0 ok\r\n")
        #expect(connection.isReady)
        let text = connection.handler.dialogue.text
        #expect(text.contains("C: AUTH PLAIN (credentials)") && text.contains("S: 235"))
        #expect(!text.contains("AGpvZQ"))
    }
}
