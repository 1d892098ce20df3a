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
        limits: SMTPLimits = SMTPLimits()
    ) async throws -> Int {
        let configuration = SMTPServerConfiguration(
            hostName: "mx.fake.test",
            role: role,
            offersTLS: tls != nil,
            mechanisms: role == .submission ? ["PLAIN"] : [],
            limits: limits,
            postmaster: try EmailAddress(parsing: "postmaster@fake.test")
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
