import ChannelSupport
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
        let pipeline = channel.pipeline.syncOperations
        guard self.register.admit(channel, from: channel.remoteAddress?.mailAddress) else {
            self.logger.debug("connection refused", metadata: ["peer": "\(channel.remoteAddress?.ipAddress ?? "-")"])
            let farewell = security == .implicit ? nil : POPReply.tooManyConnections.encoded
            return try pipeline.addHandler(RefusingHandler(farewell: farewell))
        }
        var session = self.options.session
        session.plaintextPasswords =
            channel.remoteAddress?.isLoopback == true && self.options.allowsPlaintextOnLoopback ? .always : .underTLS
        let settings = POPServerHandler.Settings(
            configuration: session,
            timeouts: self.options.timeouts,
            endpoint: self.endpoint
        )
        if security == .implicit {
            guard let endpoint = self.endpoint() else { throw NoIdentity() }
            try endpoint.addServerHandlers(to: pipeline)
        }
        try pipeline.addHandler(
            POPServerHandler(settings: settings, authority: self.authority, isImplicitTLS: security == .implicit)
        )
    }
}
