import ChannelSupport
import MailBytes
import NIOCore
import NIOSSL
import NIOTLS
import TrackingProtocol

/// The channel of one message tracking session: bytes become events, actions become bytes. RFC 3887.
final class TrackingServerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Looks for a message.
    typealias Search = @Sendable (_ envelopeID: String, _ secret: [UInt8]) async -> TrackingServerSession.Finding

    /// Octets that wait while a message is looked for.
    private static let inboundLimit = 16 << 10
    /// At least 10 minutes: RFC 3887 section 2.5.
    private static let patience = TimeAmount.minutes(10)

    private var session: TrackingServerSession
    private let tls: @Sendable () -> NIOSSLContext?
    private let search: Search
    private var inbound = ByteBuffer()
    private var skipsLine = false
    /// A search or a handshake is awaited.
    private var isWaiting = false
    private var isClosed = false
    private var deadline = Deadline()

    init(hostName: String, tls: @escaping @Sendable () -> NIOSSLContext?, search: @escaping Search) {
        self.session = TrackingServerSession(hostName: hostName, offersTLS: tls() != nil)
        self.tls = tls
        self.search = search
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { begin(context) }
    }

    func channelActive(context: ChannelHandlerContext) { begin(context) }

    private func begin(_ context: ChannelHandlerContext) {
        touch(context)
        send(session.greeting, context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        isClosed = true
        deadline.cancel()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case TLSUserEvent.handshakeCompleted = event else { return context.fireUserInboundEventTriggered(event) }
        isWaiting = false
        perform(session.tlsEstablished(), context)
        process(context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isClosed else { return }
        var buffer = unwrapInboundIn(data)
        inbound.writeBuffer(&buffer)
        touch(context)
        process(context)
        // One search at a time: who sends more commands than that is not waited for.
        if inbound.readableBytes > Self.inboundLimit { context.close(promise: nil) }
    }

    private func process(_ context: ChannelHandlerContext) {
        while !isWaiting && !isClosed {
            guard let feed = inbound.readableBytesUInt8Span.firstIndex(of: .lineFeed) else {
                if inbound.readableBytes > TrackingServerSession.lineLimit + 2 {
                    skipsLine = true
                    inbound.clear()
                }
                break
            }
            let view = inbound
            inbound.moveReaderIndex(forwardBy: feed + 1)
            if skipsLine {
                skipsLine = false
                perform(session.lineTooLong(), context)
                continue
            }
            let octets = view.readableBytesUInt8Span
            let hasCR = feed > 0 && octets[feed - 1] == .carriageReturn
            // A bare LF stays part of its line, which is no command then.
            perform(session.lineReceived(octets.extracting(0..<(hasCR ? feed - 1 : feed + 1))), context)
        }
        if inbound.readableBytes == 0 { inbound = ByteBuffer() }
    }

    private func perform(_ action: TrackingServerSession.Action, _ context: ChannelHandlerContext) {
        switch action {
        case .send(let reply): send(reply, context)
        case .sendAndClose(let reply): close(reply, context)
        case .startTLS(let reply):
            guard let tls = tls() else { return context.close(promise: nil) }
            send(reply, context)
            inbound.clear()
            isWaiting = true
            do {
                try context.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls), position: .first)
            } catch {
                context.close(promise: nil)
            }
        case .track(let envelopeID, let secret):
            isWaiting = true
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            let promise = context.eventLoop.makePromise(of: TrackingServerSession.Finding.self)
            promise.completeWithTask { [search] in await search(envelopeID, secret) }
            promise.futureResult.whenComplete { result in
                let (handler, context) = bound.value
                guard !handler.isClosed else { return }
                handler.isWaiting = false
                handler.perform(handler.session.tracked((try? result.get()) ?? .unavailable), context)
                handler.process(context)
            }
        }
    }

    private func send(_ reply: TrackingReply, _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(context.channel.allocator.buffer(bytes: reply.wire)), promise: nil)
    }

    private func close(_ reply: TrackingReply, _ context: ChannelHandlerContext) {
        isClosed = true
        deadline.cancel()
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(context.channel.allocator.buffer(bytes: reply.wire))).whenComplete { _ in
            bound.value.close(promise: nil)
        }
    }

    private func touch(_ context: ChannelHandlerContext) {
        deadline.move(by: Self.patience, on: context.eventLoop, fire: timer(context))
    }

    private func timer(_ context: ChannelHandlerContext) -> @Sendable () -> Void {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        return {
            let (handler, context) = bound.value
            guard !handler.isClosed, handler.deadline.fired(on: context.eventLoop, fire: handler.timer(context)) else {
                return
            }
            handler.close(.timedOut, context)
        }
    }
}
