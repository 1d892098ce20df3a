import NIOCore
import SASL

/// Stands between the socket and TLS during a handshake, and notes the random of the client's first message; then it goes.
///
/// A message that is cut before its 43rd octet is waited for; what is no ClientHello leaves the connection without
/// `tls-exporter`, and nothing else.
final class HandshakeWitness: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer

    /// What a server's log-ins are bound to beside the secret; `nil` on a client's connection.
    let endpoint: TLSEndpoint?
    private let secrets: ExporterSecrets?
    private var beginning: [UInt8] = []
    private var random: [UInt8]?
    private var isDone = false

    init(server endpoint: TLSEndpoint) {
        self.endpoint = endpoint
        self.secrets = endpoint.secrets
    }

    init(client secrets: ExporterSecrets) {
        self.endpoint = nil
        self.secrets = secrets
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        if let random = self.random { self.secrets?.forget(random) }
        self.random = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if self.endpoint != nil { self.look(self.unwrapInboundIn(data)) }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if self.endpoint == nil { self.look(self.unwrapOutboundIn(data)) }
        context.write(data, promise: promise)
    }

    /// The exporter secret of the handshake that is over.
    func takeSecret() -> [UInt8]? {
        guard let random = self.random else { return nil }
        self.random = nil
        return self.secrets?.take(random)
    }

    /// A record of a handshake (22), its version and length; a ClientHello (1) and its length; its version; 32 octets. RFC
    /// 8446 sections 4.1.2 and 5.1.
    private func look(_ buffer: ByteBuffer) {
        guard !self.isDone, let secrets = self.secrets else { return }
        self.beginning += buffer.readableBytesView.prefix(Self.needed - self.beginning.count)
        guard self.beginning.count == Self.needed else { return }
        self.isDone = true
        if self.beginning[0] == 22, self.beginning[5] == 1 {
            let random = Array(self.beginning[11..<43])
            self.random = random
            secrets.expect(random)
        }
        self.beginning = []
    }

    private static let needed = 43
}
