import ChannelSupport
import Logging
import MailNames
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
    /// - Throws: `ListeningError`.
    func listen(_ listener: POPServerOptions.Listener) async throws -> [any Channel] {
        let security = listener.security
        if security == .implicit, self.endpoint() == nil {
            throw ListeningError(service: "POP3", point: listener.point, underlying: NoIdentity())
        }
        return try await listener.point.listen(for: "POP3", on: self.group) { bootstrap in
            bootstrap.childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.welcome(channel, security) }
            }
        }
    }

    /// A connection came: counted, and given its handlers.
    private func welcome(_ channel: any Channel, _ security: POPServerOptions.Listener.Security) throws {
        // TCP_NODELAY comes from the listening socket.
        if let options = channel.syncOptions {
            try options.setOption(.allowRemoteHalfClosure, value: true)
            // Commands are short: one small read at a time is what a client can make us hold.
            try options.setOption(.maxMessagesPerRead, value: 1)
            try options.setOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 4096))
        }
        let peer = channel.remoteAddress?.mailAddress
        guard let peer, self.options.proxies.contains(where: { $0.contains(peer) }) else {
            return try self.begin(channel, security, nil, isAdmitted: self.register.admit(channel, from: peer))
        }
        guard self.register.admit(channel, from: nil) else {
            return try self.begin(channel, security, nil, isAdmitted: false)
        }
        let handler = ProxyHeaderHandler { channel, client in
            let isAdmitted = self.register.place(channel, at: client ?? peer)
            let address = try client.map { try SocketAddress(ipAddress: $0.description, port: 0) }
            try self.begin(channel, security, address, isAdmitted: isAdmitted)
        }
        try channel.pipeline.syncOperations.addHandler(handler)
    }

    /// The session begins, or is refused.
    ///
    /// - Parameter client: who the client is where the connection comes from a proxy.
    private func begin(
        _ channel: any Channel,
        _ security: POPServerOptions.Listener.Security,
        _ client: SocketAddress?,
        isAdmitted: Bool
    ) throws {
        let pipeline = channel.pipeline.syncOperations
        let address = client ?? channel.remoteAddress
        guard isAdmitted else {
            self.logger.debug("connection refused", metadata: ["peer": "\(address?.ipAddress ?? "-")"])
            let farewell = security == .implicit ? nil : POPReply.tooManyConnections.encoded
            return try pipeline.addHandler(RefusingHandler(farewell: farewell))
        }
        var session = self.options.session
        session.plaintextPasswords =
            address?.isLoopback == true && self.options.allowsPlaintextOnLoopback ? .always : .underTLS
        let settings = POPServerHandler.Settings(
            configuration: session,
            timeouts: self.options.timeouts,
            endpoint: self.endpoint
        )
        if security == .implicit {
            guard let endpoint = self.endpoint() else { throw NoIdentity() }
            try endpoint.appendServerHandlers(to: pipeline)
        }
        try pipeline.addHandler(
            POPServerHandler(
                settings: settings,
                authority: self.authority,
                isImplicitTLS: security == .implicit,
                client: client
            )
        )
    }
}
