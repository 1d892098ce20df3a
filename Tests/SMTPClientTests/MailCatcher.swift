import Certificates
import Foundation
import MailBytes
import MailNames
import NIOCore
import NIOPosix
import NIOSSL
import SASL
import SMTPChannels
import SMTPProtocol
import Synchronization

/// A server on loopback that keeps what it takes: alice logs in with `secret`, and recipients whose names begin with `no` are refused.
final class MailCatcher: SMTPServerAuthority {
    struct Message: Sendable {
        var transaction: SMTPTransaction
        var content: String
        var account: String?
    }

    private let state = Mutex((messages: [Message](), connections: 0))
    private let channel = Mutex<(any Channel)?>(nil)

    var messages: [Message] { state.withLock { $0.messages } }
    var connections: Int { state.withLock { $0.connections } }

    static let group = MultiThreadedEventLoopGroup.singleton

    /// A certificate for `localhost`, made anew, and its PEM.
    static func identity() throws -> (source: TLSIdentitySource, pem: [UInt8]) {
        let path = NSTemporaryDirectory() + "martlet-client-\(UUID().uuidString).pem"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let now = Timestamp(seconds: Int64(Date().timeIntervalSince1970))
        let source = try TLSIdentitySource(.selfSigned(path: path, names: ["localhost"]), now: now)
        return (source, Array(try Data(contentsOf: URL(filePath: path))))
    }

    /// Listens; gives the port.
    func start(
        role: SMTPServerConfiguration.Role = .transfer,
        tls identity: TLSIdentitySource? = nil,
        limits: SMTPLimits = SMTPLimits(),
        takesPasswordsInClear: Bool = false,
        offer: SMTPServiceOffer = SMTPServiceOffer(),
        urlContent: (any URLContentSource)? = nil
    ) async throws -> Int {
        let configuration = SMTPServerConfiguration(
            hostName: "mx.catcher.test",
            role: role,
            offersTLS: identity != nil,
            allowsClearTextAuthentication: takesPasswordsInClear,
            mechanisms: role == .submission ? ["PLAIN"] : [],
            limits: limits,
            postmaster: try EmailAddress(parsing: "postmaster@catcher.test"),
            offer: offer
        )
        var making = SMTPServerHandler.Settings(session: configuration, tls: { identity?.serverContext })
        making.urlContent = urlContent
        let settings = making
        let bound = try await ServerBootstrap(group: Self.group)
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

    func stop() async { try? await channel.withLock { $0 }?.close().get() }

    /// A bare connection to the server.
    func connect(_ port: Int, _ handler: any ChannelInboundHandler & Sendable) async throws -> any Channel {
        try await ClientBootstrap(group: Self.group)
            .connectTimeout(.minutes(4))
            .channelInitializer { $0.pipeline.addHandler(handler) }
            .connect(host: "127.0.0.1", port: port).get()
    }

    // MARK: Authority

    func judgeSender(
        _ transaction: SMTPTransaction,
        _ client: SMTPClientDescription,
        on loop: any EventLoop
    ) -> SMTPJudging { .now(.accepted) }

    func judgeRecipient(
        _ recipient: EnvelopeRecipient,
        _ transaction: SMTPTransaction,
        _ client: SMTPClientDescription,
        on loop: any EventLoop
    ) -> SMTPJudging {
        let name = recipient.address.localPart.text
        if name.hasPrefix("no") { return .now(.refused(SMTPReply(550, EnhancedStatus(5, 1, 1), "nobody"))) }
        if name.hasPrefix("later") { return .now(.refused(SMTPReply(451, EnhancedStatus(4, 7, 1), "later"))) }
        return .now(.accepted)
    }

    func judgeCredentials(
        _ credentials: SASLCredentials,
        _ client: SMTPClientDescription
    ) async -> SMTPServerSession.CredentialsJudgement {
        guard case .password(let given) = credentials, given.password == Password("secret") else { return .rejected }
        return .accepted(account: given.authenticationIdentity)
    }

    func commit(
        _ transaction: SMTPTransaction,
        _ content: SMTPReceivedContent,
        _ client: SMTPClientDescription,
        on loop: any EventLoop,
        then: @escaping @Sendable (SMTPReply) -> Void
    ) {
        let text = if case .buffer(let buffer) = content { String(buffer: buffer) } else { "" }
        let count = state.withLock { state in
            state.messages.append(Message(transaction: transaction, content: text, account: client.account))
            return state.messages.count
        }
        then(.queued("CAUGHT\(count)"))
    }

    func upload(
        _ transaction: SMTPTransaction,
        _ client: SMTPClientDescription,
        on loop: any EventLoop
    ) -> any SMTPContentUpload { Forgetting() }

    private struct Forgetting: SMTPContentUpload {
        func append(_ buffer: ByteBuffer, resume: @escaping @Sendable () -> Void) -> Bool { true }
        func move(to loop: any EventLoop) {}
        func abandon() {}
    }

    func smugglingRefused(_ reply: SMTPReply, _ transaction: SMTPTransaction?, _ client: SMTPClientDescription) {}
    func clientAppeared(_ client: SMTPClientDescription) {}
}
