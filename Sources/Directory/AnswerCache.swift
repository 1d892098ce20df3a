import MailNames
import Synchronization

/// Answers that were given lately, for sessions that do not wait. Emptied by every change of the directory.
///
/// Two tables, so that a flood of made-up recipients cannot push out the real ones. A full table is emptied whole:
/// it costs one look-up for each address that is still in use, and keeps this a plain dictionary.
final class AnswerCache: Sendable {
    private struct State {
        var generation: UInt64 = 0
        var known: [EmailAddress: RecipientAnswer] = [:]
        var unknown: [EmailAddress: RecipientAnswer] = [:]
    }

    private let state = Mutex(State())
    private let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
    }

    /// Counts the changes: an answer that was looked up before a change is not kept after it.
    var generation: UInt64 { state.withLock(\.generation) }

    subscript(address: EmailAddress) -> RecipientAnswer? {
        state.withLock { $0.known[address] ?? $0.unknown[address] }
    }

    func keep(_ answer: RecipientAnswer, for address: EmailAddress, generation: UInt64) {
        state.withLock { state in
            guard state.generation == generation else { return }
            switch answer {
            case .account, .alias, .mixedAlias, .moved, .disabled, .relayDomain:
                if state.known.count >= capacity { state.known.removeAll(keepingCapacity: true) }
                state.known[address] = answer
            case .list(let target):
                // An address for one member or one question does not come again.
                guard !target.role.isPersonal else { return }
                if state.known.count >= capacity { state.known.removeAll(keepingCapacity: true) }
                state.known[address] = answer
            case .unknownRecipient, .notLocal:
                if state.unknown.count >= capacity { state.unknown.removeAll(keepingCapacity: true) }
                state.unknown[address] = answer
            }
        }
    }

    func empty() {
        state.withLock { state in
            state.generation += 1
            state.known.removeAll()
            state.unknown.removeAll()
        }
    }
}
