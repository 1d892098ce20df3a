import MailBytes
import MailNames
import NIOCore
import NIOPosix
import NIOSSL
import SASL
import SMTPChannels
import SMTPProtocol
import Synchronization

/// A host that takes mail, on a loopback port of its own: the server side of this house with verdicts as the test wants them.
final class FakeServer: SMTPServerAuthority {
    struct Received: Sendable {
        var transaction: SMTPTransaction
        var content: String
        var account: String?
    }

    private struct State {
        var recipients: [String: SMTPReply] = [:]
        var messages: [Received] = []
        var contentReply: SMTPReply?
        var connections = 0
        var uploads: [ObjectIdentifier: FakeUpload] = [:]
    }

    private let state = Mutex(State())
    private let channel = Mutex<(any Channel)?>(nil)

    var messages: [Received] { state.withLock { $0.messages } }
    var connections: Int { state.withLock { $0.connections } }

    func refuse(_ recipient: String, _ reply: SMTPReply?) { state.withLock { $0.recipients[recipient] = reply } }
    func answerContent(_ reply: SMTPReply?) { state.withLock { $0.contentReply = reply } }

    /// Listens; gives the port.
    func start(
        _ group: any EventLoopGroup,
        role: SMTPServerConfiguration.Role = .transfer,
        tls: NIOSSLContext? = nil,
        limits: SMTPLimits = SMTPLimits(),
        takesClearTextPasswords: Bool = false,
        offer: SMTPServiceOffer = SMTPServiceOffer()
    ) async throws -> Int {
        let configuration = SMTPServerConfiguration(
            hostName: "mx.fake.test",
            role: role,
            offersTLS: tls != nil,
            allowsClearTextAuthentication: takesClearTextPasswords,
            mechanisms: role == .submission ? ["PLAIN"] : [],
            limits: limits,
            postmaster: try EmailAddress(parsing: "postmaster@fake.test"),
            offer: offer
        )
        let settings = SMTPServerHandler.Settings(session: configuration, tls: { tls })
        let bound = try await ServerBootstrap(group: group)
            .childChannelInitializer { [self] channel in
                state.withLock { $0.connections += 1 }
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        SMTPServerHandler(settings: settings, authority: self)
                    )
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        channel.withLock { $0 = bound }
        return bound.localAddress?.port ?? 0
    }

    func stop() async {
        try? await channel.withLock { $0 }?.close().get()
    }

    // MARK: Authority

    func judgeSender(
        _ transaction: SMTPTransaction,
        _ client: SMTPClientDescription,
        on loop: any EventLoop
    ) -> SMTPJudging {
        .now(.accepted)
    }

    func judgeRecipient(
        _ recipient: EnvelopeRecipient,
        _ transaction: SMTPTransaction,
        _ client: SMTPClientDescription,
        on loop: any EventLoop
    ) -> SMTPJudging {
        let reply = state.withLock { $0.recipients[recipient.address.description] }
        return .now(reply.map { .refused($0) } ?? .accepted)
    }

    func judgeCredentials(
        _ credentials: SASLCredentials,
        _ client: SMTPClientDescription
    ) async -> SMTPServerSession.CredentialsJudgement {
        guard case .password(let given) = credentials else { return .rejected }
        return given.authenticationIdentity == "relay" ? .accepted(account: "relay") : .rejected
    }

    func commit(
        _ transaction: SMTPTransaction,
        _ content: SMTPReceivedContent,
        _ client: SMTPClientDescription,
        on loop: any EventLoop,
        then: @escaping @Sendable (SMTPReply) -> Void
    ) {
        let text =
            switch content {
            case .buffer(let buffer): String(buffer: buffer)
            case .upload(let upload): (upload as? FakeUpload)?.text ?? ""
            }
        let reply = state.withLock { state -> SMTPReply in
            if let refusal = state.contentReply { return refusal }
            state.messages.append(Received(transaction: transaction, content: text, account: client.account))
            return .queued("FAKE\(state.messages.count)")
        }
        then(reply)
    }

    func upload(
        _ transaction: SMTPTransaction,
        _ client: SMTPClientDescription,
        on loop: any EventLoop
    ) -> any SMTPContentUpload {
        FakeUpload()
    }

    func smugglingRefused(_ reply: SMTPReply, _ transaction: SMTPTransaction?, _ client: SMTPClientDescription) {}
    func clientAppeared(_ client: SMTPClientDescription) {}
}

final class FakeUpload: SMTPContentUpload {
    private let content = Mutex(ByteBuffer())

    var text: String { content.withLock { String(buffer: $0) } }

    func append(_ buffer: ByteBuffer, resume: @escaping @Sendable () -> Void) -> Bool {
        content.withLock { _ = $0.writeImmutableBuffer(buffer) }
        return true
    }

    func move(to loop: any EventLoop) {}

    func abandon() {}
}

/// Says one thing to whoever connects, and closes.
enum RudeServer {
    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        let greeting: String
        init(_ greeting: String) { self.greeting = greeting }

        func channelActive(context: ChannelHandlerContext) {
            let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: greeting))).whenComplete { _ in
                bound.value.close(promise: nil)
            }
        }
    }

    static func start(_ group: any EventLoopGroup, greeting: String) async throws -> Int {
        let channel = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler(greeting))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return channel.localAddress?.port ?? 0
    }
}

/// A server with no extensions at all, whose ways a test chooses.
final class PlainServer: Sendable {
    struct Ways: Sendable {
        /// It knows only HELO.
        var knowsEHLO = true
        /// It closes without a word after so many messages on a connection.
        var closesAfter = Int.max
        /// It answers 421 to MAIL.
        var isBusy = false
        /// What it says to EHLO beside its name.
        var offered: [String] = []
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        let server: PlainServer
        var buffer = ByteBuffer()
        var isContent = false
        var messages = 0

        init(_ server: PlainServer) { self.server = server }

        func channelActive(context: ChannelHandlerContext) { say("220 plain.test", context) }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var read = unwrapInboundIn(data)
            buffer.writeBuffer(&read)
            while let end = buffer.readableBytesView.firstIndex(of: 10),
                let line = buffer.readString(length: end + 1 - buffer.readerIndex)
            {
                take(String(line.dropLast()), context)
            }
        }

        private func take(_ line: String, _ context: ChannelHandlerContext) {
            if isContent {
                guard line == "." else {
                    server.state.withLock { $0.content += line + "\n" }
                    return
                }
                isContent = false
                messages += 1
                server.state.withLock { $0.messages += 1 }
                say("250 taken", context)
                if messages >= server.ways.closesAfter { context.close(promise: nil) }
                return
            }
            server.state.withLock { $0.commands.append(line) }
            switch line.prefix(4) {
            case "EHLO" where server.ways.knowsEHLO:
                say("250-plain.test", context)
                for keyword in server.ways.offered { say("250-\(keyword)", context) }
                say("250 HELP", context)
            case "EHLO": say("500 what", context)
            case "DATA":
                isContent = true
                say("354 go on", context)
            case "MAIL": say(server.ways.isBusy ? "421 too busy" : "250 ok", context)
            case "QUIT":
                say("221 bye", context)
                context.close(promise: nil)
            default: say("250 ok", context)
            }
        }

        private func say(_ line: String, _ context: ChannelHandlerContext) {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: line + "\r\n")), promise: nil)
        }
    }

    private struct State {
        var messages = 0
        var connections = 0
        var content = ""
        var commands: [String] = []
    }

    private let state = Mutex(State())
    let ways: Ways

    init(_ ways: Ways = Ways()) { self.ways = ways }

    var messages: Int { state.withLock { $0.messages } }
    var connections: Int { state.withLock { $0.connections } }
    /// All content, without dots undone, lines ending in LF.
    var content: String { state.withLock { $0.content } }
    var commands: [String] { state.withLock { $0.commands } }

    func start(_ group: any EventLoopGroup) async throws -> Int {
        let channel = try await ServerBootstrap(group: group)
            .childChannelInitializer { [self] channel in
                state.withLock { $0.connections += 1 }
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler(self))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return channel.localAddress?.port ?? 0
    }
}
