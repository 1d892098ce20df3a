import ChannelSupport
import MailBytes
import NIOCore
import NIOSSL
import POPProtocol
import SASL

// Octets to events, actions to octets.
extension POPServerHandler {
    func connected(_ context: ChannelHandlerContext) {
        self.startTimer(context)
        // Under implicit TLS the greeting waits for the handshake.
        guard !self.isImplicitTLS else { return }
        self.perform(self.session.connected(), context)
        context.flush()
    }

    /// Whether no line may be fed now.
    func isBusy(_ context: ChannelHandlerContext) -> Bool {
        !self.session.acceptsLines || self.delay != nil || self.flags.contains(.closing)
            || !context.channel.isWritable
    }

    /// Feeds the lines that have arrived as long as the session takes them, then reads on or ends.
    func drain(_ context: ChannelHandlerContext) {
        guard !self.flags.contains(.draining), !self.flags.contains(.gone) else { return }
        self.flags.insert(.draining)
        while !self.isBusy(context), !self.flags.contains(.quiescing), let action = self.nextLine() {
            self.perform(action, context)
        }
        self.flags.remove(.draining)
        context.flush()
        guard !self.isBusy(context) else { return }
        if self.flags.contains(.quiescing) || self.flags.contains(.inputClosed) {
            // Nothing is in flight, and no whole line is left.
            self.perform(self.session.connectionLost(), context)
        } else if self.flags.contains(.readHeld) {
            self.flags.remove(.readHeld)
            context.read()
        }
    }

    private func nextLine() -> POPServerSession.Action? {
        guard var input = self.input else { return nil }
        self.input = nil
        defer { if input.readableBytes > 0 { self.input = input } }
        switch self.framing.next(in: &input, limit: self.session.lineLimit) {
        case .incomplete: return nil
        case .tooLong: return self.session.lineTooLong()
        case .line(let length, let terminator):
            let action = self.session.lineReceived(input.readableBytesUInt8Span.extracting(first: length))
            input.moveReaderIndex(forwardBy: length + terminator)
            return action
        }
    }

    func perform(_ action: POPServerSession.Action, _ context: ChannelHandlerContext) {
        switch action {
        case .send(let reply): self.write(reply.encoded, context)
        case .sendChallenge(let text): self.write(Array("+ \(text)\r\n".utf8), context)
        case .sendLater(let reply, let delay): self.sendLater(reply, delay, context)
        case .verify(let credentials): self.verify(credentials, context)
        case .findVerifier(let identity): self.findVerifier(identity, context)
        case .startTLS(let reply): self.startTLS(reply, context)
        case .sendListing(let reply):
            self.write(reply.encoded, context)
            self.flags.insert(.listing)
            self.sendOn(context)
        case .openMessage(let position, let asSurrogate): self.open(position, asSurrogate, context)
        case .sendMessage(let reply, let encoder):
            self.write(reply.encoded, context)
            self.outgoing?.encoder = encoder
            self.sendOn(context)
        case .remove(let positions): self.remove(positions, context)
        case .sendAndClose(let reply, let delay): self.sendAndClose(reply, delay, context)
        case .close: self.closeAfterWrites(context)
        case .proceed: break
        }
    }

    /// Closes once all that was written has left: a close throws away what the peer has not taken yet.
    ///
    /// A peer that takes nothing is waited for no longer than the inactivity timer allows.
    private func closeAfterWrites(_ context: ChannelHandlerContext) {
        guard !self.flags.contains(.closing) else { return }
        self.flags.insert(.closing)
        self.flags.remove(.listing)
        self.outgoing = nil
        self.releaseAccess()
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { _ in
            // Not from within a flush: the farewell of TLS would not be written before the socket is closed.
            context.eventLoop.assumeIsolated().execute { context.close(promise: nil) }
        }
        // It is complete when everything before it is.
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer()), promise: written)
    }

    /// Closes at once, whatever the peer has not taken.
    func abort(_ context: ChannelHandlerContext) {
        self.flags.insert(.closing)
        context.close(promise: nil)
    }

    func write(_ octets: [UInt8], _ context: ChannelHandlerContext) {
        context.write(self.wrapOutboundOut(context.channel.allocator.buffer(bytes: octets)), promise: nil)
    }

    private func sendLater(_ reply: POPReply, _ delay: Duration, _ context: ChannelHandlerContext) {
        self.delay = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(delay)) {
            self.delay = nil
            self.write(reply.encoded, context)
            self.drain(context)
        }
    }

    private func sendAndClose(_ reply: POPReply, _ delay: Duration, _ context: ChannelHandlerContext) {
        self.flags.insert(.closing)
        // Before the reply: a client that comes back at once finds its maildrop free.
        self.releaseAccess()
        guard delay > .zero else { return self.writeAndClose(reply, context) }
        self.delay = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(delay)) {
            self.delay = nil
            self.writeAndClose(reply, context)
        }
    }

    private func writeAndClose(_ reply: POPReply, _ context: ChannelHandlerContext) {
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
        let octets = context.channel.allocator.buffer(bytes: reply.encoded)
        context.writeAndFlush(self.wrapOutboundOut(octets), promise: written)
    }

    private func startTLS(_ reply: POPReply, _ context: ChannelHandlerContext) {
        guard let endpoint = self.settings.endpoint?() else {
            return self.perform(self.session.connectionLost(), context)
        }
        self.write(reply.encoded, context)
        context.flush()
        // What came behind the command was not under TLS: an attacker may have put it there (RFC 2595 section 4).
        self.input = nil
        self.framing.reset()
        self.flags.insert(.upgrading)
        do {
            try endpoint.addServerHandlers(to: context.pipeline.syncOperations)
            if self.flags.contains(.readHeld) {
                self.flags.remove(.readHeld)
                context.read()
            }
        } catch {
            self.perform(self.session.connectionLost(), context)
        }
    }

    /// The connection is gone: nothing is in flight any more, and nothing is kept.
    func gone() {
        self.flags.insert(.gone)
        self.task?.cancel()
        self.timer?.cancel()
        self.delay?.cancel()
        self.task = nil
        self.timer = nil
        self.delay = nil
        self.input = nil
        self.outgoing = nil
        self.releaseAccess()
    }

    func releaseAccess() {
        self.access?.release()
        self.access = nil
    }
}
