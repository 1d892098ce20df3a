import Directory
import MailStore
import SMTPProtocol

/// The mailboxes of this server.
struct StoredMailboxes: MailboxWriter {
    let store: MailStore

    func write(_ messages: [LocalDelivery], to account: AccountID) async -> [LocalOutcome] {
        do {
            return try await store.deliver(messages, to: account.rawValue).map(Self.outcome)
        } catch {
            guard messages.count > 1 else { return [Self.outcome(error)] }
        }
        // One of them may be what is wrong: each by itself, and what was stored already is not stored again.
        var outcomes: [LocalOutcome] = []
        for message in messages {
            do {
                outcomes.append(Self.outcome(try await store.deliver(message, to: account.rawValue)))
            } catch {
                outcomes.append(Self.outcome(error))
            }
        }
        return outcomes
    }

    private static func outcome(_ delivered: DeliveredMessage) -> LocalOutcome {
        let again = delivered.isRepeated ? ", where it was already" : ""
        return .written(mailbox: "\(delivered.mailbox), UID \(delivered.uid)\(again)")
    }

    /// Whatever is wrong with the store is ours to mend: the mail waits.
    private static func outcome(_ error: any Error) -> LocalOutcome {
        .failed(DeliveryFailure(.systemTrouble, "The mailbox cannot be written to: \(error)"))
    }
}
