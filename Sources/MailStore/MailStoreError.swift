/// Why mail cannot be stored or read.
public struct MailStoreError: Error, CustomStringConvertible {
    public enum Reason: Hashable, Sendable {
        /// The store has been closed.
        case closed
        /// The file system said no.
        case file(path: String, number: Int32)
        /// An account's database lacks what every account has.
        case damaged(account: Int64)
        /// A message's file does not hold what the database says it does.
        case bodyDamaged(path: String)
        /// The message was removed after it had been listed.
        case messageGone(uid: UInt32)
        /// The mailbox has given out all UIDs that there are.
        case uidsExhausted(mailbox: String)
        /// The content could not be had from its source.
        case contentUnreadable
    }

    public let reason: Reason
    public let underlying: (any Error)?

    init(_ reason: Reason, underlying: (any Error)? = nil) {
        self.reason = reason
        self.underlying = underlying
    }

    /// One line an operator can act on.
    public var description: String {
        let text =
            switch reason {
            case .closed: "The mail store is closed."
            case .file(let path, let number): "The file \(path) cannot be used: error \(number) of the system."
            case .damaged(let account): "The database of account \(account) is damaged: restore it from a backup."
            case .bodyDamaged(let path): "The message in \(path) is damaged: restore it from a backup."
            case .messageGone(let uid): "The message with UID \(uid) has been removed."
            case .uidsExhausted(let mailbox): "The mailbox \(mailbox) has no UIDs left."
            case .contentUnreadable: "The content of a message could not be read from its source."
            }
        return text + (underlying.map { " (\($0))" } ?? "")
    }
}
