import MailBytes
import NIOCore
import SMTPProtocol

/// A transaction with TRANSID whose message is being made durable. An object: what is told of all other commits then is no larger.
final class CommittedCheckpoint: Sendable {
    let ticket: SMTPCheckpointTicket
    let transaction: SMTPTransaction

    init(_ ticket: SMTPCheckpointTicket, _ transaction: SMTPTransaction) {
        self.ticket = ticket
        self.transaction = transaction
    }
}

/// Transactions with TRANSID, whose content stays when the connection is lost: RFC 1845.
extension SMTPServerHandler {
    /// Octets that an upload may hold back in memory.
    private static let uploadMemory = 128 << 10

    /// Looks up whether a transaction is one that broke off, and takes its content over.
    func recall(_ transaction: SMTPTransaction, _ context: ChannelHandlerContext) {
        guard let store = settings.checkpoints, let key = checkpointKey(transaction) else {
            return perform(session.recalled(.new), context)
        }
        let ticket = SMTPCheckpointTicket(key) { [weak channel = context.channel] in channel?.close(promise: nil) }
        switch store.begin(ticket, transaction) {
        case .new:
            checkpoint = ticket
            perform(session.recalled(.new), context)
        case .inUse: perform(session.recalled(.inUse), context)
        case .interrupted(_, let earlier, let content):
            checkpoint = ticket
            forgetContent()
            body = content.body
            upload = content.upload
            uploadEndsLine = content.uploadEndsLine
            upload?.move(to: context.eventLoop)
            perform(session.recalled(.interrupted(earlier)), context)
        case .completed(_, let earlier, let reply):
            checkpoint = ticket
            perform(session.recalled(.completed(earlier, reply)), context)
        }
    }

    /// Whose transaction it is; `nil` where nothing is known of the client.
    private func checkpointKey(_ transaction: SMTPTransaction) -> SMTPCheckpointKey? {
        let client = client
        guard let identifier = transaction.checkpoint?.identifier, let name = client.helo, let peer = client.peer else {
            return nil
        }
        return SMTPCheckpointKey(
            identifier,
            clientName: name,
            peer: peer,
            account: client.account,
            certificateFingerprint: client.certificateFingerprint,
            tls: client.tls,
            role: client.role
        )
    }

    /// Lets go of a transaction that came to nothing, or whose client knows of its end.
    func endSettledCheckpoint() {
        guard let ticket = checkpoint else { return }
        switch session.checkpointState {
        case .open: break
        // What came before the reply was out does not say that the client heard it: the transaction stays until it is too old.
        case .complete: if inbound.readableBytes > 0 { checkpoint = nil }
        case .none:
            checkpoint = nil
            settings.checkpoints?.ended(ticket)
        }
    }

    /// The transaction was committed or refused, whether its client is still there or not.
    func checkpointCommitted(_ kept: CommittedCheckpoint, _ reply: SMTPReply, _ context: ChannelHandlerContext) {
        guard reply.isPositive else {
            settings.checkpoints?.ended(kept.ticket)
            return
        }
        settings.checkpoints?.completed(kept.ticket, kept.transaction, reply, on: context.eventLoop)
        if context.channel.isActive { checkpoint = kept.ticket }
    }

    /// The connection is lost or closed: what was received is kept.
    func leaveCheckpoint(_ context: ChannelHandlerContext) {
        guard let ticket = checkpoint, let store = settings.checkpoints else { return }
        checkpoint = nil
        var missing = 0
        if case .chunk(let remaining, _) = mode { missing = remaining }
        guard let transaction = session.interrupted(missing: missing),
            let (offset, received) = keptContent(transaction)
        else { return store.lost(ticket) }
        // Handed over: nobody abandons it here.
        upload = nil
        body = nil
        store.interrupted(ticket, transaction.kept(at: offset), received, on: context.eventLoop)
    }

    /// The content up to the last line's end, since behind DATA it goes on where a line begins: RFC 1845 section 3. BINARYMIME, which
    /// has no lines and goes on with BDAT alone, is kept to the last octet.
    private func keptContent(
        _ transaction: SMTPTransaction
    ) -> (offset: Int, received: CheckpointRegister<SMTPCheckpointStore.Content>.Received)? {
        let gathered = body ?? ByteBuffer()
        let whole = transaction.bodyType == .binaryMIME ? gathered.readableBytes : Self.endOfLines(gathered)
        let endsLine = whole > 0 || upload == nil || uploadEndsLine || transaction.bodyType == .binaryMIME
        let offset = transaction.contentSize - (gathered.readableBytes - whole)
        // Whatever else is wrong: octets that are not here are never told as received.
        guard endsLine, offset > 0, upload == nil ? offset == whole : offset >= whole else { return nil }
        // A copy of its own size: the buffer that it was gathered in is larger.
        let body = whole > 0 ? gathered.getSlice(at: gathered.readerIndex, length: whole).map(Self.copy) : nil
        let content = SMTPCheckpointStore.Content(body: body, upload: upload, uploadEndsLine: uploadEndsLine)
        return (
            offset,
            .init(content, inMemory: whole + (upload == nil ? 0 : Self.uploadMemory), onDisk: offset - whole)
        )
    }

    /// Hands whole lines on to the disk and keeps the beginning of the next, so that what is there ends where a line does. A line
    /// that is larger than memory takes goes in parts, and nothing can be resumed until it has ended.
    func sendWholeLines(_ content: ByteBuffer, to upload: any SMTPContentUpload, _ context: ChannelHandlerContext) {
        var content = content
        let isBinary = pending?.bodyType == .binaryMIME
        let lines = isBinary ? content.readableBytes : Self.endOfLines(content)
        uploadEndsLine = lines > 0
        guard let whole = content.readSlice(length: lines > 0 ? lines : content.readableBytes) else { return }
        if content.readableBytes > 0 { body = Self.copy(content) }
        send(whole, to: upload, context)
    }

    private static func copy(_ buffer: ByteBuffer) -> ByteBuffer { ByteBuffer(bytes: buffer.readableBytesView) }

    /// Octets up to the last CR LF and with it; 0 where there is none.
    private static func endOfLines(_ buffer: ByteBuffer) -> Int {
        let octets = buffer.readableBytesUInt8Span
        var index = octets.count - 1
        while index > 0 {
            if octets[index] == .lineFeed && octets[index - 1] == .carriageReturn { return index + 1 }
            index -= 1
        }
        return 0
    }
}
