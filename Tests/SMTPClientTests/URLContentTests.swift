import MailNames
import NIOCore
import SMTPChannels
import SMTPProtocol
import Testing

/// Knows one URL.
private struct OneURL: URLContentSource {
    func content(of url: String, for account: String, limit: Int) async -> URLContent {
        guard url.hasPrefix("imap://alice@imap.example/outbox;uid=25;") else { return .refused(.urlUnresolved) }
        return .found(ByteBuffer(string: "Subject: by URL for \(account)\r\n\r\n"))
    }
}

/// A client of lines, for what the library does not say.
private final class Lines: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let heard: AsyncStream<String>
    private let said: AsyncStream<String>.Continuation

    init() { (heard, said) = AsyncStream.makeStream() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        for line in String(buffer: unwrapInboundIn(data)).split(separator: "\r\n") { said.yield(String(line)) }
    }

    func channelInactive(context: ChannelHandlerContext) { said.finish() }
}

@Suite("Content by URL over a connection, RFC 4468", .timeLimit(.minutes(15))) struct URLContentTests {
    @Test func `a URL's content and chunks become one message`() async throws {
        let catcher = MailCatcher()
        let port = try await catcher.start(
            role: .submission,
            takesPasswordsInClear: true,
            offer: SMTPServiceOffer(.burl),
            urlContent: OneURL()
        )
        let lines = Lines()
        let channel = try await catcher.connect(port, lines)
        let url = "imap://alice@imap.example/outbox;uid=25;urlauth=submit+alice@c.example:internal:91354a47"
        let login = "AUTH PLAIN AGFsaWNlQGMuZXhhbXBsZQBzZWNyZXQ="
        let transaction = "MAIL FROM:<alice@c.example>\r\nRCPT TO:<r@b.example>\r\n"
        let said =
            "EHLO c.example\r\n\(login)\r\n\(transaction)BURL \(url)\r\nBDAT 7 LAST\r\ntext.\r\n"
            + "\(transaction)BURL \(url.replacing("uid=25", with: "uid=26")) LAST\r\nQUIT\r\n"
        try await channel.writeAndFlush(ByteBuffer(string: said)).get()
        var codes: [String] = []
        for await line in lines.heard where !line.hasPrefix("250-") { codes.append(String(line.prefix(9))) }
        let expected = [
            "220 mx.ca", "250 HELP", "235 2.7.0", "250 2.1.0", "250 2.1.5", "250 2.5.0", "250 2.0.0", "250 2.1.0",
            "250 2.1.5", "554 5.6.6", "221 2.0.0",
        ]
        #expect(codes == expected)
        #expect(catcher.messages.map(\.content) == ["Subject: by URL for alice@c.example\r\n\r\ntext.\r\n"])
        await catcher.stop()
    }
}
