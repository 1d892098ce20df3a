import Directory
import MailStore
import SMTPProtocol

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
    /// Writes messages into an account's inbox, many in one transaction. One outcome a message.
    func write(_ messages: [LocalDelivery], to account: AccountID) async -> [LocalOutcome]
}
