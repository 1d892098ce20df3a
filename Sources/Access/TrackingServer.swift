import ChannelSupport
import MailNames
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import TrackingProtocol

/// The message tracking service: its listeners and their connections. RFC 3887.
public final class TrackingServer: Sendable {
    private let hostName: String
    private let tls: @Sendable () -> NIOSSLContext?
    private let search: @Sendable (String, [UInt8]) async -> TrackingServerSession.Finding
    private let group: any EventLoopGroup
    private let register: ConnectionRegister
    private let listening = Mutex<[any Channel]>([])

    /// A service that does not listen yet.
    ///
    /// - Parameter search: what became of a message by its envelope id, for who has its secret.
    public init(
        hostName: String,
        limits: ConnectionRegister.Limits,
        tls: @escaping @Sendable () -> NIOSSLContext?,
        group: any EventLoopGroup,
        search: @escaping @Sendable (String, [UInt8]) async -> TrackingServerSession.Finding
    ) {
        self.hostName = hostName
        self.tls = tls
        self.search = search
        self.group = group
        self.register = ConnectionRegister(limits: limits)
    }

    /// Begins listening.
    ///
    /// - Throws: `ListeningError`.
    public func listen(at point: ListeningPoint) async throws {
        let channels = try await point.listen(for: "message tracking", on: group) { bootstrap in
            bootstrap.childChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    guard register.admit(channel, from: channel.remoteAddress?.mailAddress) else {
                        return try pipeline.addHandler(RefusingHandler(farewell: TrackingReply.tooManyCommands.wire))
                    }
                    try pipeline.addHandler(TrackingServerHandler(hostName: hostName, tls: tls, search: search))
                }
            }
        }
        listening.withLock { $0 += channels }
    }

    /// Ends listening and every connection: nothing that was said on one is lost by that.
    public func stop() async {
        for channel in listening.withLock({ $0 }) { try? await channel.close().get() }
        for channel in register.close() { channel.close(promise: nil) }
    }
}
