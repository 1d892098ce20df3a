import MailBytes
import MailEvents
import MailNames
import NIOCore
import SMTPProtocol
import Spool

/// Telling senders: one report for all that is to be told of a message at one time.
extension DeliveryService {
    /// Writes the report that a message's items ask for, through the same spool as every message. What failed is done only when
    /// its report is durable.
    func report(_ id: QueueID) async {
        // The message stays in memory until its items are reported.
        guard let message = active[id] else { return }
        let items = message.items
        message.items = []
        defer {
            message.users -= 1
            ended(message)
        }
        let failed = items.filter { $0.action == .failed }.map(\.key)
        guard !message.isDeleted, let recipient = reportRecipient(message, items) else {
            if !failed.isEmpty {
                record(id, .deleted, [.reason: "nobody is told of the failure: the message is itself a report"])
            }
            finish(message, keys: failed)
            return
        }
        do {
            var report = DeliveryReport(
                reportingHost: options.hostName,
                envelope: message.envelope,
                items: items,
                queueID: id.description,
                unique: "\(id).\(clock.now().microseconds)",
                recipient: recipient,
                returned: ByteBuffer(),
                returnsWholeMessage: returnsWhole(message, items),
                now: clock.now()
            )
            report.returned = try await returnedContent(message, whole: report.returnsWholeMessage)
            let content = report.compose()
            let told = try await commit(content, to: recipient, report)
            finish(message, keys: failed)
            let what = Set(items.map(\.action.rawValue)).sorted().joined(separator: ", ")
            record(
                id,
                .reported,
                [.sender: recipient.description, .reason: what, .otherQueueID: told.description]
            )
        } catch {
            // Not durable: tried again with the next attempt.
            logger.warning("A report could not be written", metadata: ["queue-id": "\(id)", "error": "\(error)"])
            postpone(message, failed)
        }
    }

    /// Who is told; `nil` for nobody: a report is never written about a report (RFC 5321 section 4.5.5).
    private func reportRecipient(_ message: ActiveMessage, _ items: [ReportItem]) -> EmailAddress? {
        if let address = message.envelope.reversePath.address { return address }
        guard message.envelope.origin.door == .report, items.contains(where: { $0.action == .failed }) else {
            return nil
        }
        // What was sent there already does not come back to it.
        guard let recipient = options.doubleBounceRecipient,
            !message.envelope.recipients.contains(where: { $0.address == recipient })
        else { return nil }
        return recipient
    }

    /// Whether the whole message goes back: RET=FULL of a failure, and small enough: RFC 3461 section 4.3.
    private func returnsWhole(_ message: ActiveMessage, _ items: [ReportItem]) -> Bool {
        message.envelope.returnContent == .full && message.envelope.bodyType != .binaryMIME
            && message.size <= options.returnedContent.bytes && items.contains { $0.action == .failed }
    }

    private func returnedContent(_ message: ActiveMessage, whole: Bool) async throws -> ByteBuffer {
        var content = try await self.content(message.id)
        if whole {
            for piece in 1..<max(1, try pieces(message)) {
                content.writeImmutableBuffer(try await self.content(message.id, piece: piece))
            }
            return content
        }
        let length = LocalHeader.examine(content.readableBytesUInt8Span, deliveredTo: nil).length
        // A header is short; what is longer is none that anybody reads.
        return content.readSlice(length: min(length, 128 << 10)) ?? ByteBuffer()
    }

    private func commit(
        _ content: ByteBuffer,
        to recipient: EmailAddress,
        _ report: DeliveryReport
    ) async throws -> QueueID {
        let now = clock.now()
        let envelope = Envelope(
            reversePath: .null,
            recipients: [EnvelopeRecipient(address: recipient, notify: .never)],
            bodyType: report.isEightBit ? .eightBitMIME : .sevenBit,
            isInternationalized: report.isInternationalized,
            origin: MessageOrigin(door: .report, transmissionType: "LOCAL"),
            received: now,
            expires: now + options.reportLifetime
        )
        let (spool, eventLoop) = (self.spool, self.eventLoop)
        return try await withCheckedThrowingContinuation { continuation in
            spool.commit(envelope, .buffers([content]), on: eventLoop) { continuation.resume(with: $0) }
        }
    }

    /// The failures are found again at the next attempt.
    private func postpone(_ message: ActiveMessage, _ keys: [UInt32]) {
        let now = clock.now()
        for key in keys {
            guard let index = message.index(key) else { continue }
            message.targets[index].state = .waiting
        }
        guard let first = keys.first.flatMap({ message.target($0) }) else { return }
        scheduler.add(
            message.id,
            to: first.route.destination(for: first.address),
            due: now + .seconds(300),
            expires: message.envelope.expires,
            now: now
        )
        schedulePump()
    }
}
