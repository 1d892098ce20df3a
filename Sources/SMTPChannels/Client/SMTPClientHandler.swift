import ChannelSupport
import MailBytes
import MailEvents
import NIOCore
import NIOSSL
import NIOTLS
import SMTPProtocol

/// The channel of one SMTP client session: bytes become events, actions become bytes.
final class SMTPClientHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// One transaction and who waits for its end.
    struct Job {
        var delivery: SMTPDelivery
        var content: ByteBuffer
        var laterPieces: Int
        var piece: @Sendable (Int) async throws -> ByteBuffer
        var finished: EventLoopPromise<SMTPTransactionResult>
    }

    var session: SMTPClientSession
    private let timeouts: SMTPTimeouts
    private let tls: (@Sendable () throws -> NIOSSLClientHandler)?
    private let secrets: ExporterSecrets?
    private let clock: WallClock
    private var inbound = ByteBuffer()
    private(set) var job: Job?
    /// Counts jobs: pieces of content belong to the one they were asked for, and to no later one.
    private(set) var jobNumber: UInt64 = 0
    /// Whether content has begun to leave and its end has not.
    private var contentIsUnfinished = false
    /// Where in the content the server wants it to go on: RFC 1845.
    var start = ContentPosition()
    /// The server answered content that it had not got whole. What it would take the next octets for is unknown.
    private var isOutOfStep = false
    private var question: EventLoopPromise<SMTPReply>?
    private var ready: EventLoopPromise<Void>?
    private var deadline = Deadline()
    private var context: ChannelHandlerContext?
    private var began: NIODeadline
    private(set) var failure: SMTPClientFailure?
    private(set) var dialogue = SMTPDialogue()
    private(set) var tlsVersion: String?

    init(
        configuration: SMTPClientSession.Configuration,
        timeouts: SMTPTimeouts,
        tls: (@Sendable () throws -> NIOSSLClientHandler)?,
        secrets: ExporterSecrets? = nil,
        clock: WallClock = .system,
        ready: EventLoopPromise<Void>
    ) {
        self.session = SMTPClientSession(configuration: configuration)
        self.timeouts = timeouts
        self.tls = tls
        self.secrets = secrets
        self.clock = clock
        self.ready = ready
        self.began = .now()
    }

    private var elapsed: Duration { .nanoseconds((NIODeadline.now() - began).nanoseconds) }

    var extensions: SMTPServerExtensions { session.extensions }

    var isBroken: Bool { failure != nil || context == nil }

    var mayBegin: Bool { failure == nil && context != nil && !isOutOfStep && session.mayBegin }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        touch(context)
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelInactive(context: ChannelHandlerContext) {
        end(.connection(.connectionLost, "the connection was closed by the other side"))
        self.context = nil
        deadline.cancel()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        dialogue.noted("\(error)", at: elapsed)
        end(.connection(.connectionLost, "the connection broke: \(error)"))
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case TLSUserEvent.handshakeCompleted = event else { return context.fireUserInboundEventTriggered(event) }
        let handler = try? context.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self)
        switch handler?.tlsVersion {
        case .tlsv13: tlsVersion = "TLSv1.3"
        case .tlsv12: tlsVersion = "TLSv1.2"
        default: tlsVersion = "TLS"
        }
        dialogue.noted("\(tlsVersion ?? "TLS") stands", at: elapsed)
        perform(session.tlsEstablished(TLSEndpoint.bindings(of: context.pipeline.syncOperations)), context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        inbound.writeBuffer(&buffer)
        while failure == nil, let line = nextLine() {
            dialogue.heard(line.readableBytesUInt8Span.text, at: elapsed)
            let action = session.lineReceived(line.readableBytesUInt8Span)
            perform(action, context)
        }
        if inbound.readableBytes == 0 { inbound = ByteBuffer() }
        if inbound.readableBytes > SMTPReplyParser.lineLimit {
            end(.connection(.protocolError, "the server sent a line without end"))
            context.close(promise: nil)
        }
    }

    /// Replies end with CR LF; a bare LF is borne, since it can do no harm on this side.
    private func nextLine() -> ByteBuffer? {
        let view = inbound
        guard let feed = view.readableBytesUInt8Span.firstIndex(of: .lineFeed), feed <= SMTPReplyParser.lineLimit,
            var line = inbound.readSlice(length: feed + 1)
        else { return nil }
        let octets = line
        let hasCR = feed > 0 && octets.readableBytesUInt8Span[feed - 1] == .carriageReturn
        line.moveWriterIndex(to: line.readerIndex + (hasCR ? feed - 1 : feed))
        return line
    }

    // MARK: Work

    func begin(_ job: Job) {
        dialogue = SMTPDialogue()
        began = .now()
        session.now = clock.now()
        guard let context, mayBegin else {
            let reply = failure?.reply ?? SMTPReply(421, EnhancedStatus(4, 4, 2), "the connection is closed")
            job.finished.succeed(
                SMTPTransactionResult(
                    outcomes: job.delivery.recipients.map { _ in .deferred(reply) },
                    passedNotifications: false
                )
            )
            return
        }
        self.job = job
        jobNumber += 1
        start = ContentPosition()
        guard job.delivery.bodyType == .eightBitMIME, !session.extensions.eightBitMIME else {
            perform(session.begin(job.delivery), context)
            return
        }
        beginWithoutEightBitMIME(job, context)
    }

    /// What was declared 8BITMIME goes to a server without it only where there is nothing of eight bits in it: RFC 6152
    /// section 3. Looked for here, since hardly a server is without.
    private func beginWithoutEightBitMIME(_ job: Job, _ context: ChannelHandlerContext) {
        var delivery = job.delivery
        delivery.hasEightBitContent = job.content.hasEightBitOctets
        guard !delivery.hasEightBitContent, job.laterPieces > 0 else {
            perform(session.begin(delivery), context)
            return
        }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let searched = context.eventLoop.makePromise(of: Bool.self)
        searched.completeWithTask {
            for index in 0..<job.laterPieces where try await job.piece(index + 1).hasEightBitOctets { return true }
            return false
        }
        let number = jobNumber
        searched.futureResult.whenComplete { result in
            let (handler, context) = bound.value
            guard number == handler.jobNumber, var delivery = handler.job?.delivery, handler.failure == nil else {
                return
            }
            switch result {
            case .success(let found):
                delivery.hasEightBitContent = found
                handler.perform(handler.session.begin(delivery), context)
            case .failure(let error): handler.giveUp(number, "the content could not be read: \(error)")
            }
        }
    }

    /// Asks something with a command of its own.
    func ask(_ command: String, _ answer: EventLoopPromise<SMTPReply>) {
        guard let context, mayBegin else {
            return answer.fail(failure ?? .connection(.connectionLost, "the connection is closed"))
        }
        dialogue = SMTPDialogue()
        began = .now()
        question = answer
        perform(session.ask(command), context)
    }

    /// The connection goes on without this side of the session.
    func leave(to successor: any ChannelHandler) throws {
        guard let context, mayBegin else { throw failure ?? .connection(.connectionLost, "the connection is closed") }
        deadline.cancel()
        try context.pipeline.syncOperations.addHandler(successor)
        let rest = inbound
        inbound = ByteBuffer()
        if rest.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(rest)) }
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    func quit() {
        guard let context, failure == nil, !isOutOfStep else { return }
        perform(session.quit(), context)
    }

    func perform(_ action: SMTPClientSession.Action, _ context: ChannelHandlerContext) {
        switch action {
        case .wait: touch(context)
        case .send(let bytes, let isSecret):
            if isSecret { dialogue.saidSecret(bytes, at: elapsed) } else { dialogue.said(bytes, at: elapsed) }
            write(context.channel.allocator.buffer(bytes: bytes), context)
            touch(context)
        case .startTLS: startTLS(context)
        case .ready:
            ready?.succeed()
            ready = nil
            deadline.cancel()
        case .locate(let offset, let isText):
            touch(context)
            locate(offset, isText: isText, context)
        case .sendContent: sendContent(context)
        case .sendChunk(let command):
            dialogue.said(command, at: elapsed)
            write(context.channel.allocator.buffer(bytes: command), context)
            sendPieces(context, stuffing: false)
        case .finished(let result): finish(result, context)
        case .answered(let reply):
            deadline.cancel()
            question?.succeed(reply)
            question = nil
        case .failed(let failure):
            end(failure)
            context.close(promise: nil)
        case .close: context.close(promise: nil)
        }
    }

    private func finish(_ result: SMTPTransactionResult, _ context: ChannelHandlerContext) {
        let finished = job?.finished
        job = nil
        deadline.cancel()
        guard contentIsUnfinished else {
            finished?.succeed(result)
            return
        }
        contentIsUnfinished = false
        isOutOfStep = true
        dialogue.noted("this was answered before all of the content was sent", at: elapsed)
        finished?.succeed(Self.withoutAcceptances(result))
        context.close(promise: nil)
    }

    /// Nobody can have taken a message before its end was sent: RFC 5321 section 4.1.1.4. A refusal may well come early.
    private static func withoutAcceptances(_ result: SMTPTransactionResult) -> SMTPTransactionResult {
        let outcomes = result.outcomes.map { outcome in
            guard case .accepted(let reply) = outcome else { return outcome }
            let text = "answered before all of the content was sent: \(reply.oneLine)"
            return .deferred(SMTPReply(451, EnhancedStatus(4, 5, 0), text))
        }
        return SMTPTransactionResult(outcomes: outcomes, passedNotifications: result.passedNotifications)
    }

    private func startTLS(_ context: ChannelHandlerContext) {
        guard let tls else {
            end(.connection(.tlsRequired, "TLS is not set up on this side"))
            context.close(promise: nil)
            return
        }
        // RFC 3207 section 6: nothing that came before the handshake counts.
        inbound.clear()
        do {
            try TLSEndpoint.addClientHandlers(tls(), secrets: secrets, to: context.pipeline.syncOperations)
            touch(context)
        } catch {
            errorCaught(context: context, error: error)
        }
    }

    /// What is open comes to its end, with the failure.
    private func end(_ failure: SMTPClientFailure) {
        guard self.failure == nil else { return }
        self.failure = failure
        deadline.cancel()
        ready?.fail(failure)
        ready = nil
        question?.fail(failure)
        question = nil
        guard let job else { return }
        self.job = nil
        if case .finished(let result) = session.lost(failure) {
            job.finished.succeed(contentIsUnfinished ? Self.withoutAcceptances(result) : result)
        } else {
            let outcomes = job.delivery.recipients.map { _ in SMTPRecipientOutcome.deferred(failure.reply) }
            job.finished.succeed(SMTPTransactionResult(outcomes: outcomes, passedNotifications: false))
        }
    }

    // MARK: Content

    private func sendContent(_ context: ChannelHandlerContext) {
        dialogue.noted("\(job?.delivery.size ?? 0) octets of content\(start.note)", at: elapsed)
        sendPieces(context, stuffing: true)
    }

    private func sendPieces(_ context: ChannelHandlerContext, stuffing: Bool) {
        guard let job else { return }
        touch(context)
        var stuffer = DotStuffer()
        let isWhole = job.laterPieces == 0
        contentIsUnfinished = !isWhole
        let start = start
        let content = start.part(of: job.content, 0)
        var first = stuffing ? Self.stuffed(content, &stuffer, context) : content
        if isWhole && stuffing { first.writeStaticString(stuffer.end()) }
        let written = context.writeAndFlush(wrapOutboundOut(first))
        guard !isWhole else { return }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let loop = context.eventLoop
        let (number, count, piece) = (jobNumber, job.laterPieces, job.piece)
        let initial = stuffer
        Task {
            var stuffer = initial
            do {
                try await written.get()
                for index in max(1, start.piece)...count {
                    let next = start.part(of: try await piece(index), index)
                    let state = stuffer
                    stuffer = try await loop.flatSubmit {
                        bound.value.send(next, of: number, state, isLast: index == count, stuffing: stuffing)
                            ?? loop.makeFailedFuture(ChannelError.ioOnClosedChannel)
                    }.get()
                }
            } catch {
                let text = "\(error)"
                loop.execute { bound.value.giveUp(number, "the content could not be sent whole: \(text)") }
            }
        }
    }

    /// Sends a later piece of a job's content; `nil` when the job is over.
    private func send(
        _ content: ByteBuffer,
        of number: UInt64,
        _ state: DotStuffer,
        isLast: Bool,
        stuffing: Bool
    ) -> EventLoopFuture<DotStuffer>? {
        guard let context, failure == nil, job != nil, number == jobNumber else { return nil }
        if isLast { contentIsUnfinished = false }
        var stuffer = state
        var buffer = stuffing ? Self.stuffed(content, &stuffer, context) : content
        if isLast && stuffing { buffer.writeStaticString(stuffer.end()) }
        touch(context)
        let after = stuffer
        return context.writeAndFlush(wrapOutboundOut(buffer)).map { after }
    }

    func giveUp(_ number: UInt64, _ text: String) {
        guard job != nil, number == jobNumber else { return }
        end(.connection(.connectionLost, text))
        context?.close(promise: nil)
    }

    private static func stuffed(
        _ content: ByteBuffer,
        _ stuffer: inout DotStuffer,
        _ context: ChannelHandlerContext
    ) -> ByteBuffer {
        var encoded = context.channel.allocator.buffer(capacity: content.readableBytes + 64)
        stuffer.encode(content.readableBytesUInt8Span) { piece in
            switch piece {
            case .bytes(let range):
                content.withUnsafeReadableBytes { _ = encoded.writeBytes(UnsafeRawBufferPointer(rebasing: $0[range])) }
            case .dot: _ = encoded.writeInteger(UInt8.dot)
            case .lineEnd: _ = encoded.writeStaticString("\r\n")
            }
        }
        return encoded
    }

    private func write(_ buffer: ByteBuffer, _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    }

    // MARK: Time

    private func touch(_ context: ChannelHandlerContext) {
        let patience = TimeAmount(session.patience(timeouts))
        deadline.move(by: patience, on: context.eventLoop, fire: timer(context))
    }

    private func timer(_ context: ChannelHandlerContext) -> @Sendable () -> Void {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        return {
            let (handler, context) = bound.value
            guard handler.deadline.fired(on: context.eventLoop, fire: handler.timer(context)) else { return }
            handler.end(.connection(.timedOut, "the server did not answer in time"))
            context.close(promise: nil)
        }
    }
}

extension ByteBuffer {
    fileprivate var hasEightBitOctets: Bool {
        withUnsafeReadableBytes { octets in octets.contains { $0 >= 0x80 } }
    }
}
