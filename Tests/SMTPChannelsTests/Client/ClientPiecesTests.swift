import MailNames
import NIOCore
import NIOEmbedded
import SMTPProtocol
import Testing

@testable import SMTPChannels

/// The later pieces of content, each given when the test says so.
private actor Pieces {
    private var waiting: [CheckedContinuation<ByteBuffer, any Error>] = []
    private var watchers: [CheckedContinuation<Void, Never>] = []

    func next() async throws -> ByteBuffer {
        try await withCheckedThrowingContinuation { continuation in
            waiting.append(continuation)
            for watcher in watchers { watcher.resume() }
            watchers = []
        }
    }

    /// Waits until a piece is asked for.
    func asked() async {
        while waiting.isEmpty { await withCheckedContinuation { watchers.append($0) } }
    }

    /// Gives a piece as soon as it is asked for.
    func give(_ text: String) async {
        await asked()
        waiting.removeFirst().resume(returning: ByteBuffer(string: text))
    }
}

/// A client's handler on a loop that several threads may use, as the task that sends pieces does.
private struct PiecewiseConnection {
    let channel = NIOAsyncTestingChannel()
    let handler: NIOLoopBound<SMTPClientHandler>

    init(extensions: String = "250-PIPELINING\r\n250 SIZE\r\n") async throws {
        let channel = self.channel
        handler = try await channel.testingEventLoop.executeInContext {
            let handler = SMTPClientHandler(
                configuration: .init(hostName: "me.example", tls: .off),
                timeouts: SMTPTimeouts(),
                tls: nil,
                ready: channel.eventLoop.makePromise(of: Void.self)
            )
            try channel.pipeline.syncOperations.addHandler(handler)
            return NIOLoopBound(handler, eventLoop: channel.eventLoop)
        }
        try await channel.connect(to: SocketAddress(ipAddress: "192.0.2.1", port: 25))
        try await hear("220 mx.example\r\n250-mx.example\r\n" + extensions)
        _ = try await said()
    }

    func hear(_ text: String) async throws {
        guard channel.isActive else { return }
        try await channel.writeInbound(ByteBuffer(string: text))
    }

    /// What was written since the last call.
    func said() async throws -> String {
        await channel.testingEventLoop.run()
        var text = ""
        while let buffer = try await channel.readOutbound(as: ByteBuffer.self) { text += String(buffer: buffer) }
        return text
    }

    func begin(
        _ content: String,
        laterPieces: Int,
        _ pieces: Pieces,
        _ bodyType: BodyType = .sevenBit
    ) async throws -> EventLoopFuture<SMTPTransactionResult> {
        let promise = channel.eventLoop.makePromise(of: SMTPTransactionResult.self)
        let delivery = SMTPDelivery(
            reversePath: .null,
            recipients: [EnvelopeRecipient(address: try EmailAddress(parsing: "joe@b.example"))],
            bodyType: bodyType,
            size: 100
        )
        try await channel.testingEventLoop.executeInContext { [handler] in
            handler.value.begin(
                .init(
                    delivery: delivery,
                    content: ByteBuffer(string: content),
                    laterPieces: laterPieces,
                    piece: { _ in try await pieces.next() },
                    finished: promise
                )
            )
        }
        return promise.futureResult
    }

    func mayBegin() async throws -> Bool {
        try await channel.testingEventLoop.executeInContext { [handler] in handler.value.mayBegin }
    }

    func end() async { _ = try? await channel.finish(acceptAlreadyClosed: true) }
}

@Suite("Content that leaves in pieces, RFC 5321 section 4.1.1.4", .timeLimit(.minutes(15))) struct ClientPiecesTests {
    private static let taken = "250 2.1.0 ok\r\n250 2.1.5 ok\r\n354 go\r\n"

    @Test func `pieces follow each other, stuffed as one text`() async throws {
        let connection = try await PiecewiseConnection()
        let pieces = Pieces()
        let result = try await connection.begin("one\r\n", laterPieces: 2, pieces)
        try await connection.hear(Self.taken)
        await pieces.give(".two\r\n.")
        await pieces.give("\r\nthree")
        var said = ""
        while !said.hasSuffix("\r\n.\r\n") { said += try await connection.said() }
        #expect(said.hasSuffix("DATA\r\none\r\n..two\r\n..\r\nthree\r\n.\r\n"))
        try await connection.hear("250 2.0.0 ok\r\n")
        guard case .accepted = try await result.get().outcomes.first else {
            Issue.record("not accepted")
            return
        }
        #expect(try await connection.mayBegin())
        await connection.end()
    }

    @Test(arguments: ["552 5.3.4 too large\r\n", "250 2.0.0 ok\r\n", "451 4.3.0 later\r\n", "421 4.3.2 bye\r\n"])
    func `a reply to content that was not sent whole ends the connection, and nobody has taken the message`(
        _ reply: String
    ) async throws {
        let connection = try await PiecewiseConnection()
        let pieces = Pieces()
        let result = try await connection.begin("one\r\n", laterPieces: 1, pieces)
        try await connection.hear(Self.taken)
        await pieces.asked()
        _ = try await connection.said()
        try await connection.hear(reply)
        let outcome = try await result.get().outcomes.first
        switch (reply.prefix(1), outcome) {
        case ("5", .failed), ("4", .deferred), ("2", .deferred): break
        default: Issue.record("\(String(describing: outcome))")
        }
        #expect(try await !connection.mayBegin())
        // The rest of the content, when it is there at last, is for nobody.
        await pieces.give("MAIL FROM:<smuggled@b.example>\r\n")
        await connection.channel.testingEventLoop.run()
        #expect(try await connection.said().isEmpty)
        #expect(!connection.channel.isActive)
        await connection.end()
    }

    @Test func `an early reply to BDAT ends the connection too, RFC 3030`() async throws {
        let connection = try await PiecewiseConnection(extensions: "250-CHUNKING\r\n250 BINARYMIME\r\n")
        let pieces = Pieces()
        let result = try await connection.begin("one\r\n", laterPieces: 1, pieces, .binaryMIME)
        try await connection.hear("250 2.1.0 ok\r\n")
        try await connection.hear("250 2.1.5 ok\r\n")
        await pieces.asked()
        #expect(try await connection.said().hasSuffix("BDAT 100 LAST\r\none\r\n"))
        try await connection.hear("250 2.0.0 ok\r\n")
        guard case .deferred = try await result.get().outcomes.first else {
            Issue.record("taken for accepted")
            return
        }
        await pieces.give("two")
        #expect(!connection.channel.isActive)
        await connection.end()
    }
}
