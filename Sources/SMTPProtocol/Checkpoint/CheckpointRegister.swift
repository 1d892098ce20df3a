import MailBytes
import MailNames

/// The transactions that clients may resume, without I/O or clock: RFC 1845 section 3.
///
/// A transaction is in use on one connection, or was interrupted, or is complete until its client is known to know. Of the last
/// two there are bounds to how many, how large and how old, for each of the two by itself; where one is reached the oldest give
/// way, a client's own first, and begin anew.
public struct CheckpointRegister<Content>: ~Copyable {
    /// What was received of a transaction, and how many octets of it are where.
    public struct Received {
        public var content: Content
        public var inMemory: Int
        public var onDisk: Int

        public init(_ content: Content, inMemory: Int, onDisk: Int) {
            self.content = content
            self.inMemory = inMemory
            self.onDisk = onDisk
        }
    }

    /// What a client is told that begins a transaction with TRANSID.
    public enum Answer {
        /// Nothing is known of it. It is in use on this connection from now on.
        case new(SMTPCheckpointTicket)
        /// Another connection has it.
        case inUse(SMTPCheckpointTicket)
        /// It goes on, and is in use on this connection from now on.
        case interrupted(SMTPCheckpointTicket, SMTPTransaction, Content)
        /// It is complete, and only the reply did not arrive.
        case completed(SMTPCheckpointTicket, SMTPTransaction, SMTPReply)
    }

    fileprivate enum State {
        case inUse
        case interrupted(SMTPTransaction, Content)
        case completed(SMTPTransaction, SMTPReply)
    }

    fileprivate struct Entry {
        var ticket: SMTPCheckpointTicket
        var state: State
        var since: Timestamp
        var size = SMTPCheckpointSize()
    }

    private let limits: SMTPCheckpointLimits
    private var entries: [SMTPCheckpointKey: Entry] = [:]
    /// Transactions that wait to be resumed or whose clients are not known to know of their end.
    public private(set) var kept = SMTPCheckpointSize()

    public init(limits: SMTPCheckpointLimits = SMTPCheckpointLimits()) { self.limits = limits }

    // MARK: Events

    /// MAIL with TRANSID arrived.
    public mutating func begin(
        _ ticket: SMTPCheckpointTicket,
        _ transaction: SMTPTransaction,
        now: Timestamp
    ) -> Answer {
        expire(now)
        let key = ticket.key
        guard let found = entries[key] else { return enter(ticket, now) }
        switch found.state {
        case .inUse: return .inUse(found.ticket)
        case .interrupted(let earlier, let content) where transaction.resumes(earlier):
            _ = enter(ticket, now)
            return .interrupted(ticket, earlier, content)
        case .completed(let earlier, let reply) where transaction.resumes(earlier):
            entries[key]?.ticket = ticket
            return .completed(ticket, earlier, reply)
        case .interrupted, .completed: return enter(ticket, now)
        }
    }

    private mutating func enter(_ ticket: SMTPCheckpointTicket, _ now: Timestamp) -> Answer {
        remove(ticket.key)
        entries[ticket.key] = Entry(ticket: ticket, state: .inUse, since: now)
        return .new(ticket)
    }

    /// The connection was lost within the content.
    ///
    /// - Returns: transactions that gave way, which may be this one.
    public mutating func interrupted(
        _ ticket: SMTPCheckpointTicket,
        _ transaction: SMTPTransaction,
        _ received: Received,
        now: Timestamp
    ) -> [SMTPTransaction] {
        let memory = received.inMemory + transaction.memory
        let size = SMTPCheckpointSize(transactions: 1, memory: memory, disk: received.onDisk)
        return keep(ticket, .interrupted(transaction, received.content), size, now)
    }

    /// The message was taken, and the client is being told.
    ///
    /// - Returns: transactions that gave way, which may be this one.
    public mutating func completed(
        _ ticket: SMTPCheckpointTicket,
        _ transaction: SMTPTransaction,
        _ reply: SMTPReply,
        now: Timestamp
    ) -> [SMTPTransaction] {
        let size = SMTPCheckpointSize(transactions: 1, memory: transaction.memory + reply.wire.count)
        return keep(ticket, .completed(transaction, reply), size, now)
    }

    /// The transaction came to nothing, or its client knows of its end: it has aborted it, begun another, or said QUIT.
    public mutating func ended(_ ticket: SMTPCheckpointTicket) {
        guard entries[ticket.key]?.ticket === ticket else { return }
        remove(ticket.key)
    }

    /// The connection was lost where there is nothing to keep. What was complete before stays so.
    public mutating func lost(_ ticket: SMTPCheckpointTicket) {
        guard case .inUse = entries[ticket.key]?.state else { return }
        ended(ticket)
    }

    /// All of it is forgotten, what is in use too: other rules hold than those that it was judged by.
    public mutating func removeAll() {
        entries.removeAll()
        kept = SMTPCheckpointSize()
    }

    /// What has been kept for too long goes.
    public mutating func expire(_ now: Timestamp) {
        guard kept.transactions > 0 else { return }
        for (key, entry) in entries where entry.isKept && now - entry.since >= limits.age { remove(key) }
    }

    /// When something will have been kept for too long; `nil` while nothing is kept.
    public var nextExpiry: Timestamp? {
        guard kept.transactions > 0 else { return nil }
        var oldest: Timestamp?
        for entry in entries.values where entry.isKept { oldest = min(oldest ?? entry.since, entry.since) }
        return oldest.map { $0 + limits.age }
    }

    // MARK: Keeping

    private mutating func keep(
        _ ticket: SMTPCheckpointTicket,
        _ state: State,
        _ size: SMTPCheckpointSize,
        _ now: Timestamp
    ) -> [SMTPTransaction] {
        guard let found = entries[ticket.key], found.ticket === ticket, case .inUse = found.state else { return [] }
        remove(ticket.key)
        expire(now)
        entries[ticket.key] = Entry(ticket: ticket, state: state, since: now, size: size)
        kept += size
        let isComplete = entries[ticket.key]?.isComplete ?? false
        var gone = makeRoom(limits.perClient, isComplete, of: ticket.key.client)
        gone += makeRoom(limits.all, isComplete, of: nil)
        return gone
    }

    /// Removes the oldest until they are within the bounds.
    ///
    /// - Parameter client: whose they are; `nil` looks at those of all.
    private mutating func makeRoom(
        _ bounds: SMTPCheckpointSize,
        _ areComplete: Bool,
        of client: IPAddress?
    ) -> [SMTPTransaction] {
        // All together are less: there is nothing to look through.
        guard !kept.fits(bounds) else { return [] }
        var size = SMTPCheckpointSize()
        var candidates: [Entry] = []
        for (key, entry) in entries where entry.isKept && entry.isComplete == areComplete {
            if let client, client != key.client { continue }
            size += entry.size
            candidates.append(entry)
        }
        candidates.sort { $0.since < $1.since }
        var gone: [SMTPTransaction] = []
        for oldest in candidates {
            if size.fits(bounds) { break }
            size -= oldest.size
            remove(oldest.ticket.key)
            if let transaction = oldest.transaction { gone.append(transaction) }
        }
        return gone
    }

    private mutating func remove(_ key: SMTPCheckpointKey) {
        guard let entry = entries.removeValue(forKey: key) else { return }
        kept -= entry.size
    }
}

extension CheckpointRegister.Entry {
    fileprivate var transaction: SMTPTransaction? {
        switch state {
        case .inUse: nil
        case .interrupted(let transaction, _), .completed(let transaction, _): transaction
        }
    }

    fileprivate var isKept: Bool { transaction != nil }

    fileprivate var isComplete: Bool {
        if case .completed = state { true } else { false }
    }
}

extension CheckpointRegister: Sendable where Content: Sendable {}
extension CheckpointRegister.Received: Sendable where Content: Sendable {}
extension CheckpointRegister.Answer: Sendable where Content: Sendable {}
extension CheckpointRegister.State: Sendable where Content: Sendable {}
extension CheckpointRegister.Entry: Sendable where Content: Sendable {}

extension SMTPTransaction {
    /// What MAIL says is bounded by its line, and is there twice.
    private static let octetsOfMail = 4096
    private static let octetsOfRecipient = 256

    /// Octets that it takes in memory without its content, rather too many than too few.
    fileprivate var memory: Int {
        recipients.reduce(Self.octetsOfMail) { sum, recipient in
            let original = recipient.originalRecipient.map { $0.addressType.utf8.count + $0.encodedAddress.utf8.count }
            return sum + Self.octetsOfRecipient + "\(recipient.address)".utf8.count + (original ?? 0)
        }
    }
}
