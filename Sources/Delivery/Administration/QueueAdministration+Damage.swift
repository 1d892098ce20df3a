import MailBytes
import MailEvents
import Spool

/// Messages whose envelopes cannot be read, as far as they are known.
extension QueuedMessageSummary {
    init(unreadable message: SpooledMessage, _ problem: String, state: String = "held") {
        self.init(
            id: message.id.description,
            sender: "?",
            recipients: [],
            recipientCount: message.recipients,
            state: state,
            size: message.size,
            received: Timestamp(microseconds: Int64(clamping: message.id.rawValue)),
            expires: .distantFuture,
            nextAttempt: nil,
            lastError: "It cannot be read: \(problem)"
        )
    }
}

extension QueuedMessageDetail {
    /// Of a message of which nothing more is known.
    init(summary: QueuedMessageSummary) {
        self.init(
            summary: summary,
            recipients: [],
            route: nil,
            envelopeID: nil,
            door: "?",
            peer: nil,
            account: nil
        )
    }
}
