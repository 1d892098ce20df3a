import ChannelSupport
import MailBytes
import MailNames
import NIOCore
import NIOSSL
import SMTPProtocol

extension SMTPServerHandler {
    /// Carries an action of the session out.
    ///
    /// It is given away with it, so that the session alone holds the recipients when it adds one to them.
    func perform(_ action: consuming SMTPServerSession.Action, _ context: ChannelHandlerContext) {
        if checkpoint != nil { endSettledCheckpoint() }
        switch consume action {
        case .send(let reply):
            send(reply, context)
            // EHLO and HELO alone are answered without a status.
            if reply.code == 250 && reply.status == nil { introduceClient() }
            if !session.holdsContent { forgetContent() }
        case .sendAndClose(let reply):
            send(reply, context)
            close(context, lingers: reply.code != 221)
        case .sendEach(let replies):
            for reply in replies { send(reply, context) }
            forgetContent()
        case .refuseSmuggling(let reply):
            authority.smugglingRefused(reply, session.smuggledTransaction, client)
            send(reply, context)
            close(context, lingers: true)
        case .judgeSender(let transaction):
            judge(authority.judgeSender(transaction, client, on: context.eventLoop), context) { $0.senderJudged($1) }
        case .recall(let transaction): recall(transaction, context)
        case .judgeRecipient(let recipient, let transaction):
            let judging = authority.judgeRecipient(recipient, consume transaction, client, on: context.eventLoop)
            judge(judging, context) { $0.recipientJudged($1) }
        case .judgeCredentials(let credentials):
            mode = .waiting
            let (authority, client) = (self.authority, self.client)
            let promise = context.eventLoop.makePromise(of: SMTPServerSession.CredentialsJudgement.self)
            promise.completeWithTask { await authority.judgeCredentials(credentials, client) }
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            promise.futureResult.whenComplete { result in
                let (handler, context) = bound.value
                handler.judged((try? result.get()) ?? .unavailable, context) { $0.credentialsJudged($1) }
            }
        case .findVerifier(let identity):
            mode = .waiting
            let (authority, client) = (self.authority, self.client)
            let promise = context.eventLoop.makePromise(of: SMTPServerSession.VerifierAnswer.self)
            promise.completeWithTask {
                await authority.scramChallenge(for: identity, client).map { .found($0) } ?? .unavailable
            }
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            promise.futureResult.whenComplete { result in
                let (handler, context) = bound.value
                handler.judged((try? result.get()) ?? .unavailable, context) { $0.verifierFound($1) }
            }
        case .lookUp(let lookup):
            mode = .waiting
            let (authority, client) = (self.authority, self.client)
            let promise = context.eventLoop.makePromise(of: SMTPReply.self)
            promise.completeWithTask { await authority.lookUp(lookup, client) }
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            promise.futureResult.whenComplete { result in
                let (handler, context) = bound.value
                handler.judged((try? result.get()) ?? .localError, context) { $0.lookedUp($1) }
            }
        case .askQueue(let request): askQueue(request, context)
        case .turnAround(let reply):
            send(reply, context)
            if let successor { leave(context, to: successor) } else { close(context) }
        case .startTLS(let reply): startTLS(reply, context)
        case .receiveContent(let reply):
            send(reply, context)
            forgetContent()
            mode = .content(DotUnstuffer(settings.session.bareNewlines))
        case .resumeContent(let reply):
            send(reply, context)
            mode = .content(DotUnstuffer(settings.session.bareNewlines))
        case .receiveChunk(let size, let isKept): mode = .chunk(remaining: size, isKept: isKept)
        case .commit(let transaction): commit(transaction, context)
        case .resolve(let url, let account): resolve(url, account, context)
        }
    }

    private func judge(
        _ judging: SMTPJudging,
        _ context: ChannelHandlerContext,
        _ event: @escaping @Sendable (inout SMTPServerSession, SMTPServerSession.Judgement) -> SMTPServerSession.Action
    ) {
        switch judging {
        case .now(let judgement): perform(event(&session, judgement), context)
        case .later(let future):
            mode = .waiting
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            future.hop(to: context.eventLoop).whenComplete { result in
                let (handler, context) = bound.value
                handler.judged((try? result.get()) ?? .refused(.localError), context, event)
            }
        }
    }

    /// A judgement came that was waited for.
    func judged<Judgement>(
        _ judgement: Judgement,
        _ context: ChannelHandlerContext,
        _ event: (inout SMTPServerSession, Judgement) -> SMTPServerSession.Action
    ) {
        guard context.channel.isActive, case .waiting = mode else { return }
        mode = .command
        perform(event(&session, judgement), context)
        proceed(context)
    }

    private func startTLS(_ reply: SMTPReply, _ context: ChannelHandlerContext) {
        guard let endpoint = settings.endpoint() else {
            perform(.send(.tlsUnavailable), context)
            return
        }
        send(reply, context)
        flush(context)
        // What came before the handshake came from anybody: RFC 3207 section 6.
        inbound.clear()
        mode = .handshaking
        do {
            try endpoint.addServerHandlers(to: context.pipeline.syncOperations)
        } catch {
            close(context)
        }
    }

    /// Fetches the content of a URL, which then counts as a chunk: RFC 4468 section 3.2.
    private func resolve(_ url: String, _ account: String, _ context: ChannelHandlerContext) {
        guard let source = settings.urlContent else {
            perform(session.urlResolved(octets: nil), context)
            return
        }
        mode = .waiting
        let limit = settings.session.limits.messageSize.bytes
        let promise = context.eventLoop.makePromise(of: URLContent.self)
        promise.completeWithTask { await source.content(of: url, for: account, limit: limit) }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        promise.futureResult.whenComplete { result in
            let (handler, context) = bound.value
            handler.resolved((try? result.get()) ?? .refused(.urlUnresolved), context)
        }
    }

    private func resolved(_ content: URLContent, _ context: ChannelHandlerContext) {
        switch content {
        case .refused(let reply):
            judged(reply, context) { $0.urlResolved(octets: nil, refusal: $1) }
        case .found(let octets):
            guard context.channel.isActive, case .waiting = mode else { return }
            var content = body ?? context.channel.allocator.buffer(capacity: max(octets.readableBytes, 1024))
            body = nil
            content.writeImmutableBuffer(octets)
            keep(content, context)
            judged(octets.readableBytes, context) { $0.urlResolved(octets: $1) }
        }
    }

    // MARK: Content

    func forgetContent() {
        if let upload {
            upload.abandon()
            self.upload = nil
        }
        if body != nil { body = nil }
    }

    func takeContent(_ unstuffer: DotUnstuffer, _ context: ChannelHandlerContext) -> Bool {
        var unstuffer = unstuffer
        let count = inbound.readableBytes
        var content = body ?? context.channel.allocator.buffer(capacity: max(count, 1024))
        body = nil
        let before = content.readableBytes
        let start = inbound.readerIndex
        let view = inbound
        let outcome = unstuffer.consume(view.readableBytesUInt8Span) { piece in
            switch piece {
            case .bytes(let range):
                // A copy of received bytes into the message, the only one.
                view.withUnsafeReadableBytes { _ = content.writeBytes(UnsafeRawBufferPointer(rebasing: $0[range])) }
            case .lineEnd: _ = content.writeStaticString("\r\n")
            }
        }
        let fits = session.contentReceived(content.readableBytes - before)
        if fits { keep(content, context) } else { forgetContent() }
        switch outcome {
        case .incomplete:
            inbound.moveReaderIndex(to: start + count)
            mode = .content(unstuffer)
        case .end(let next):
            inbound.moveReaderIndex(to: start + next)
            mode = .command
            perform(session.contentEnded(), context)
        case .bareNewline: perform(session.bareNewlineInContent(), context)
        }
        return true
    }

    func takeChunk(_ remaining: Int, _ isKept: Bool, _ context: ChannelHandlerContext) -> Bool {
        guard let piece = inbound.readSlice(length: min(remaining, inbound.readableBytes)) else { return false }
        if isKept {
            if let refusal = session.chunkBytesReceived(piece.readableBytesUInt8Span) {
                perform(refusal, context)
                return true
            }
            var content = body ?? context.channel.allocator.buffer(capacity: max(piece.readableBytes, 1024))
            body = nil
            content.writeImmutableBuffer(piece)
            keep(content, context)
        }
        let left = remaining - piece.readableBytes
        if left > 0 {
            mode = .chunk(remaining: left, isKept: isKept)
        } else {
            mode = .command
            perform(session.chunkReceived(), context)
        }
        return true
    }

    /// Keeps content in memory up to the limit, and beyond it hands it on to the disk.
    private func keep(_ content: ByteBuffer, _ context: ChannelHandlerContext) {
        guard upload != nil || content.readableBytes > settings.contentInMemory.bytes, let transaction = pending else {
            body = content
            return
        }
        let upload = upload ?? authority.upload(transaction, client, on: context.eventLoop)
        self.upload = upload
        // Small pieces are gathered: a record for each network packet would be waste.
        guard content.readableBytes >= settings.contentInMemory.bytes / 2 else {
            body = content
            return
        }
        guard checkpoint == nil else { return sendWholeLines(content, to: upload, context) }
        send(content, to: upload, context)
    }

    func send(_ content: ByteBuffer, to upload: any SMTPContentUpload, _ context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        uploadIsBehind = !upload.append(content) {
            let (handler, context) = bound.value
            handler.uploadIsBehind = false
            if context.channel.isActive { handler.proceed(context) }
        }
    }

    /// The transaction whose content is being received.
    var pending: SMTPTransaction? { session.contentTransaction }

    private func commit(_ transaction: SMTPTransaction, _ context: ChannelHandlerContext) {
        mode = .waiting
        let content: SMTPReceivedContent
        if let upload {
            if let body, body.readableBytes > 0 { send(body, to: upload, context) }
            content = .upload(upload)
        } else {
            content = .buffer(body ?? ByteBuffer())
        }
        body = nil
        upload = nil
        // From here on the outcome decides, and not the connection.
        let kept = checkpoint.map { CommittedCheckpoint($0, transaction) }
        checkpoint = nil
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        authority.commit(transaction, content, client, on: context.eventLoop) { reply in
            let (handler, context) = bound.value
            if let kept { handler.checkpointCommitted(kept, reply, context) }
            handler.judged(reply, context) { $0.committed($1) }
        }
    }
}
