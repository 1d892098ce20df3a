import Admission
import InternetMessage
import MailBytes
import MailEvents
import MailNames
import MailPolicy
import NIOCore
import SMTPChannels
import SMTPProtocol

extension Reception {
    // MARK: Authors

    public func commit(
        _ transaction: SMTPTransaction,
        _ content: SMTPReceivedContent,
        _ client: SMTPClientDescription,
        on loop: any EventLoop,
        then: @escaping @Sendable (SMTPReply) -> Void
    ) {
        guard client.role == .submission, let account = client.account, currentOptions().checksAuthors else {
            return take(transaction, content, client, on: loop, then: then)
        }
        let authors = Self.authors(of: content)
        // The envelope's sender was judged when MAIL came.
        let others = authors.addresses.filter { $0 != transaction.reversePath.address }
        if authors.hasFieldWithoutAddress {
            let verdict = Verdict("from", .refuse(.authorHasNoAddress), because: "a From field has no address")
            return refuse(verdict, transaction, content, client, then: then)
        }
        if others.isEmpty { return take(transaction, content, client, on: loop, then: then) }
        admission.judgeAuthors(others, of: account, on: loop).whenSuccess { verdict in
            if case .refuse = verdict.decision {
                self.refuse(verdict, transaction, content, client, then: then)
            } else {
                self.take(transaction, content, client, on: loop, then: then)
            }
        }
    }

    private static func authors(of content: SMTPReceivedContent) -> MessageAuthors {
        switch content {
        case .buffer(let buffer): MessageAuthors(buffer.readableBytesUInt8Span)
        case .upload(let upload):
            (upload as? StampedUpload)?.authors ?? MessageAuthors(ByteBuffer().readableBytesUInt8Span)
        }
    }

    private func refuse(
        _ verdict: Verdict,
        _ transaction: SMTPTransaction,
        _ content: SMTPReceivedContent,
        _ client: SMTPClientDescription,
        then: @escaping @Sendable (SMTPReply) -> Void
    ) {
        guard case .refuse(let reply) = verdict.decision else { return }
        if case .upload(let upload) = content { upload.abandon() }
        record(
            nil,
            TraceEvent(
                .refused,
                [
                    .command: "DATA", .sender: transaction.reversePath.description,
                    .recipient: transaction.recipients.first?.address.description, .peer: client.peer?.description,
                    .helo: client.helo, .account: client.account, .reply: reply.oneLine, .reason: verdict.line,
                ]
            )
        )
        then(reply)
    }
}

extension SMTPReply {
    fileprivate static let authorHasNoAddress = SMTPReply(
        550,
        EnhancedStatus(5, 6, 0),
        "The From field has no address"
    )
}
