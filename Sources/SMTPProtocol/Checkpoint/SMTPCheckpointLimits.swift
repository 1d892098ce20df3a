import MailBytes

/// How much is kept of transactions that may be resumed.
public struct SMTPCheckpointSize: Sendable, Hashable {
    public var transactions: Int
    /// Octets in memory: content and envelopes.
    public var memory: Int
    /// Octets of content on the disk.
    public var disk: Int

    public init(transactions: Int = 0, memory: Int = 0, disk: Int = 0) {
        self.transactions = transactions
        self.memory = memory
        self.disk = disk
    }

    func fits(_ bounds: SMTPCheckpointSize) -> Bool {
        transactions <= bounds.transactions && memory <= bounds.memory && disk <= bounds.disk
    }

    static func += (sum: inout SMTPCheckpointSize, other: SMTPCheckpointSize) {
        sum.transactions += other.transactions
        sum.memory += other.memory
        sum.disk += other.disk
    }

    static func -= (sum: inout SMTPCheckpointSize, other: SMTPCheckpointSize) {
        sum.transactions -= other.transactions
        sum.memory -= other.memory
        sum.disk -= other.disk
    }
}

/// Bounds of what is kept of transactions that may be resumed: once for those that broke off, and once more for those whose
/// clients may not have heard that they are complete. Neither takes the others' place.
public struct SMTPCheckpointLimits: Sendable, Hashable {
    public var all = SMTPCheckpointSize(transactions: 1000, memory: 16 << 20, disk: 256 << 20)
    /// Of one IPv4 address or one IPv6 /64, which is what one customer has.
    public var perClient = SMTPCheckpointSize(transactions: 20, memory: 4 << 20, disk: 64 << 20)
    /// RFC 1845 section 3 recommends at least 48 hours.
    public var age = Duration.seconds(24 * 3600)

    public init() {}
}
