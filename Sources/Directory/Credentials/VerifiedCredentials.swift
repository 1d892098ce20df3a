import Crypto
import MailBytes
import SASL
import Synchronization

/// Remembers for a short time which passwords were found right, so that a client that logs in every minute does not
/// cost an Argon2id each time.
///
/// What is kept is a keyed digest under a key that lives in this process alone; neither name nor password can be read
/// from it. A change of any password forgets everything.
final class VerifiedCredentials: Sendable {
    private struct Entry {
        var account: Account
        var until: Timestamp
    }

    private struct State {
        var generation: UInt64 = 0
        var entries: [[UInt8]: Entry] = [:]
    }

    private static let lifetime = Duration.seconds(300)

    private let key = SymmetricKey(size: .bits256)
    private let state = Mutex(State())
    private let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
    }

    private func digest(_ credentials: PasswordCredentials) -> [UInt8] {
        var hash = HMAC<SHA256>(key: key)
        hash.update(data: Array(credentials.authenticationIdentity.utf8))
        hash.update(data: [0])
        hash.update(data: credentials.password.bytes)
        return Array(hash.finalize())
    }

    /// Counts the changes: a password that was looked up before a change is not remembered after it.
    var generation: UInt64 { state.withLock(\.generation) }

    func account(for credentials: PasswordCredentials, now: Timestamp) -> Account? {
        let digest = digest(credentials)
        return state.withLock { state in
            guard let entry = state.entries[digest] else { return nil }
            guard entry.until > now else {
                state.entries[digest] = nil
                return nil
            }
            return entry.account
        }
    }

    func remember(_ credentials: PasswordCredentials, account: Account, now: Timestamp, generation: UInt64) {
        let digest = digest(credentials)
        state.withLock { state in
            guard state.generation == generation else { return }
            if state.entries.count >= capacity { state.entries.removeAll(keepingCapacity: true) }
            state.entries[digest] = Entry(account: account, until: now + Self.lifetime)
        }
    }

    func forgetAll() {
        state.withLock { state in
            state.generation += 1
            state.entries.removeAll()
        }
    }
}
