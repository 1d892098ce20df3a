import Logging
import NIOCore
import NIOPosix
import NIOSSL
import POPChannels
import POPProtocol

/// Why a listener with implicit TLS does not start.
struct NoIdentity: Error, CustomStringConvertible {
    var description: String { "there is no certificate for implicit TLS" }
}

extension POPServer {
    func listen(_ listener: POPServerOptions.Listener) async throws -> any Channel {
        let security = listener.security
        if security == .implicit, self.tls() == nil { throw NoIdentity() }
        let bootstrap = ServerBootstrap(group: self.group)
            // Bursts of connections wait here instead of being lost for seconds.
            .serverChannelOption(.backlog, value: 4096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.welcome(channel, security) }
            }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            // Commands are short: one small read at a time is what a client can make us hold.
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 4096))
        switch listener.endpoint {
        case .address(let address): return try await bootstrap.bind(to: address).get()
        case .boundSocket(let socket): return try await bootstrap.withBoundSocket(socket).get()
        }
    }

    /// A connection came: counted, and given its handlers.
    private func welcome(_ channel: any Channel, _ security: POPServerOptions.Listener.Security) throws {
        let network = PeerNetwork(channel.remoteAddress)
        let pipeline = channel.pipeline.syncOperations
        guard self.register.admit(channel, from: network) else {
            self.logger.debug("connection refused", metadata: ["peer": "\(channel.remoteAddress?.ipAddress ?? "-")"])
            return try pipeline.addHandler(RefusingHandler(isSilent: security == .implicit))
        }
        var session = self.options.session
        session.plaintextPasswords =
            network.isLoopback && self.options.allowsPlaintextOnLoopback ? .always : .underTLS
        let settings = POPServerHandler.Settings(
            configuration: session,
            timeouts: self.options.timeouts,
            tlsContext: self.tls
        )
        if security == .implicit {
            guard let context = self.tls() else { throw NoIdentity() }
            try pipeline.addHandler(NIOSSLServerHandler(context: context))
        }
        try pipeline.addHandler(
            POPServerHandler(settings: settings, authority: self.authority, isImplicitTLS: security == .implicit)
        )
    }
}

/// Tells a connection that is one too many so, and closes it; under implicit TLS without a word, for a handshake would
/// cost more than the word is worth.
private final class RefusingHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let isSilent: Bool

    init(isSilent: Bool) { self.isSilent = isSilent }

    func channelActive(context: ChannelHandlerContext) {
        guard !self.isSilent else { return context.close(promise: nil) }
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
        let reply = context.channel.allocator.buffer(bytes: POPReply.tooManyConnections.encoded)
        context.writeAndFlush(self.wrapOutboundOut(reply), promise: written)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}
}
