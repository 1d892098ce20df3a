import InternetMessage
import MailBytes
import MailEvents
import MailNames
import MailPolicy
import NIOCore
import SMTPChannels
import SMTPProtocol
import Spool

extension Reception {
    // MARK: Content

    /// Takes a message whose authors were judged, where they are.
    func take(
        _ transaction: SMTPTransaction,
        _ content: SMTPReceivedContent,
        _ client: SMTPClientDescription,
        on loop: any EventLoop,
        then: @escaping @Sendable (SMTPReply) -> Void
    ) {
        let now = clock.now()
        let head: ArrivingHeader
        switch content {
        case .buffer(let buffer): head = ArrivingHeader(buffer.readableBytesUInt8Span)
        case .upload(let upload):
            head = (upload as? StampedUpload)?.head ?? ArrivingHeader(ByteBuffer().readableBytesUInt8Span)
        }
        let hops = admission.judgeHops(head.receivedCount)
        if case .refuse(let reply) = hops.decision {
            if case .upload(let upload) = content { upload.abandon() }
            record(
                nil,
                TraceEvent(
                    .loop,
                    [
                        .sender: transaction.reversePath.description,
                        .recipient: transaction.recipients.first?.address.description,
                        .peer: client.peer?.description, .messageID: head.messageID, .reason: hops.reason,
                    ]
                )
            )
            then(reply)
            return
        }
        let unwanted = refusedSolicitations(head)
        if !unwanted.isEmpty {
            if case .upload(let upload) = content { upload.abandon() }
            let verdict = Verdict("soliciting", .refuse(.solicitationRefused(unwanted)), because: "its header says so")
            _ = judgement([verdict], "DATA", transaction, transaction.recipients.first, client)
            then(.solicitationRefused(unwanted))
            return
        }
        let envelope = envelope(transaction, client, head, now)
        let stored: Spool.Content
        let size: Int
        switch content {
        case .buffer(let received):
            let body = client.role == .submission ? Self.withoutBlindCopies(received).content : received
            let stamp = stamp(transaction, client, head, now, size: body.readableBytes)
            stored = .buffers([stamp, body])
            size = stamp.readableBytes + body.readableBytes
        case .upload(let upload):
            guard let stamped = upload as? StampedUpload else { return then(.localError) }
            guard stamped.isHeaderWhole else {
                upload.abandon()
                return then(.headerTooLong)
            }
            stored = .upload(stamped.upload)
            size = stamped.upload.size
        }
        spool.commit(envelope, stored, on: loop) { result in
            switch result {
            case .success(let id):
                self.record(id, self.received(envelope, head, client, size, hops, transaction))
                if transaction.raisesNotice { self.raiseNotice(id, transaction) }
                then(.queued(id.description))
            case .failure(let error):
                self.logger.error("a message from \(envelope.reversePath) was not taken: \(error)")
                then(error.reason == .full ? .storageFull : .localError)
            }
        }
    }

    private func envelope(
        _ transaction: SMTPTransaction,
        _ client: SMTPClientDescription,
        _ head: ArrivingHeader,
        _ now: Timestamp
    ) -> Envelope {
        let terms = terms(transaction, client, head)
        // Its time begins when it is released: RFC 4865.
        let begins = max(now, terms?.holdUntil ?? now)
        return Envelope(
            reversePath: transaction.reversePath,
            recipients: transaction.recipients,
            bodyType: transaction.bodyType,
            isInternationalized: transaction.isInternationalized,
            envelopeID: transaction.envelopeID,
            returnContent: transaction.returnContent,
            origin: MessageOrigin(
                door: Self.door(client.role),
                peer: client.peer,
                helo: client.helo,
                account: client.account,
                transmissionType: client.transmissionType(isInternationalized: transaction.isInternationalized)
            ),
            received: now,
            expires: begins + currentOptions().messageLifetime,
            terms: terms
        )
    }

    private static func door(_ role: SMTPServerConfiguration.Role) -> MessageOrigin.Door {
        switch role {
        case .transfer, .onDemand: .smtp
        case .submission: .submission
        case .delivery: .lmtp
        }
    }

    /// What is put in front of the content: the Received field, and for submissions what RFC 6409 section 8 lets us add.
    func stamp(
        _ transaction: SMTPTransaction,
        _ client: SMTPClientDescription,
        _ head: ArrivingHeader,
        _ now: Timestamp,
        size: Int
    ) -> ByteBuffer {
        let host = currentOptions().hostName
        var field = ReceivedField(
            helo: client.helo,
            peer: client.peer,
            host: host,
            transmissionType: client.transmissionType(isInternationalized: transaction.isInternationalized),
            tls: client.tls,
            recipient: transaction.recipients.count == 1 ? transaction.recipients.first?.address : nil,
            time: now
        )
        if !transaction.hasPlainTerms {
            let terms = transaction.terms
            field.priority = terms.priority == .normal ? nil : terms.priority
            field.solicitation = terms.solicitation
        }
        var bytes = field.bytes
        if client.role == .submission {
            if !head.hasDate {
                bytes.append("Date: ")
                bytes.append(contentsOf: now.internetDateBytes)
                bytes.append("\r\n")
            }
            if !head.hasFrom, let account = client.account, let address = try? EmailAddress(parsing: account) {
                bytes.append(contentsOf: "From: <\(address)>\r\n".utf8)
            }
            if head.messageID == nil {
                let unique = String(UInt64.random(in: .min ... .max), radix: 36)
                bytes.append(contentsOf: "Message-ID: <\(now.microseconds).\(unique)@\(host)>\r\n".utf8)
            }
        }
        return ByteBuffer(bytes: bytes)
    }

    /// The one trace entry of an accepted message.
    private func received(
        _ envelope: Envelope,
        _ head: ArrivingHeader,
        _ client: SMTPClientDescription,
        _ size: Int,
        _ hops: Verdict,
        _ transaction: SMTPTransaction
    ) -> TraceEvent {
        var event = TraceEvent(
            .received,
            [
                .sender: envelope.reversePath.description, .messageID: head.messageID,
                .peer: client.peer?.description, .helo: client.helo, .account: client.account,
                .transmission: envelope.origin.transmissionType, .tls: client.tls, .size: String(size),
                .verdict: hops.line,
            ]
        )
        if let tracking = envelope.terms.tracking, let id = envelope.envelopeID {
            event.fields += [TraceEvent.Entry(.envelopeID, id), TraceEvent.Entry(.certifier, tracking.certifier)]
        }
        if let forwarded = transaction.forwarded {
            event.fields.append(TraceEvent.Entry(.verdict, "forwarded: \(forwarded.sentence)"))
        }
        if let offset = transaction.checkpoint?.offset {
            let verdict = "checkpoint: the message of a lost connection went on at octet \(offset)"
            event.fields.append(TraceEvent.Entry(.verdict, verdict))
        }
        let asked = admissionClient(client)
        for (index, recipient) in envelope.recipients.prefix(100).enumerated() {
            event.fields.append(TraceEvent.Entry(.recipient, recipient.address.description))
            // A list of hundreds is told by its first ones.
            guard index < 10, let verdicts = admission.explain(recipient.address, asked) else { continue }
            for verdict in verdicts { event.fields.append(TraceEvent.Entry(.verdict, verdict.line)) }
        }
        if let line = Self.termsLine(envelope) { event.fields.append(TraceEvent.Entry(.verdict, line)) }
        if client.role == .submission, client.account != nil, envelope.reversePath.address != nil {
            event.fields.append(TraceEvent.Entry(.verdict, "sender: accepted, it belongs to the account"))
        }
        return event
    }

    // MARK: Large content

    public func upload(
        _ transaction: SMTPTransaction,
        _ client: SMTPClientDescription,
        on loop: any EventLoop
    ) -> any SMTPContentUpload {
        StampedUpload(upload: spool.upload(on: loop), isSubmission: client.role == .submission) { head in
            self.stamp(transaction, client, head, self.clock.now(), size: 0)
        }
    }
}

/// A large message on its way to the spool: our fields go in front of its first piece.
final class StampedUpload: SMTPContentUpload {
    let upload: SpoolUpload
    private let stamp: @Sendable (ArrivingHeader) -> ByteBuffer
    /// Whether blind copies are hidden and authors looked for.
    private let isSubmission: Bool
    // Used from the connection's loop alone, as the upload itself is.
    private let seen = LoopConfined()

    /// `@unchecked Sendable`: read and written on the connection's loop alone. The session appends there, and `Reception`
    /// reads it when the session hands the whole content over, there too: what it awaits in between is told on that loop. Where the
    /// content goes on over another connection, the first one has ended, and the lock of `SMTPCheckpointStore` is between them.
    private final class LoopConfined: @unchecked Sendable {
        var head: ArrivingHeader?
        var isHeaderWhole = true
        var authors: MessageAuthors?
    }

    init(
        upload: SpoolUpload,
        isSubmission: Bool = false,
        stamp: @escaping @Sendable (ArrivingHeader) -> ByteBuffer
    ) {
        self.upload = upload
        self.isSubmission = isSubmission
        self.stamp = stamp
    }

    var head: ArrivingHeader? { seen.head }
    /// Whether all Bcc fields could be found, where they are looked for: the header has to be in the first piece.
    var isHeaderWhole: Bool { seen.isHeaderWhole }
    var authors: MessageAuthors? { seen.authors }

    func append(_ buffer: ByteBuffer, resume: @escaping @Sendable () -> Void) -> Bool {
        guard seen.head == nil else { return upload.append(buffer, resume: resume) }
        let head = ArrivingHeader(buffer.readableBytesUInt8Span)
        seen.head = head
        var stamped = stamp(head)
        if isSubmission {
            seen.authors = MessageAuthors(buffer.readableBytesUInt8Span)
            let (content, isWhole) = Reception.withoutBlindCopies(buffer)
            seen.isHeaderWhole = isWhole
            stamped.writeImmutableBuffer(content)
        } else {
            stamped.writeImmutableBuffer(buffer)
        }
        return upload.append(stamped, resume: resume)
    }

    func move(to loop: any EventLoop) { upload.move(to: loop) }

    func abandon() { upload.abandon() }
}
