import Admission
import InternetMessage
import MailBytes
import MailEvents
import MailNames
import MailPolicy
import NIOCore
import SMTPChannels
import SMTPProtocol
import Spool

/// A message from a program on this machine.
public struct LocalSubmission: Sendable {
    /// `nil` where the program did not say: the user's own address is taken.
    public var sender: ReversePath?
    public var recipients: [EmailAddress]
    public var takesRecipientsFromHeader: Bool
    /// Lines ending in LF or CR LF.
    public var content: [UInt8]
    public var user: String

    public init(
        sender: ReversePath?,
        recipients: [EmailAddress],
        takesRecipientsFromHeader: Bool,
        content: [UInt8],
        user: String
    ) {
        self.sender = sender
        self.recipients = recipients
        self.takesRecipientsFromHeader = takesRecipientsFromHeader
        self.content = content
        self.user = user
    }
}

/// Why a local message was not taken, as a reply.
public struct LocalSubmissionRefused: Error, Sendable, CustomStringConvertible {
    public let reply: SMTPReply

    public var description: String { "the message was not taken: \(reply.oneLine)" }
}

extension Reception {
    /// Content up to this is handed to the spool at once.
    private static let contentInMemory = 256 << 10

    /// Takes a message from this machine: the same limits, admission, spool and trace as for all others. Durable on return.
    ///
    /// Whoever may run programs here may name any sender, as with every `sendmail`; the account in the trace is the user's.
    ///
    /// - Throws: `LocalSubmissionRefused`.
    public func submitLocally(_ submission: LocalSubmission, on loop: any EventLoop) async throws -> QueueID {
        let options = currentOptions()
        var content = LocalContent(submission.content)
        guard submission.content.count <= options.messageSize.bytes else {
            throw LocalSubmissionRefused(reply: .tooLarge)
        }
        if content.hasStrayBcc && submission.takesRecipientsFromHeader {
            throw LocalSubmissionRefused(reply: .strayBcc)
        }
        var recipients = submission.recipients
        if submission.takesRecipientsFromHeader { recipients += content.addressed }
        var seen: Set<EmailAddress> = []
        recipients.removeAll { !seen.insert($0).inserted }
        guard !recipients.isEmpty else { throw LocalSubmissionRefused(reply: .noValidRecipients) }
        guard recipients.count <= options.recipients else {
            throw LocalSubmissionRefused(reply: .tooManyLocalRecipients)
        }
        let now = clock.now()
        let own = try? EmailAddress(parsing: "\(submission.user)@\(options.hostName)")
        let sender = submission.sender ?? own.map(ReversePath.address) ?? .null
        let envelope = Envelope(
            reversePath: sender,
            recipients: recipients.map { EnvelopeRecipient(address: $0) },
            bodyType: content.isEightBit ? .eightBitMIME : .sevenBit,
            isInternationalized: recipients.contains(where: \.isInternationalized),
            origin: MessageOrigin(
                door: .sendmail,
                helo: options.hostName,
                account: own?.description,
                transmissionType: "local"
            ),
            received: now,
            expires: now + options.messageLifetime,
            terms: options.variablePaths.contains(sender) ? DeliveryTerms(hasPathPerRecipient: true) : nil
        )
        let head = ArrivingHeader(content.header.span)
        let hops = admission.judgeHops(head.receivedCount)
        if case .refuse(let reply) = hops.decision {
            recordLocal(.loop, envelope, head, [.reason: hops.reason])
            throw LocalSubmissionRefused(reply: reply)
        }
        try await judge(recipients, of: envelope, head, on: loop)
        let front = front(own, head, now)
        let size = front.count + content.header.count + content.remaining
        let stored: Spool.Content
        if size <= Self.contentInMemory {
            var buffers = [ByteBuffer(bytes: front), ByteBuffer(bytes: content.header)]
            while let piece = content.next() { buffers.append(piece) }
            stored = .buffers(buffers)
        } else {
            stored = .upload(await upload(front + content.header, &content, on: loop))
        }
        let promise = loop.makePromise(of: QueueID.self)
        spool.commit(envelope, stored, on: loop) { result in
            promise.completeWith(result.mapError { $0 as any Error })
        }
        do {
            let id = try await promise.futureResult.get()
            recordLocal(.received, envelope, head, [.size: String(size), .verdict: hops.line], id)
            return id
        } catch {
            logger.error("a local message from \(envelope.reversePath) was not taken: \(error)")
            let isFull = (error as? SpoolError)?.reason == .full
            throw LocalSubmissionRefused(reply: isFull ? .storageFull : .localError)
        }
    }

    /// What is put in front of the program's header.
    private func front(_ own: EmailAddress?, _ head: ArrivingHeader, _ now: Timestamp) -> [UInt8] {
        let host = currentOptions().hostName
        var front = ReceivedField(helo: host, peer: nil, host: host, transmissionType: "local", time: now).bytes
        if !head.hasDate { front += Array("Date: \(now.internetDate)\r\n".utf8) }
        if !head.hasFrom, let own { front += Array("From: <\(own)>\r\n".utf8) }
        if head.messageID == nil {
            let unique = String(UInt64.random(in: .min ... .max), radix: 36)
            front += Array("Message-ID: <\(now.microseconds).\(unique)@\(host)>\r\n".utf8)
        }
        return front
    }

    /// Judges each recipient as for somebody who logged in. A program cannot take back one of several: who is refused among them
    /// stays, and delivery reports it to the sender.
    ///
    /// - Throws: `LocalSubmissionRefused` when all are refused, or it cannot be told now.
    private func judge(
        _ recipients: [EmailAddress],
        of envelope: Envelope,
        _ head: ArrivingHeader,
        on loop: any EventLoop
    ) async throws {
        let client = Admission.Client(peer: nil, account: envelope.origin.account, isSubmission: true)
        var refusals: [SMTPReply] = []
        for recipient in recipients {
            let verdicts: [Verdict]
            switch admission.judgeRecipient(recipient, client, on: loop) {
            case .now(let known): verdicts = known
            case .later(let future): verdicts = try await future.get()
            }
            for verdict in verdicts {
                guard case .refuse(let reply) = verdict.decision else { continue }
                var event = localEvent(.refused, envelope, head, [.reply: reply.oneLine, .reason: verdict.line])
                event.fields.append(TraceEvent.Entry(.recipient, recipient.description))
                record(nil, event)
                if !reply.isPermanent { throw LocalSubmissionRefused(reply: reply) }
                refusals.append(reply)
                break
            }
        }
        if let reply = refusals.first, refusals.count == recipients.count { throw LocalSubmissionRefused(reply: reply) }
    }

    /// Hands a large message to the spool piece by piece, at the disk's pace.
    private func upload(
        _ beginning: [UInt8],
        _ content: inout LocalContent,
        on loop: any EventLoop
    ) async -> SpoolUpload {
        let upload = spool.upload(on: loop)
        var piece: ByteBuffer? = ByteBuffer(bytes: beginning)
        while let buffer = piece {
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                loop.execute {
                    if upload.append(buffer, resume: { continuation.resume() }) { continuation.resume() }
                }
            }
            piece = content.next()
        }
        return upload
    }

    // MARK: Trace

    private func recordLocal(
        _ kind: TraceEvent.Kind,
        _ envelope: Envelope,
        _ head: ArrivingHeader,
        _ fields: KeyValuePairs<TraceField, String?>,
        _ id: QueueID? = nil
    ) {
        var event = localEvent(kind, envelope, head, fields)
        event.fields += envelope.recipients.prefix(100).map { TraceEvent.Entry(.recipient, $0.address.description) }
        record(id, event)
    }

    private func localEvent(
        _ kind: TraceEvent.Kind,
        _ envelope: Envelope,
        _ head: ArrivingHeader,
        _ fields: KeyValuePairs<TraceField, String?>
    ) -> TraceEvent {
        var event = TraceEvent(
            kind,
            [
                .sender: envelope.reversePath.description, .messageID: head.messageID, .door: "sendmail",
                .account: envelope.origin.account, .transmission: "local",
            ]
        )
        for (field, value) in fields { if let value { event.fields.append(TraceEvent.Entry(field, value)) } }
        return event
    }
}

extension SMTPReply {
    fileprivate static let strayBcc = SMTPReply(
        554,
        EnhancedStatus(5, 6, 0),
        "A line of the header is no field, and a Bcc stands behind it: nobody is told by mistake"
    )
    fileprivate static let tooManyLocalRecipients = SMTPReply(554, EnhancedStatus(5, 5, 3), "Too many recipients")
}
