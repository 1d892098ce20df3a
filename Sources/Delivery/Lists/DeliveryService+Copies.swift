import DeliveryScheduler
import MailBytes
import MailNames
import NIOCore
import SMTPProtocol

/// Messages of which each recipient gets a copy of its own: they go out in parts, over several connections at a time.
extension DeliveryService {
    /// Copies that one attempt sends, one transaction after the other. The next part waits for another connection meanwhile.
    static let copiesPerAttempt = 50

    /// What differs from copy to copy; `nil` where all recipients get the same.
    func personalCopies(_ message: ActiveMessage, _ content: ByteBuffer) async -> PersonalCopies? {
        guard message.hasCopies else { return nil }
        // Others than lists have chosen their fields themselves.
        guard message.envelope.origin.door == .list else { return PersonalCopies(message.envelope.reversePath) }
        if listSeal == nil, options.unsubscribePage != nil { listSeal = try? await lists?.listSeal() }
        let page = options.unsubscribePage.flatMap { front in listSeal.map { (front, $0) } }
        return PersonalCopies(message.envelope.reversePath, content: content, page: page)
    }

    /// The rest of what waits for the destination gets an entry of its own, for the next connection.
    func addPart(of message: ActiveMessage, to destination: Destination, attempts: Int, now: Timestamp) {
        scheduler.add(
            message.id,
            to: destination,
            expires: message.expires,
            attempts: attempts,
            hold: message.isHeld ? .byOperator : nil,
            isPart: true,
            priority: message.priority,
            now: now
        )
        schedulePump()
    }

    /// Copies that had no turn on a connection that ended, though others had, have it at once on another.
    func giveBack(_ keys: [UInt32], of attempt: Attempt) {
        for key in keys {
            guard let index = attempt.message.index(key) else { continue }
            attempt.message.targets[index].state = .waiting
            attempt.message.targets[index].waitsIn = nil
        }
        addPart(of: attempt.message, to: attempt.destination, attempts: attempt.attempts, now: clock.now())
    }
}

extension SMTPRecipientOutcome {
    var isAccepted: Bool { if case .accepted = self { true } else { false } }
}
