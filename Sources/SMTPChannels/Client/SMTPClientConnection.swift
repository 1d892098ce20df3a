import ChannelSupport
import MailBytes
import MailEvents
import MailNames
import NIOCore
import NIOPosix
import NIOSSL
import SMTPProtocol

/// A connection to an SMTP server, over which one transaction after the other goes.
public final class SMTPClientConnection: Sendable {
    /// What came of one transaction.
    public struct Outcome: Sendable {
        public var result: SMTPTransactionResult
        /// Lines and timings.
        public var dialogue: String
        /// Whether another transaction can follow.
        public var isUsable: Bool
        /// Whether the connection broke.
        public var isBroken: Bool
    }

    /// A connection that did not come to be of use, and what was said on it.
    public struct ConnectError: Error, Sendable {
        public var failure: SMTPClientFailure
        public var dialogue: String
    }

    /// Whom to connect to, and how.
    public struct Target: Sendable {
        public var address: SocketAddress
        public var session: SMTPClientSession.Configuration
        public var timeouts: SMTPTimeouts
        /// Makes the TLS handler, verifying or not; `nil` where there is no TLS.
        public var tls: (@Sendable () throws -> NIOSSLClientHandler)?
        /// What the handler's context tells its secrets to, so that a log-in can be bound to the connection.
        public var secrets: ExporterSecrets?
        /// The local address to connect from.
        public var source: SocketAddress?
        public var clock: WallClock

        public init(
            address: SocketAddress,
            session: SMTPClientSession.Configuration,
            timeouts: SMTPTimeouts = SMTPTimeouts(),
            tls: (@Sendable () throws -> NIOSSLClientHandler)?,
            secrets: ExporterSecrets? = nil,
            source: SocketAddress? = nil,
            clock: WallClock = .system
        ) {
            self.address = address
            self.session = session
            self.timeouts = timeouts
            self.tls = tls
            self.secrets = secrets
            self.source = source
            self.clock = clock
        }
    }

    let channel: any Channel
    let handler: NIOLoopBound<SMTPClientHandler>
    /// `TLSv1.3`; `nil` in clear.
    public let tls: String?
    /// What was said until it stood: greeting, EHLO, TLS, log-in without its secrets.
    public let opening: String
    /// What the server offers.
    public let extensions: SMTPServerExtensions

    init(
        channel: any Channel,
        handler: NIOLoopBound<SMTPClientHandler>,
        tls: String?,
        opening: String,
        extensions: SMTPServerExtensions
    ) {
        self.channel = channel
        self.handler = handler
        self.tls = tls
        self.opening = opening
        self.extensions = extensions
    }

    /// Whether the other side closed it, as far as is known.
    public var isClosed: Bool { !channel.isActive }

    /// Connects, says EHLO, starts TLS and logs in, as far as is asked for.
    ///
    /// - Throws: `ConnectError`.
    public static func connect(to target: Target, on loop: any EventLoop) async throws -> SMTPClientConnection {
        let ready = loop.makePromise(of: Void.self)
        let made = loop.makePromise(of: NIOLoopBound<SMTPClientHandler>.self)
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(TimeAmount(target.timeouts.connect))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if case .unixDomainSocket = target.address {
                    } else {
                        try channel.syncOptions?.setOption(.tcpOption(.tcp_nodelay), value: 1)
                    }
                    var session = target.session
                    if session.credentials != nil, session.nonce.isEmpty { session.nonce = Self.nonce() }
                    let handler = SMTPClientHandler(
                        configuration: session,
                        timeouts: target.timeouts,
                        tls: target.tls,
                        secrets: target.secrets,
                        clock: target.clock,
                        ready: ready
                    )
                    let pipeline = channel.pipeline.syncOperations
                    if session.tls == .implicit, let tls = target.tls {
                        try TLSEndpoint.addClientHandlers(tls(), secrets: target.secrets, to: pipeline)
                    }
                    try pipeline.addHandler(handler)
                    made.succeed(NIOLoopBound(handler, eventLoop: channel.eventLoop))
                }
            }
        let channel: any Channel
        do {
            let bound = target.source.map { bootstrap.bind(to: $0) } ?? bootstrap
            channel = try await bound.connect(to: target.address).get()
        } catch {
            // The handler may or may not have come to be; its promises end either way.
            ready.fail(error)
            made.fail(error)
            let failure = SMTPClientFailure.connection(.connectionLost, "no connection to \(target.address): \(error)")
            throw ConnectError(failure: failure, dialogue: "")
        }
        let handler = try await made.futureResult.get()
        do {
            try await ready.futureResult.get()
        } catch {
            let failure = error as? SMTPClientFailure ?? .connection(.connectionLost, "\(error)")
            let dialogue = try? await loop.submit { handler.value.dialogue.text }.get()
            channel.close(promise: nil)
            throw ConnectError(failure: failure, dialogue: dialogue ?? "")
        }
        let (tls, opening, extensions) = try await loop.submit {
            (handler.value.tlsVersion, handler.value.dialogue.text, handler.value.extensions)
        }.get()
        return SMTPClientConnection(
            channel: channel,
            handler: handler,
            tls: tls,
            opening: opening,
            extensions: extensions
        )
    }

    /// 24 octets of chance, in base64.
    private static func nonce() -> String {
        var generator = SystemRandomNumberGenerator()
        return Base64.encode((0..<24).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
    }

    /// Sends one message to its recipients.
    ///
    /// - Parameters:
    ///   - content: all of the content, or its first piece.
    ///   - laterPieces: how many more there are, asked for by number from 1 on.
    public func perform(
        _ delivery: SMTPDelivery,
        content: ByteBuffer,
        laterPieces: Int = 0,
        piece: @escaping @Sendable (Int) async throws -> ByteBuffer = { _ in ByteBuffer() }
    ) async -> Outcome {
        let loop = channel.eventLoop
        let finished = loop.makePromise(of: SMTPTransactionResult.self)
        let job = SMTPClientHandler.Job(
            delivery: delivery,
            content: content,
            laterPieces: laterPieces,
            piece: piece,
            finished: finished
        )
        // Whoever runs on the connection's loop goes on there: `get()` would lead over another thread, there and back.
        return await withCheckedContinuation { (continuation: CheckedContinuation<Outcome, Never>) in
            finished.futureResult.whenComplete { [handler] result in
                let value = handler.value
                switch result {
                case .success(let result):
                    let outcome = Outcome(
                        result: result,
                        dialogue: value.dialogue.text,
                        isUsable: value.mayBegin,
                        isBroken: value.isBroken
                    )
                    continuation.resume(returning: outcome)
                case .failure(let error):
                    let reply = SMTPReply(421, EnhancedStatus(4, 4, 2), "\(error)")
                    let result = SMTPTransactionResult(
                        outcomes: delivery.recipients.map { _ in .deferred(reply) },
                        passedNotifications: false
                    )
                    let outcome = Outcome(result: result, dialogue: "", isUsable: false, isBroken: true)
                    continuation.resume(returning: outcome)
                }
            }
            if loop.inEventLoop {
                handler.value.begin(job)
            } else {
                loop.execute { [handler] in handler.value.begin(job) }
            }
        }
    }

    /// Says QUIT and closes; the answer is not waited for long.
    public func close() async {
        let loop = channel.eventLoop
        try? await loop.submit { [handler] in handler.value.quit() }.get()
        try? await channel.closeFuture.get()
    }
}
