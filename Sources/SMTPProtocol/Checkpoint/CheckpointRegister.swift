import MailBytes

/// The transactions that clients may resume, without I/O or clock: RFC 1845 section 3.
///
/// A transaction is in use on one connection, or was interrupted, or is complete until its client is known to know. Of the last
/// two there are bounds to how many, how large and how old; where one is reached the oldest give way, and their clients begin
/// anew.
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
        case inUse
        /// It goes on, and is in use on this connection from now on.
        case interrupted(SMTPCheckpointTicket, SMTPTransaction, Content)
        /// It is complete, and only the reply did not arrive.
        case completed(SMTPCheckpointTicket, SMTPTransaction, SMTPReply)
    }

    fileprivate enum State {
        case inUse
        case interrupted(SMTPTransaction, Received)
        case completed(SMTPTransaction, SMTPReply)
    }

    fileprivate struct Entry {
        var ticket: UInt64
        var state: State
        var since: Timestamp
        var inMemory = 0
        var onDisk = 0
    }

    private let limits: SMTPCheckpointLimits
    private var entries: [SMTPCheckpointKey: Entry] = [:]
    private var tickets: UInt64 = 0
    /// Octets of all that is kept.
    public private(set) var memory = 0
    public private(set) var disk = 0
    /// Transactions that wait to be resumed, or whose clients are not known to know of their end.
    public private(set) var kept = 0

    public init(limits: SMTPCheckpointLimits = SMTPCheckpointLimits()) { self.limits = limits }

    /// What a recipient counts for in memory.
    private static var recipientCost: Int { 128 }
    /// What a transaction counts for without content and recipients.
    private static var transactionCost: Int { 512 }

    private static func cost(_ transaction: SMTPTransaction) -> Int {
        transactionCost + recipientCost * transaction.recipients.count
    }

    // MARK: Events

    /// MAIL with TRANSID arrived.
    public mutating func begin(_ key: SMTPCheckpointKey, _ transaction: SMTPTransaction, now: Timestamp) -> Answer {
        expire(now)
        let found = entries[key]
        if case .inUse = found?.state { return .inUse }
        tickets += 1
        let ticket = SMTPCheckpointTicket(key: key, number: tickets)
        switch found?.state {
        case .interrupted(let earlier, let received) where transaction.resumes(earlier):
            remove(key)
            entries[key] = Entry(ticket: tickets, state: .inUse, since: now)
            return .interrupted(ticket, earlier, received.content)
        case .completed(let earlier, let reply) where transaction.resumes(earlier):
            entries[key]?.ticket = tickets
            return .completed(ticket, earlier, reply)
        case .interrupted, .completed, .inUse, nil:
            remove(key)
            entries[key] = Entry(ticket: tickets, state: .inUse, since: now)
            return .new(ticket)
        }
    }

    /// The connection was lost within the content.
    public mutating func interrupted(
        _ ticket: SMTPCheckpointTicket,
        _ transaction: SMTPTransaction,
        _ received: Received,
        now: Timestamp
    ) {
        let inMemory = received.inMemory + Self.cost(transaction)
        keep(ticket, .interrupted(transaction, received), inMemory: inMemory, onDisk: received.onDisk, now)
    }

    /// The message was taken, and the client is being told.
    public mutating func completed(
        _ ticket: SMTPCheckpointTicket,
        _ transaction: SMTPTransaction,
        _ reply: SMTPReply,
        now: Timestamp
    ) {
        keep(ticket, .completed(transaction, reply), inMemory: Self.cost(transaction), onDisk: 0, now)
    }

    /// The transaction came to nothing, or its client knows of its end: it has aborted it, begun another, or said QUIT.
    public mutating func ended(_ ticket: SMTPCheckpointTicket) {
        guard entries[ticket.key]?.ticket == ticket.number else { return }
        remove(ticket.key)
    }

    // MARK: Keeping

    private mutating func keep(
        _ ticket: SMTPCheckpointTicket,
        _ state: State,
        inMemory: Int,
        onDisk: Int,
        _ now: Timestamp
    ) {
        guard entries[ticket.key]?.ticket == ticket.number else { return }
        remove(ticket.key)
        expire(now)
        guard inMemory <= limits.memory.bytes, onDisk <= limits.disk.bytes else { return }
        makeRoom(for: ticket.key.origin, inMemory, onDisk)
        entries[ticket.key] = Entry(
            ticket: ticket.number,
            state: state,
            since: now,
            inMemory: inMemory,
            onDisk: onDisk
        )
        memory += inMemory
        disk += onDisk
        kept += 1
    }

    private mutating func makeRoom(for origin: SMTPCheckpointKey.Origin, _ inMemory: Int, _ onDisk: Int) {
        if kept >= limits.transactionsPerClient {
            let own = entries.filter { $0.key.origin == origin && $0.value.isKept }
            if own.count >= limits.transactionsPerClient, let oldest = own.min(by: { $0.value.isOlder(than: $1.value) })
            {
                remove(oldest.key)
            }
        }
        while kept >= limits.transactions || memory + inMemory > limits.memory.bytes
            || disk + onDisk > limits.disk.bytes
        {
            let all = entries.lazy.filter(\.value.isKept)
            guard let oldest = all.min(by: { $0.value.isOlder(than: $1.value) }) else { return }
            remove(oldest.key)
        }
    }

    /// What has been kept for too long goes.
    private mutating func expire(_ now: Timestamp) {
        guard kept > 0 else { return }
        for (key, entry) in entries where entry.isKept && now - entry.since > limits.age { remove(key) }
    }

    private mutating func remove(_ key: SMTPCheckpointKey) {
        guard let entry = entries.removeValue(forKey: key), entry.isKept else { return }
        memory -= entry.inMemory
        disk -= entry.onDisk
        kept -= 1
    }
}

extension CheckpointRegister.Entry {
    fileprivate var isKept: Bool {
        if case .inUse = state { false } else { true }
    }

    fileprivate func isOlder(than other: Self) -> Bool { (since, ticket) < (other.since, other.ticket) }
}

extension CheckpointRegister: Sendable where Content: Sendable {}
extension CheckpointRegister.Received: Sendable where Content: Sendable {}
extension CheckpointRegister.Answer: Sendable where Content: Sendable {}
extension CheckpointRegister.State: Sendable where Content: Sendable {}
extension CheckpointRegister.Entry: Sendable where Content: Sendable {}

/// Bounds of what is kept of transactions that may be resumed.
public struct SMTPCheckpointLimits: Sendable, Hashable {
    public var transactions = 1000
    /// Of one account or address.
    public var transactionsPerClient = 20
    /// Octets in memory: content, and envelopes by their number of recipients.
    public var memory = ByteCount.mebibytes(64)
    /// Octets of content on the disk.
    public var disk = ByteCount.gibibytes(1)
    /// RFC 1845 section 3 recommends at least 48 hours.
    public var age = Duration.seconds(48 * 3600)

    public init() {}
}

/// The right of one connection to say what became of a transaction.
///
/// An object, since each connection has room for one, and few have one.
public final class SMTPCheckpointTicket: Sendable {
    let key: SMTPCheckpointKey
    let number: UInt64

    init(key: SMTPCheckpointKey, number: UInt64) {
        self.key = key
        self.number = number
    }
}
