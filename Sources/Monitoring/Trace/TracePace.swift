import MailBytes

/// When the trace may take time from mail: how long to index, and when to delete.
struct TracePace {
    /// Octets in a tenth of a second up to which mail counts as calm: some thousand entries a second.
    private static let calm = 64 << 10
    /// Calm turns before indexing begins, so that it does not begin in every gap of a busy moment.
    private static let patience = 3
    /// Entries that are deleted at a time.
    static let deletions = 2000

    private let retention: Duration
    private let journal: ByteCount
    private var calmTurns = 0
    private var nextDeletion = Timestamp.distantPast

    init(retention: Duration, journal: ByteCount) {
        self.retention = retention
        self.journal = journal
    }

    /// How long to index in this turn of a tenth of a second.
    ///
    /// - Parameters:
    ///   - arrived: octets that came since the last turn.
    ///   - waiting: octets of the journal that are not indexed.
    mutating func indexing(arrived: Int, waiting: Int64) -> Duration {
        calmTurns = arrived < Self.calm ? calmTurns + 1 : 0
        if calmTurns > Self.patience { return .milliseconds(80) }
        return waiting > journal.bytes / 2 ? .milliseconds(30) : .zero
    }

    /// Entries before which moment are to be deleted in this turn; `nil` for none.
    func deletion(now: Timestamp) -> Timestamp? {
        now >= nextDeletion ? now - retention : nil
    }

    /// After a deletion: a full step is followed by the next at once while all is calm; else there is time.
    mutating func deleted(_ count: Int, now: Timestamp) {
        let isMore = count >= Self.deletions
        nextDeletion = now + (isMore ? (calmTurns > Self.patience ? .zero : .seconds(5)) : .seconds(60))
    }
}
