import Directory
import MailStore
import NIOCore

/// The mail store as delivery sees it.
struct StoredMailboxes: MailboxWriter {
    let store: MailStore

    func write(_ messages: [LocalMessage], to account: AccountID) async -> [LocalOutcome] {
        let items = messages.map { message in
            let prefix = Array(message.fields.readableBytesView)
            let content: LocalContent
            if message.content.count == 1, let body = message.content.first {
                content = .whole(prefix: prefix, body: body)
            } else {
                let pieces = message.content
                content = .pieces(prefix: prefix, count: pieces.count) { pieces[$0] }
            }
            return LocalDelivery(
                queueID: message.queueID.rawValue,
                recipient: message.recipient.description,
                content: content,
                received: message.received
            )
        }
        do {
            return try await store.deliver(items, to: account.rawValue).map { delivered in
                .written(
                    mailbox: "\(delivered.mailbox), number \(delivered.uid)"
                        + (delivered.isRepeated ? ", there already" : "")
                )
            }
        } catch {
            // What was stored is not stored again when all are repeated.
            let failure = DeliveryFailure(.systemTrouble, "The mailbox cannot be written now: \(error)")
            return messages.map { _ in .failed(failure) }
        }
    }
}
