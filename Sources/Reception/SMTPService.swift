import ChannelSupport
import Logging
import MailNames
import NIOCore
import NIOPosix
import NIOSSL
import SMTPChannels
import SMTPProtocol
import Synchronization

/// The SMTP and submission listeners and their connections.
public final class SMTPService: Sendable {
    /// One listening socket and what its sessions are like.
    public struct Listener: Sendable {
        public var name: String
        public var point: ListeningPoint
        public var settings: SMTPServerHandler.Settings

        public init(name: String, point: ListeningPoint, settings: SMTPServerHandler.Settings) {
            self.name = name
            self.point = point
            self.settings = settings
        }
    }

    private let authority: any SMTPServerAuthority
    private let register: ConnectionRegister
    private let group: any EventLoopGroup
    private let settings: Mutex<[String: SMTPServerHandler.Settings]>
    private let listening = Mutex<[any Channel]>([])

    public init(authority: any SMTPServerAuthority, limits: ConnectionRegister.Limits, group: any EventLoopGroup) {
        self.authority = authority
        self.register = ConnectionRegister(limits: limits)
        self.group = group
        self.settings = Mutex([:])
    }

    /// Connections that are open now.
    public var connections: Int { register.count }

    /// Begins listening.
    ///
    /// - Returns: the address that was bound.
    /// - Throws: `ListeningError`.
    @discardableResult public func listen(_ listener: Listener) async throws -> SocketAddress? {
        settings.withLock { $0[listener.name] = listener.settings }
        let name = listener.name
        let channels = try await listener.point.listen(for: name, on: group) { bootstrap in
            bootstrap.childChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture { try welcome(channel, name) }
            }
        }
        listening.withLock { $0 += channels }
        return channels.first?.localAddress
    }

    /// New sessions of a listener are like this from now on.
    public func reconfigure(_ name: String, _ settings: SMTPServerHandler.Settings) {
        self.settings.withLock { $0[name] = settings }
    }

    public func setLimits(_ limits: ConnectionRegister.Limits) { register.setLimits(limits) }

    private func welcome(_ channel: any Channel, _ name: String) throws {
        guard var settings = settings.withLock({ $0[name] }) else { return }
        // Passwords in clear never come from elsewhere, wherever the listener is.
        if settings.session.allowsClearTextAuthentication, channel.remoteAddress?.isLoopback != true {
            settings.session.allowsClearTextAuthentication = false
        }
        // TCP_NODELAY comes from the listening socket.
        if let options = channel.syncOptions {
            try options.setOption(.allowRemoteHalfClosure, value: true)
            try options.setOption(.maxMessagesPerRead, value: 1)
            let sizes = AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 2048, maximum: 65_536)
            try options.setOption(.recvAllocator, value: sizes)
            try options.setOption(.writeBufferWaterMark, value: .init(low: 16 << 10, high: 64 << 10))
        }
        let peer = channel.remoteAddress?.mailAddress
        guard let peer, settings.proxies.contains(where: { $0.contains(peer) }) else {
            return try begin(channel, settings, nil, isAdmitted: register.admit(channel, from: peer))
        }
        guard register.admit(channel, from: nil) else {
            return try begin(channel, settings, nil, isAdmitted: false)
        }
        let handler = ProxyHeaderHandler { [self] channel, client in
            let isAdmitted = register.place(channel, at: client ?? peer)
            try begin(channel, settings, client, isAdmitted: isAdmitted)
        }
        try channel.pipeline.syncOperations.addHandler(handler)
    }

    /// The session begins, or is refused.
    ///
    /// - Parameter client: who the client is where the connection comes from a proxy.
    private func begin(
        _ channel: any Channel,
        _ settings: SMTPServerHandler.Settings,
        _ client: IPAddress?,
        isAdmitted: Bool
    ) throws {
        let pipeline = channel.pipeline.syncOperations
        var settings = settings
        // The proxy is on this machine, and its client is not.
        if let client, !client.isLoopback { settings.session.allowsClearTextAuthentication = false }
        guard isAdmitted else {
            return try pipeline.addHandler(
                RefusingHandler(farewell: settings.isImplicitTLS ? nil : SMTPReply.tooManyConnections.wire)
            )
        }
        if settings.isImplicitTLS {
            guard let endpoint = settings.endpoint() else { throw ChannelError.inappropriateOperationForState }
            try endpoint.appendServerHandlers(to: pipeline)
        }
        try pipeline.addHandler(SMTPServerHandler(settings: settings, authority: authority, peer: client))
    }

    /// Ends listening, tells everybody, and waits for what is being made durable, at most that long.
    public func stop(within grace: Duration) async {
        for channel in listening.withLock({ $0 }) { try? await channel.close().get() }
        let open = register.close()
        for channel in open {
            channel.eventLoop.execute {
                guard let handler = try? channel.pipeline.syncOperations.handler(type: SMTPServerHandler.self),
                    let context = try? channel.pipeline.syncOperations.context(handler: handler)
                else {
                    channel.close(promise: nil)
                    return
                }
                handler.shutDown(context: context)
            }
        }
        let clock = ContinuousClock()
        let end = clock.now + grace
        while register.count > 0 && clock.now < end { try? await Task.sleep(for: .milliseconds(20)) }
        for channel in open { channel.close(promise: nil) }
    }
}
