import Directory
import MailBytes
import MailEvents
import MailNames
import NIOCore

/// One message for one mailbox.
struct LocalMessage: Sendable {
    var queueID: QueueID
    /// Together with the queue id: a message is written once, however often it is handed over.
    var recipient: EmailAddress
    /// What is put in front of the content.
    var fields: ByteBuffer
    /// The content, in pieces.
    var content: [ByteBuffer]
    var received: Timestamp
}

/// What came of one message for one mailbox.
enum LocalOutcome: Sendable {
    /// It is on stable storage there, now or since before.
    ///
    /// - Parameter mailbox: for the trace: the mailbox and the message's number in it.
    case written(mailbox: String)
    case failed(DeliveryFailure)
}

/// Writes into the mailboxes of accounts.
protocol MailboxWriter: Sendable {
    /// Writes messages into an account's inbox, in one transaction. One outcome a message.
    func write(_ messages: [LocalMessage], to account: AccountID) async -> [LocalOutcome]
}
