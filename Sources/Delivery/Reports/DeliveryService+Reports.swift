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
        // They stay its own until the report is durable: nothing else takes from them meanwhile.
        let items = message.items
        defer {
            message.users -= 1
            ended(message)
        }
        let ends = items.filter { $0.action != .delayed }.map(\.key)
        let failed = items.contains { $0.action == .failed }
        guard !message.isDeleted, let recipient = reportRecipient(message, items) else {
            if failed {
                record(id, .deleted, [.reason: "nobody is told of the failure: the message is itself a report"])
            }
            message.items.removeFirst(min(items.count, message.items.count))
            finish(message, keys: ends)
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
            do {
                report.returned = try await returnedContent(message, whole: report.returnsWholeMessage)
            } catch let error as SpoolError
                where error.reason == .damaged || error.reason == .disk && isOver(message)
            {
                // The sender is told all the same, without what was sent.
                report.returnsWholeMessage = false
                report.contentIsLost = true
            }
            let content = report.compose()
            let once = toldOnce(items)
            let told = try await commit(content, about: id, to: recipient, report, remembering: once)
            message.items.removeFirst(min(items.count, message.items.count))
            for key in once { message.progress[key] = .finished }
            finish(message, keys: ends)
            let what = Set(items.map(\.action.rawValue)).sorted().joined(separator: ", ")
            record(
                id,
                .reported,
                [.sender: recipient.description, .reason: what, .otherQueueID: told.description]
            )
        } catch {
            // Not durable: tried again after a while.
            logger.warning("A report could not be written", metadata: ["queue-id": "\(id)", "error": "\(error)"])
            postpone(message, because: error)
        }
    }

    /// Whether nobody wants to wait any longer until the disk gives what was sent.
    private func isOver(_ message: ActiveMessage) -> Bool { message.isGivenUp || message.expires <= clock.now() }

    /// What the spool remembers in the same write as the report, since it is told once.
    private func toldOnce(_ items: [ReportItem]) -> [UInt32] {
        var keys = items.filter { $0.action == .expanded }.map { ActiveMessage.expandedTold($0.recipient) }
        if items.contains(where: \.isAsked) { keys.append(ActiveMessage.deliverByTold) }
        return keys
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
        // What needs TLS on its way is not returned whole: RFC 8689 section 5.
        message.envelope.returnContent == .full && !message.envelope.terms.requiresTLS
            && message.envelope.bodyType != .binaryMIME
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
        about id: QueueID,
        to recipient: EmailAddress,
        _ report: DeliveryReport,
        remembering once: [UInt32]
    ) async throws -> QueueID {
        let now = clock.now()
        let envelope = Envelope(
            reversePath: .null,
            recipients: [EnvelopeRecipient(address: recipient, notify: .never)],
            bodyType: report.isEightBit ? .eightBitMIME : .sevenBit,
            isInternationalized: report.isInternationalized,
            origin: MessageOrigin(door: .report, transmissionType: "LOCAL"),
            received: now,
            expires: now + options.reportLifetime,
            terms: report.envelope.reportTerms
        )
        let settling = once.isEmpty ? nil : SpoolProgress.recipients(once.map { (Int($0), .finished) }, of: id)
        return try await commit(envelope, .buffers([content]), settling: settling)
    }

    /// Keeps the items until the report can be written, which is tried again after `reportRetry`. It waits in the scheduler as what
    /// has no next hop does, so that operators see it.
    private func postpone(_ message: ActiveMessage, because error: any Error) {
        guard !message.isDeleted else { return }
        message.isReportPostponed = true
        guard !isStopping else { return }
        postponedReports.insert(message.id)
        let now = clock.now()
        let due = now + options.reportRetry
        scheduler.add(message.id, to: .unrouted, due: due, expires: .distantFuture, now: now)
        record(
            message.id,
            .deferred,
            [.reason: "The report to its sender cannot be written: \(error)", .nextAttempt: due.iso8601]
        )
    }

    /// The time has come to try a report again.
    func reportAgain(_ message: ActiveMessage) {
        message.isReportPostponed = false
        postponedReports.remove(message.id)
        ended(message)
    }
}
