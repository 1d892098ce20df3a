import NIOCore
import POPProtocol
import SASL

/// A message between its opening and its last octet.
struct POPOutgoingMessage {
    /// What has been read and not yet been written.
    var content: POPMessageContent
    var encoder = POPContentEncoder()
    /// A chunk has been asked for.
    var isReading = false
}

// What takes time: one task an action, its result an event on the loop.
extension POPServerHandler {
    func verify(_ credentials: SASLCredentials, _ context: ChannelHandlerContext) {
        let authority = self.authority
        let connection = POPConnection(
            peer: self.client ?? context.remoteAddress,
            isEncrypted: self.flags.contains(.encrypted)
        )
        self.await(context) {
            await authority.logIn(credentials, from: connection)
        } then: { result in
            if self.flags.contains(.gone) || self.flags.contains(.closing) {
                // The connection ended meanwhile; a lock that was won is given back.
                if case .success(.accepted(_, let access)) = result { access.release() }
                return
            }
            switch result {
            case .success(.accepted(let maildrop, let access)):
                self.access = access
                self.perform(self.session.loginJudged(.accepted(maildrop)), context)
            case .success(.refused(let refusal)):
                self.perform(self.session.loginJudged(refusal.judgement), context)
            case .failure:
                self.perform(self.session.loginJudged(.unavailable), context)
            }
            self.drain(context)
        }
    }

    func findVerifier(_ identity: SCRAMIdentity, _ context: ChannelHandlerContext) {
        let authority = self.authority
        self.await(context) {
            await authority.scramChallenge(for: identity)
        } then: { result in
            guard !self.flags.contains(.gone), !self.flags.contains(.closing) else { return }
            let challenge = try? result.get()
            self.perform(self.session.verifierFound(challenge), context)
            self.drain(context)
        }
    }

    func open(_ position: Int, _ asSurrogate: Bool, _ context: ChannelHandlerContext) {
        guard let access = self.access else { return self.perform(self.session.messageOpened(false), context) }
        self.await(context) {
            try await access.content(at: position, asSurrogate: asSurrogate)
        } then: { result in
            guard !self.flags.contains(.gone) else { return }
            if case .success(let content) = result {
                self.outgoing = POPOutgoingMessage(content: content)
                self.perform(self.session.messageOpened(true), context)
            } else {
                self.perform(self.session.messageOpened(false), context)
            }
            self.drain(context)
        }
    }

    func remove(_ positions: [Int], _ context: ChannelHandlerContext) {
        guard let access = self.access else { return self.perform(self.session.messagesRemoved(false), context) }
        self.await(context) {
            try await access.remove(positions)
        } then: { result in
            guard !self.flags.contains(.gone) else { return }
            if case .success = result {
                self.perform(self.session.messagesRemoved(true), context)
            } else {
                self.perform(self.session.messagesRemoved(false), context)
            }
        }
    }

    /// Writes on what is being sent, as long as the peer takes it.
    func sendOn(_ context: ChannelHandlerContext) {
        while self.flags.contains(.listing), context.channel.isWritable {
            if let chunk = self.session.nextListingChunk() {
                self.write(chunk, context)
            } else {
                self.flags.remove(.listing)
            }
        }
        if let outgoing = self.outgoing, !outgoing.isReading, context.channel.isWritable { self.sendChunk(context) }
        // Inside of `drain`, that flushes; a flush there would begin the next step before this one is finished.
        if !self.flags.contains(.draining) { context.flush() }
    }

    private func sendChunk(_ context: ChannelHandlerContext) {
        switch self.outgoing?.content {
        case nil: break
        case .whole(let buffer):
            self.write(content: buffer, context)
            self.messageEnded(context)
        case .chunks(let next):
            self.outgoing?.isReading = true
            self.await(context) {
                try await next()
            } then: { result in
                guard !self.flags.contains(.gone) else { return }
                self.outgoing?.isReading = false
                switch result {
                case .success(let chunk?):
                    self.write(content: chunk, context)
                    if self.outgoing?.encoder.isCut == true { self.messageEnded(context) }
                    self.sendOn(context)
                case .success(nil): self.messageEnded(context)
                case .failure: self.perform(self.session.messageBroken(), context)
                }
                self.drain(context)
            }
        }
    }

    private func messageEnded(_ context: ChannelHandlerContext) {
        if let encoder = self.outgoing?.encoder { self.write(encoder.termination, context) }
        self.outgoing = nil
        self.perform(self.session.messageSent(), context)
    }

    /// Writes a chunk byte-stuffed. A chunk without anything to stuff, which most are, goes out as it is, uncopied.
    private func write(content chunk: ByteBuffer, _ context: ChannelHandlerContext) {
        guard var outgoing = self.outgoing else { return }
        defer { self.outgoing = outgoing }
        let count = chunk.readableBytes
        guard let first = outgoing.encoder.nextPiece(of: chunk.readableBytesUInt8Span, from: 0) else { return }
        if first.insertion == .nothing {
            guard let slice = chunk.getSlice(at: chunk.readerIndex, length: first.range.count) else { return }
            return context.write(self.wrapOutboundOut(slice), promise: nil)
        }
        var octets = context.channel.allocator.buffer(capacity: count + count / 64 + 16)
        var piece: POPContentEncoder.Piece? = first
        while let found = piece {
            if let slice = chunk.getSlice(at: chunk.readerIndex + found.range.lowerBound, length: found.range.count) {
                octets.writeImmutableBuffer(slice)
            }
            switch found.insertion {
            case .nothing: break
            case .carriageReturn: octets.writeInteger(0x0D as UInt8)
            case .dot: octets.writeInteger(UInt8(ascii: "."))
            }
            piece = outgoing.encoder.nextPiece(of: chunk.readableBytesUInt8Span, from: found.range.upperBound)
        }
        context.write(self.wrapOutboundOut(octets), promise: nil)
    }

    /// Runs what waits in a task of this connection, and comes back to the loop with its result.
    private func `await`<Value: Sendable>(
        _ context: ChannelHandlerContext,
        _ body: @escaping @Sendable () async throws -> Value,
        then resume: @escaping (Result<Value, any Error>) -> Void
    ) {
        let promise = context.eventLoop.makePromise(of: Value.self)
        promise.futureResult.assumeIsolated().whenComplete { result in
            self.task = nil
            resume(result)
        }
        self.task = promise.completeWithTask(body)
    }
}

extension POPLoginRefusal {
    var judgement: POPServerSession.LoginJudgement {
        switch self {
        case .rejected: .rejected
        case .maildropInUse: .maildropInUse
        case .tooSoon: .tooSoon
        case .unavailable: .unavailable
        case .broken: .broken
        }
    }
}
