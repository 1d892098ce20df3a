import MailBytes

/// How much each account may send: RFC 6409 section 6 leaves that to the site. Buckets of tokens that fill evenly, so that an
/// account that was silent may send a whole period's worth at once.
public struct AccountPace: Sendable {
    /// The bounds; 0 for none.
    public struct Limits: Sendable, Hashable {
        public var messagesPerHour = 0
        public var recipientsPerDay = 0

        public init(messagesPerHour: Int = 0, recipientsPerDay: Int = 0) {
            self.messagesPerHour = messagesPerHour
            self.recipientsPerDay = recipientsPerDay
        }
    }

    /// What is counted.
    public enum Kind: Sendable, Hashable {
        case message
        case recipient
    }

    /// Accounts that are remembered; of more, those whose buckets were used longest ago are taken for full.
    private static let remembered = 16_384

    private struct Key: Hashable {
        var account: String
        var kind: Kind
    }

    /// Tokens in millionths, and when they were counted.
    private struct Bucket {
        var tokens: Int
        var counted: Timestamp
    }

    public var limits: Limits
    private var buckets: [Key: Bucket] = [:]

    public init(limits: Limits = Limits()) {
        self.limits = limits
    }

    /// Whether the account may send one more; then it is counted.
    public mutating func take(_ kind: Kind, account: String, now: Timestamp) -> Verdict {
        let (limit, seconds, what) =
            switch kind {
            case .message: (limits.messagesPerHour, 3600, "messages an hour")
            case .recipient: (limits.recipientsPerDay, 86_400, "recipients a day")
            }
        guard limit > 0 else { return Verdict("pace", .accept, because: "there is no limit") }
        let key = Key(account: account, kind: kind)
        var bucket = buckets[key] ?? Bucket(tokens: limit * Self.whole, counted: now)
        let elapsed = max(.zero, now - bucket.counted)
        let fresh =
            Double(limit) * Double(Self.whole) * Double(elapsed.wholeMicroseconds) / (Double(seconds) * 1_000_000)
        bucket.tokens = min(limit * Self.whole, bucket.tokens + Int(min(fresh, Double(limit * Self.whole))))
        guard bucket.tokens >= Self.whole else {
            return Verdict("pace", .refuse(.paceExceeded), because: "\(account) may send \(limit) \(what), and did")
        }
        bucket.tokens -= Self.whole
        bucket.counted = now
        if buckets[key] == nil && buckets.count >= Self.remembered { forgetOldest() }
        buckets[key] = bucket
        return Verdict("pace", .accept, because: "\(account) sends within \(limit) \(what)")
    }

    private static let whole = 1_000_000

    /// Makes room for a quarter.
    private mutating func forgetOldest() {
        let sorted = buckets.sorted { $0.value.counted < $1.value.counted }
        for (key, _) in sorted.prefix(Self.remembered / 4) { buckets[key] = nil }
    }
}
