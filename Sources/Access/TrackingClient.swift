import ChannelSupport
import MailBytes
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import TrackingProtocol

/// Why a message could not be tracked.
public struct TrackingFailure: Error, Sendable, CustomStringConvertible {
    public let description: String
}

/// Asks a host what became of a message: RFC 3887.
public enum TrackingClient {
    /// - Parameters:
    ///   - host: a name or an address.
    ///   - secret: what the sender kept.
    /// - Returns: the lines of the answer, a body part with message/tracking-status in it.
    /// - Throws: `TrackingFailure`.
    public static func track(
        envelopeID: String,
        secret: [UInt8],
        at host: String,
        port: Int,
        on group: any EventLoopGroup
    ) async throws -> [String] {
        let loop = group.next()
        let found = loop.makePromise(of: [String].self)
        do {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.minimumTLSVersion = .tlsv12
            // Whatever certificate there is, it is better than none: RFC 7435.
            configuration.certificateVerification = .none
            let tls = try NIOSSLContext(configuration: configuration)
            let channel = try await ClientBootstrap(group: loop)
                .connectTimeout(.seconds(30))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let session = TrackingClientSession(
                            server: host,
                            envelopeID: envelopeID,
                            secret: secret,
                            usesTLS: true
                        )
                        let handler = TrackingClientHandler(session: session, tls: tls, found: found)
                        try channel.pipeline.syncOperations.addHandler(handler)
                    }
                }
                .connect(host: host, port: port).get()
            defer { channel.close(promise: nil) }
            return try await found.futureResult.get()
        } catch let failure as TrackingFailure {
            throw failure
        } catch {
            found.fail(error)
            throw TrackingFailure(description: "no connection to \(host) port \(port): \(error)")
        }
    }
}

/// The channel of one client session.
private final class TrackingClientHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var session: TrackingClientSession
    private let tls: NIOSSLContext
    private let found: EventLoopPromise<[String]>
    private var inbound = ByteBuffer()
    private var timer: Scheduled<Void>?

    init(session: consuming TrackingClientSession, tls: NIOSSLContext, found: EventLoopPromise<[String]>) {
        self.session = session
        self.tls = tls
        self.found = found
    }

    func channelActive(context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        // At least 2 minutes: RFC 3887 section 2.5.
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: .minutes(2)) {
            let (handler, context) = bound.value
            handler.end("the server did not answer in time", context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) { end("the server closed the connection", context) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end("the connection broke: \(error)", context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case TLSUserEvent.handshakeCompleted = event { session.tlsEstablished() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        inbound.writeBuffer(&buffer)
        while let feed = inbound.readableBytesUInt8Span.firstIndex(of: .lineFeed) {
            let view = inbound
            inbound.moveReaderIndex(forwardBy: feed + 1)
            let octets = view.readableBytesUInt8Span
            let hasCR = feed > 0 && octets[feed - 1] == .carriageReturn
            perform(session.lineReceived(octets.extracting(0..<(hasCR ? feed - 1 : feed))), context)
        }
        if inbound.readableBytes > TrackingClientSession.lineLimit {
            end("the server sent a line without end", context)
        }
    }

    private func perform(_ action: TrackingClientSession.Action, _ context: ChannelHandlerContext) {
        switch action {
        case .wait: return
        case .send(let bytes):
            context.writeAndFlush(wrapOutboundOut(context.channel.allocator.buffer(bytes: bytes)), promise: nil)
        case .startTLS:
            inbound.clear()
            do {
                let handler = try NIOSSLClientHandler(context: tls, serverHostname: nil)
                try context.pipeline.syncOperations.addHandler(handler, position: .first)
            } catch {
                end("\(error)", context)
            }
        case .found(let lines):
            timer?.cancel()
            found.succeed(lines)
            context.writeAndFlush(wrapOutboundOut(context.channel.allocator.buffer(string: "QUIT\r\n")), promise: nil)
            context.close(promise: nil)
        case .failed(let text): end("the server answered: \(text)", context)
        }
    }

    private func end(_ reason: String, _ context: ChannelHandlerContext) {
        timer?.cancel()
        found.fail(TrackingFailure(description: reason))
        context.close(promise: nil)
    }
}
