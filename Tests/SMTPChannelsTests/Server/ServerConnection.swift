import MailBytes
import MailNames
import NIOCore
import NIOEmbedded
import NIOSSL
import SMTPChannels
import SMTPProtocol

/// A channel with an SMTP server's handler, driven by hand.
final class ServerConnection {
    /// Counts what the handler asks the socket for.
    private final class ReadCounter: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        var reads = 0

        func read(context: ChannelHandlerContext) { reads += 1 }
    }

    let channel: EmbeddedChannel
    let authority: TestAuthority
    let handler: SMTPServerHandler
    private let counter = ReadCounter()

    init(
        _ authority: TestAuthority = TestAuthority(),
        timeouts: SMTPTimeouts = SMTPTimeouts(),
        offersTLS: Bool = false,
        contentInMemory: ByteCount = .kibibytes(256),
        isImplicitTLS: Bool = false,
        tls: @escaping @Sendable () -> NIOSSLContext? = { nil },
        peer: String = "192.0.2.1",
        configuring configure: (inout SMTPServerConfiguration) -> Void = { _ in },
        adjusting adjust: (inout SMTPServerHandler.Settings) -> Void = { _ in }
    ) throws {
        var session = SMTPServerConfiguration(
            hostName: "mx.example.com",
            role: .transfer,
            offersTLS: offersTLS,
            postmaster: try EmailAddress(parsing: "postmaster@mx.example.com")
        )
        configure(&session)
        self.authority = authority
        var settings = SMTPServerHandler.Settings(
            session: session,
            timeouts: timeouts,
            tls: tls,
            isImplicitTLS: isImplicitTLS,
            contentInMemory: contentInMemory
        )
        adjust(&settings)
        handler = SMTPServerHandler(settings: settings, authority: authority)
        channel = EmbeddedChannel(handlers: [counter])
        if isImplicitTLS, let context = tls() {
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
        }
        try channel.pipeline.syncOperations.addHandler(handler)
        try channel.connect(to: SocketAddress(ipAddress: peer, port: 25)).wait()
    }

    deinit { Self.end(channel) }

    /// Closes a channel; TLS waits in vain for an answer, for as long as it does.
    static func end(_ channel: EmbeddedChannel) {
        channel.close(promise: nil)
        channel.embeddedEventLoop.advanceTime(by: .seconds(60))
    }

    var isOpen: Bool { channel.isActive }
    var reads: Int { counter.reads }

    /// What was written since the last call.
    func heard() throws -> String {
        var text = ""
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) { text += String(buffer: buffer) }
        return text
    }

    func receive(_ bytes: some Sequence<UInt8>) throws {
        guard isOpen else { return }
        try channel.writeInbound(ByteBuffer(bytes: bytes))
    }

    /// Says this and gives the codes of the replies, with the statuses of those that have one.
    @discardableResult func say(_ text: String) throws -> String {
        try receive(text.utf8)
        return Self.codes(try heard())
    }

    /// The connection is gone, whatever was said.
    func lose() { channel.close(promise: nil) }

    func halfClose() { channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }

    func becomeWritable(_ isWritable: Bool) {
        channel.isWritable = isWritable
        channel.pipeline.fireChannelWritabilityChanged()
    }

    func pass(_ seconds: Int64) { channel.embeddedEventLoop.advanceTime(by: .seconds(seconds)) }

    /// The code of each reply, and its status.
    static func codes(_ wire: String) -> String {
        wire.split(separator: "\r\n").filter { $0.dropFirst(3).first != "-" }.map { line in
            let words = line.split(separator: " ")
            let hasStatus = words.count > 1 && words[1].filter { $0 == "." }.count == 2 && words[1].count == 5
            return hasStatus ? "\(words[0]) \(words[1])" : "\(line.prefix(3))"
        }.joined(separator: ", ")
    }
}
