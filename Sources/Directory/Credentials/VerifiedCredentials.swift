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

    private static let lifetime = Duration.seconds(300)

    private let key = SymmetricKey(size: .bits256)
    private let entries = Mutex<[[UInt8]: Entry]>([:])
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

    func account(for credentials: PasswordCredentials, now: Timestamp) -> Account? {
        let digest = digest(credentials)
        return entries.withLock { entries in
            guard let entry = entries[digest] else { return nil }
            guard entry.until > now else {
                entries[digest] = nil
                return nil
            }
            return entry.account
        }
    }

    func remember(_ credentials: PasswordCredentials, account: Account, now: Timestamp) {
        let digest = digest(credentials)
        entries.withLock { entries in
            if entries.count >= capacity { entries.removeAll(keepingCapacity: true) }
            entries[digest] = Entry(account: account, until: now + Self.lifetime)
        }
    }

    func forgetAll() {
        entries.withLock { $0.removeAll() }
    }
}
