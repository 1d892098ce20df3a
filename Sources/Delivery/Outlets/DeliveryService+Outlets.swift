import DeliveryScheduler
import Directory
import Foundation
import MailEvents
import NIOCore

/// Delivery to the files and commands that aliases lead to: each on a thread that may wait, not many at a time.
extension DeliveryService {
    /// One message for one file or command.
    struct OutletItem {
        var key: UInt32
        var message: OutletMessage
    }

    /// Delivers what an attempt has for files and commands, then settles it together with what its mailboxes came to.
    func deliverOutside(
        _ attempt: Attempt,
        _ items: [OutletItem],
        _ mailboxes: [(UInt32, DeliveryOutcome)]
    ) async {
        var outcomes = mailboxes
        for item in items {
            guard let outcome = await write(item.message, of: attempt.message) else {
                if !attempt.message.isDeleted { outcomes.append((item.key, .heldByOperator)) }
                continue
            }
            switch outcome {
            case .written(let place):
                outcomes.append((item.key, .delivered))
                let fields: KeyValuePairs<TraceField, String?> = [
                    .recipient: item.message.recipient.description, .mailbox: place,
                ]
                record(attempt.message.id, .delivered, fields)
            case .failed(let failure): outcomes.append((item.key, .failed(failure)))
            }
        }
        settle(attempt, outcomes, dialogue: nil)
    }

    /// - Returns: `nil` when the operator held or deleted it while it waited for its turn.
    private func write(_ message: OutletMessage, of queued: ActiveMessage) async -> LocalOutcome? {
        await takeOutletPlace()
        defer { giveOutletPlace() }
        guard !queued.isTakenBack else { return nil }
        let options = options.outlets
        return await withCheckedContinuation { continuation in
            // Not one of the threads that read the queue: a command may take its time.
            Thread.detachNewThread {
                switch message.outlet {
                case .file(let path):
                    continuation.resume(returning: MailboxFile.append(message, to: path, options))
                case .command(let command):
                    continuation.resume(returning: AliasCommand.run(command, message, options))
                case .address:
                    let failure = DeliveryFailure(.systemTrouble, "An address is neither a file nor a command")
                    continuation.resume(returning: .failed(failure))
                }
            }
        }
    }

    private func takeOutletPlace() async {
        guard outletsInUse >= max(1, options.outlets.concurrency) else {
            outletsInUse += 1
            return
        }
        // The place is handed over, not given back, to who waits.
        await withCheckedContinuation { outletsWaiting.append($0) }
    }

    func giveOutletPlace() {
        guard outletsWaiting.isEmpty else { return outletsWaiting.removeFirst().resume() }
        outletsInUse -= 1
    }
}
