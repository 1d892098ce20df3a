import ChannelSupport
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import POPChannels
import POPProtocol
import Synchronization

/// The POP3 service: its listeners and their connections.
///
/// Start it once and stop it once. Sessions run on the loops of the group that it is given.
public final class POPServer: Sendable {
    private let current: Mutex<POPServerOptions>
    let authority: any POPAuthority
    let endpoint: @Sendable () -> TLSEndpoint?
    let group: any EventLoopGroup
    let logger: Logger
    let register: ConnectionRegister
    private let listeners = Mutex<[any Channel]>([])

    /// A service that does not listen yet.
    ///
    /// - Parameters:
    ///   - authority: judges log-ins and opens maildrops: `MaildropAuthority`.
    ///   - endpoint: what the next handshake is done with, asked for at each; `nil` where there is no TLS. Then `STLS` is not
    ///     offered, and listeners with implicit TLS refuse to start.
    public init(
        options: POPServerOptions,
        authority: any POPAuthority,
        endpoint: @escaping @Sendable () -> TLSEndpoint?,
        group: any EventLoopGroup,
        logger: Logger
    ) {
        var options = options
        if endpoint() == nil { options.session.offersTLS = false }
        self.current = Mutex(options)
        self.authority = authority
        self.endpoint = endpoint
        self.group = group
        self.logger = logger
        self.register = ConnectionRegister(limits: options.limits)
    }

    /// What holds for the next connection.
    var options: POPServerOptions { self.current.withLock { $0 } }

    /// New connections are like this from now on; the listeners and the connections that are open stay as they are.
    public func reconfigure(_ options: POPServerOptions) {
        var options = options
        if self.endpoint() == nil { options.session.offersTLS = false }
        self.register.setLimits(options.limits)
        self.current.withLock { $0 = options }
    }

    /// Listens on every socket, or on none.
    ///
    /// - Returns: the addresses that were bound, in the order of the listeners.
    /// - Throws: `ListeningError` for the first one that failed; those before it are closed again.
    public func start() async throws -> [SocketAddress] {
        var bound: [[any Channel]] = []
        for listener in self.options.listeners {
            do {
                bound.append(try await self.listen(listener))
            } catch {
                for channel in bound.joined() { try? await channel.close() }
                throw error
            }
        }
        self.listeners.withLock { $0 = Array(bound.joined()) }
        return bound.compactMap { $0.first?.localAddress }
    }

    /// Connections that are open now.
    public var connections: Int { self.register.count }

    /// Closes the listeners, ends idle sessions at once and the others when what they have in flight is finished; what
    /// is left after `grace` is cut. Messages marked as deleted without `QUIT` stay.
    public func stop(within grace: Duration) async {
        let listeners = self.listeners.withLock { listeners in
            defer { listeners = [] }
            return listeners
        }
        // A listener that is gone already cannot be closed, which is what was wanted.
        for listener in listeners { try? await listener.close() }
        let channels = self.register.close()
        guard !channels.isEmpty else { return }
        for channel in channels { channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
        let loop = self.group.any()
        let cut = loop.scheduleTask(in: TimeAmount(grace)) {
            for channel in channels { Self.cut(channel) }
        }
        // Each of these completes, for each channel is closed by itself or by `cut`.
        try? await EventLoopFuture.andAllComplete(channels.map(\.closeFuture), on: loop).get()
        cut.cancel()
    }

    /// Closes a connection without the farewell of TLS, for which a peer that does not read would be waited for.
    private static func cut(_ channel: any Channel) {
        channel.eventLoop.execute {
            if let tls = try? channel.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self) {
                tls.close(promise: nil)
            } else {
                channel.close(promise: nil)
            }
        }
    }
}
