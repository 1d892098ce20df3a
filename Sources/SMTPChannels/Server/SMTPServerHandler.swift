import ChannelSupport
import MailBytes
import MailEvents
import MailNames
import NIOCore
import NIOSSL
import NIOTLS
import SMTPProtocol

/// The channel of one SMTP server session: bytes become events, actions become bytes.
///
/// Replies to what came in one read leave in one write. A client that does not read its replies, or whose command waits
/// for a judgement, is not read from beyond a bound.
public final class SMTPServerHandler: ChannelDuplexHandler, RemovableChannelHandler {
    public typealias InboundIn = ByteBuffer
    public typealias InboundOut = ByteBuffer
    public typealias OutboundIn = ByteBuffer
    public typealias OutboundOut = ByteBuffer

    /// What all sessions of a listener share.
    public struct Settings: Sendable {
        public var session: SMTPServerConfiguration
        public var timeouts: SMTPTimeouts
        /// What the next handshake is done with; `nil` where there is no TLS.
        public var endpoint: @Sendable () -> TLSEndpoint?
        public var isImplicitTLS: Bool
        /// Content beyond this goes to the disk as it arrives.
        public var contentInMemory: ByteCount
        public var clock: WallClock
        /// Hosts that say first for whom they connect: the PROXY protocol.
        public var proxies: [IPNetwork] = []
        /// Hosts that may speak for others: XCLIENT and XFORWARD.
        public var trusted: [IPNetwork] = []
        /// Where BURL fetches from; without one it is not offered.
        public var urlContent: (any URLContentSource)?
        /// Where transactions that broke off are kept; without one CHECKPOINT keeps nothing.
        public var checkpoints: SMTPCheckpointStore?

        public init(
            session: SMTPServerConfiguration,
            timeouts: SMTPTimeouts = SMTPTimeouts(),
            endpoint: @escaping @Sendable () -> TLSEndpoint?,
            isImplicitTLS: Bool = false,
            contentInMemory: ByteCount = .kibibytes(256),
            clock: WallClock = .system
        ) {
            self.session = session
            self.timeouts = timeouts
            self.endpoint = endpoint
            self.isImplicitTLS = isImplicitTLS
            self.contentInMemory = contentInMemory
            self.clock = clock
        }

        /// Settings with a TLS that log-ins cannot be bound to.
        public init(
            session: SMTPServerConfiguration,
            timeouts: SMTPTimeouts = SMTPTimeouts(),
            tls: @escaping @Sendable () -> NIOSSLContext?,
            isImplicitTLS: Bool = false,
            contentInMemory: ByteCount = .kibibytes(256),
            clock: WallClock = .system
        ) {
            self.init(
                session: session,
                timeouts: timeouts,
                endpoint: { tls().map { TLSEndpoint(context: $0) } },
                isImplicitTLS: isImplicitTLS,
                contentInMemory: contentInMemory,
                clock: clock
            )
        }
    }

    enum Mode {
        /// The client is to finish a TLS handshake.
        case handshaking
        case command
        /// A line longer than its limit is being thrown away. `announcesContent`: octets of content follow it.
        case skippingLine(announcesContent: Bool)
        case content(DotUnstuffer)
        case chunk(remaining: Int, isKept: Bool)
        /// A judgement or a commit is awaited.
        case waiting
        case closed
    }

    /// Octets that are kept while a command waits for its judgement; then reading stops.
    private static let inboundLimit = 64 << 10
    /// Replies that are gathered before they are flushed within one read.
    private static let outboundLimit = 16 << 10

    let settings: Settings
    let authority: any SMTPServerAuthority
    var session: SMTPServerSession
    var mode: Mode
    var inbound = ByteBuffer()
    private var outbound = ByteBuffer()
    var body: ByteBuffer?
    var upload: (any SMTPContentUpload)?
    /// Who takes the connection over when it turns around.
    var successor: (@Sendable (any Channel) -> Void)?
    private var deadline = Deadline()
    private var peer: IPAddress?
    private var tlsVersion: String?
    private var isProcessing = false
    var uploadIsBehind = false
    /// Whether what was uploaded ends where a line does. Known of transactions with TRANSID alone.
    var uploadEndsLine = true
    /// A transaction with TRANSID is in use here: RFC 1845.
    var checkpoint: SMTPCheckpointTicket?
    private var readIsHeld = false
    private var inputEnded = false
    private var isLingering = false
    /// Whether the authority was told who the client is.
    private var hasAppeared = false

    /// - Parameters:
    ///   - peer: the client's address where it is not the connection's.
    ///   - tls: the version of TLS that stands already, where this side was the connection's client before.
    public init(
        settings: Settings,
        authority: any SMTPServerAuthority,
        peer: IPAddress? = nil,
        tls: String? = nil
    ) {
        self.tlsVersion = tls
        self.settings = settings
        self.authority = authority
        self.peer = peer
        self.session = SMTPServerSession(
            configuration: settings.session,
            isEncrypted: settings.isImplicitTLS || tls != nil
        )
        self.mode = settings.isImplicitTLS ? .handshaking : .command
    }

    var client: SMTPClientDescription {
        var client = SMTPClientDescription(
            peer: session.clientAddress(peer),
            helo: session.clientName,
            account: session.account,
            tls: tlsVersion,
            role: settings.session.role,
            isExtended: session.isExtended
        )
        client.certificateFingerprint = session.certificateFingerprint
        return client
    }

    // MARK: Channel

    public func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { begin(context) }
    }

    public func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    private func begin(_ context: ChannelHandlerContext) {
        if peer == nil { peer = context.remoteAddress?.mailAddress }
        if let peer, !settings.trusted.isEmpty {
            session.trustsPeer = settings.trusted.contains { $0.contains(peer) }
        }
        touch(context, settings.timeouts.command)
        guard !settings.isImplicitTLS else { return }
        send(session.greeting, context)
        flush(context)
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        if case .closed = mode { return }
        if inbound.readableBytes == 0 { inbound = buffer } else { inbound.writeBuffer(&buffer) }
        session.now = settings.clock.now()
        process(context)
    }

    public func channelReadComplete(context: ChannelHandlerContext) {
        flush(context)
        context.fireChannelReadComplete()
    }

    public func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { proceed(context) }
        context.fireChannelWritabilityChanged()
    }

    public func read(context: ChannelHandlerContext) {
        guard mayRead(context) else {
            readIsHeld = true
            return
        }
        context.read()
    }

    private func mayRead(_ context: ChannelHandlerContext) -> Bool {
        if case .closed = mode { return true }
        return context.channel.isWritable && !uploadIsBehind && inbound.readableBytes < Self.inboundLimit
    }

    public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case TLSUserEvent.handshakeCompleted:
            guard case .handshaking = mode else { return }
            let handler = try? context.pipeline.syncOperations.handler(type: NIOSSLServerHandler.self)
            tlsVersion = handler?.tlsVersion.map(Self.name(of:)) ?? "TLS"
            mode = .command
            session.tlsEstablished(TLSEndpoint.connection(of: context.pipeline.syncOperations))
            if settings.isImplicitTLS { send(session.greeting, context) }
            touch(context, settings.timeouts.command)
            flush(context)
            proceed(context)
        case ChannelEvent.inputClosed:
            // A half-closed client gets the answers to what it sent.
            inputEnded = true
            closeAfterInput(context)
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    private static func name(of version: TLSVersion) -> String {
        switch version {
        case .tlsv1: "TLSv1.0"
        case .tlsv11: "TLSv1.1"
        case .tlsv12: "TLSv1.2"
        case .tlsv13: "TLSv1.3"
        }
    }

    /// The connection goes on without this side of the session.
    func leave(_ context: ChannelHandlerContext, to successor: @Sendable (any Channel) -> Void) {
        flush(context)
        mode = .closed
        deadline.cancel()
        successor(context.channel)
        let rest = inbound
        inbound = ByteBuffer()
        if rest.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(rest)) }
        if readIsHeld {
            readIsHeld = false
            context.read()
        }
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    public func channelInactive(context: ChannelHandlerContext) {
        leaveCheckpoint(context)
        mode = .closed
        deadline.cancel()
        upload?.abandon()
        upload = nil
        body = nil
        inbound = ByteBuffer()
        context.fireChannelInactive()
    }

    public func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The client closed its side without saying so in TLS. What it sent before is answered as without TLS: the event
        // that its input is closed comes next.
        if case NIOSSLError.uncleanShutdown = error { return }
        // A reset or a failed handshake: whatever it was, this connection is of no more use.
        context.close(promise: nil)
    }

    // MARK: Time

    func touch(_ context: ChannelHandlerContext, _ patience: Duration) {
        deadline.move(by: TimeAmount(patience), on: context.eventLoop, fire: timer(context))
    }

    private func timer(_ context: ChannelHandlerContext) -> @Sendable () -> Void {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        return {
            let (handler, context) = bound.value
            handler.timerFired(context)
        }
    }

    private func timerFired(_ context: ChannelHandlerContext) {
        guard context.channel.isActive, deadline.fired(on: context.eventLoop, fire: timer(context)) else { return }
        // While we ourselves are what is waited for, the client's time does not run.
        if case .waiting = mode, context.channel.isWritable {
            touch(context, settings.timeouts.command)
            return
        }
        if case .handshaking = mode {
            // There is no way to tell it: a reply would wait for the same handshake.
            abort(context)
            return
        }
        send(.timedOut, context)
        close(context)
    }

    private func abort(_ context: ChannelHandlerContext) {
        leaveCheckpoint(context)
        mode = .closed
        deadline.cancel()
        outbound = ByteBuffer()
        context.close(promise: nil)
    }

    /// The service stops: the client is told, unless a message of its is being made durable.
    public func shutDown(context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        if case .waiting = mode {
            inputEnded = true
            return
        }
        if case .handshaking = mode { return abort(context) }
        send(.shuttingDown(settings.session.hostName), context)
        close(context)
    }

    // MARK: Out

    func send(_ reply: SMTPReply, _ context: ChannelHandlerContext) {
        if outbound.capacity == 0 { outbound = context.channel.allocator.buffer(capacity: max(256, reply.wire.count)) }
        outbound.writeBytes(reply.wire)
    }

    func flush(_ context: ChannelHandlerContext) {
        guard outbound.readableBytes > 0 else { return }
        let buffer = outbound
        outbound = ByteBuffer()
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    }

    /// Closes when the last reply is out.
    ///
    /// - Parameter lingers: the client may still be sending. A close on top of what was not read resets the connection,
    ///   and takes the reply from the client that it is meant for; so only this side is closed, and what comes is thrown
    ///   away for a while.
    func close(_ context: ChannelHandlerContext, lingers: Bool = false) {
        leaveCheckpoint(context)
        mode = .closed
        deadline.cancel()
        upload?.abandon()
        upload = nil
        body = nil
        inbound = ByteBuffer()
        guard outbound.readableBytes > 0 else {
            context.close(promise: nil)
            return
        }
        let buffer = outbound
        outbound = ByteBuffer()
        let loopBound = NIOLoopBound(context, eventLoop: context.eventLoop)
        isLingering = lingers && !inputEnded
        let way: CloseMode = isLingering ? .output : .all
        context.writeAndFlush(wrapOutboundOut(buffer)).whenComplete { _ in
            loopBound.value.close(mode: way, promise: nil)
        }
        if readIsHeld {
            readIsHeld = false
            context.read()
        }
        // Whoever does not take the last reply is not waited for long. Mostly it is out, and the channel gone, by now.
        guard context.channel.isActive else { return }
        context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(10)) { loopBound.value.close(promise: nil) }
    }

    // MARK: In

    /// Goes on after a wait.
    func proceed(_ context: ChannelHandlerContext) {
        process(context)
        flush(context)
        if readIsHeld && mayRead(context) {
            readIsHeld = false
            context.read()
        }
        closeAfterInput(context)
    }

    /// Tells the authority who the client is, once a connection: what that sets going is work.
    func introduceClient() {
        guard !hasAppeared, session.clientName != nil else { return }
        hasAppeared = true
        authority.clientAppeared(client)
    }

    private func closeAfterInput(_ context: ChannelHandlerContext) {
        guard inputEnded else { return }
        switch mode {
        case .closed where isLingering: context.close(promise: nil)
        case .waiting, .closed: return
        default: if context.channel.isWritable { close(context) }
        }
    }

    private func process(_ context: ChannelHandlerContext) {
        guard !isProcessing else { return }
        isProcessing = true
        defer { isProcessing = false }
        var moved = false
        while inbound.readableBytes > 0 {
            if outbound.readableBytes > Self.outboundLimit {
                flush(context)
                guard context.channel.isWritable else { break }
            }
            guard step(context) else { break }
            moved = true
        }
        if inbound.readableBytes == 0 && inbound.capacity > 0 { inbound = ByteBuffer() }
        if moved, case .closed = mode {} else if moved { touch(context, patience) }
    }

    private var patience: Duration {
        switch mode {
        case .content, .chunk: settings.timeouts.contentBlock
        default: settings.timeouts.command
        }
    }

    /// Takes one line or piece of content; `false` when there is no whole one, or something is awaited.
    private func step(_ context: ChannelHandlerContext) -> Bool {
        switch mode {
        case .command: return takeLine(context)
        case .skippingLine(let announcesContent): return skipLine(announcesContent, context)
        case .content(let unstuffer): return takeContent(unstuffer, context)
        case .chunk(let remaining, let isKept): return takeChunk(remaining, isKept, context)
        case .handshaking, .waiting, .closed: return false
        }
    }

    /// A line ends with CR LF. A bare LF ends it too, but then the session sees the LF and refuses the line: it is never
    /// taken for a good one, and nobody waits in vain.
    private func takeLine(_ context: ChannelHandlerContext) -> Bool {
        let limit = session.lineLimit
        let view = inbound
        guard let (line, consumed) = Self.line(in: view, limit: limit) else {
            if view.readableBytes >= limit + 2 {
                let announcesContent = SMTPServerSession.announcesContent(view.readableBytesUInt8Span)
                mode = .skippingLine(announcesContent: announcesContent)
                return true
            }
            return false
        }
        let action = session.lineReceived(view.readableBytesUInt8Span.extracting(0..<line))
        inbound.moveReaderIndex(forwardBy: consumed)
        perform(action, context)
        return true
    }

    /// Throws a line away that is too long. It ends as any other line does: were a bare LF its end, what stands behind it would
    /// be a command here, and text of one line for whoever passed it on.
    private func skipLine(_ announcesContent: Bool, _ context: ChannelHandlerContext) -> Bool {
        let view = inbound
        switch Self.end(ofLongLine: view.readableBytesUInt8Span) {
        case .notYet(let skipped):
            inbound.moveReaderIndex(forwardBy: skipped)
            return false
        case .bareNewline: perform(session.bareNewlineInLongLine(), context)
        case .at(let next):
            inbound.moveReaderIndex(forwardBy: next)
            mode = .command
            perform(session.lineTooLong(announcesContent: announcesContent), context)
        }
        return true
    }

    private enum LongLineEnd {
        /// That many octets belong to it and can go; a CR at the end is judged with what follows it.
        case notYet(skipped: Int)
        case bareNewline
        case at(next: Int)
    }

    private static func end(ofLongLine octets: Span<UInt8>) -> LongLineEnd {
        let carriageReturn = octets.firstIndex(of: .carriageReturn) ?? octets.count
        if octets.extracting(0..<carriageReturn).firstIndex(of: .lineFeed) != nil { return .bareNewline }
        guard carriageReturn + 1 < octets.count else { return .notYet(skipped: carriageReturn) }
        return octets[carriageReturn + 1] == .lineFeed ? .at(next: carriageReturn + 2) : .bareNewline
    }

    /// Octets of the first line that belong to it, and octets that it takes up.
    private static func line(in buffer: ByteBuffer, limit: Int) -> (line: Int, consumed: Int)? {
        let octets = buffer.readableBytesUInt8Span
        guard let feed = octets.extracting(0..<min(octets.count, limit + 2)).firstIndex(of: .lineFeed) else {
            return nil
        }
        let isClean = feed > 0 && octets[feed - 1] == .carriageReturn
        return (isClean ? feed - 1 : feed + 1, feed + 1)
    }
}
