import MailNames
import Synchronization

/// What the database said of names themselves, and which domain they really are in. Emptied by every change of the directory.
final class ExactAnswerCache: Sendable {
    private struct State {
        var generation: UInt64 = 0
        var answers: [EmailAddress: (answer: RecipientAnswer, domain: Domain?)] = [:]
    }

    private let state = Mutex(State())
    private let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
    }

    /// Counts the changes: an answer that was looked up before a change is not kept after it.
    var generation: UInt64 { state.withLock(\.generation) }

    subscript(address: EmailAddress) -> (answer: RecipientAnswer, domain: Domain?)? {
        state.withLock { $0.answers[address] }
    }

    func keep(_ answer: RecipientAnswer, _ domain: Domain?, for address: EmailAddress, generation: UInt64) {
        state.withLock { state in
            guard state.generation == generation else { return }
            if state.answers.count >= capacity { state.answers.removeAll(keepingCapacity: true) }
            state.answers[address] = (answer, domain)
        }
    }

    func empty() {
        state.withLock { state in
            state.generation += 1
            state.answers.removeAll()
        }
    }
}
