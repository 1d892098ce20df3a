import Glibc
import MailBytes

/// How badly a member's mail fares: each day on which it came back counts once, and what was counted is worth half after a week.
///
/// So a mailbox that is full for an afternoon costs nobody their place in a busy list, and one that is gone does within days.
public struct BounceScore: Hashable, Sendable {
    /// What a bounce does.
    public enum Verdict: Hashable, Sendable {
        /// The day was counted before.
        case known
        case counted
        /// The limit is reached: the member gets no more posts.
        case suspended
    }

    static let halfLife: Duration = .seconds(7 * 86_400)
    static let interval: Duration = .seconds(20 * 3600)

    /// As it was when it was counted last.
    public private(set) var value: Double
    /// When a bounce was counted last; `nil` for never.
    public private(set) var counted: Timestamp?

    public init(value: Double = 0, counted: Timestamp? = nil) {
        self.value = value.isFinite ? max(0, value) : 0
        self.counted = counted
    }

    /// What is left of it at a moment.
    public func value(at now: Timestamp) -> Double {
        guard let counted else { return 0 }
        let age = max(0, Double((now - counted).wholeMicroseconds))
        return value * exp2(-age / Double(Self.halfLife.wholeMicroseconds))
    }

    /// Counts a bounce: a permanent one as 1, another as a half.
    public mutating func count(_ severity: BounceReport.Severity, limit: Int, now: Timestamp) -> Verdict {
        if let counted, now - counted < Self.interval { return .known }
        value = value(at: now) + (severity == .permanent ? 1 : 0.5)
        counted = now
        return value >= Double(limit) ? .suspended : .counted
    }
}
