/// A moment of wall-clock time: whole microseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
public struct Timestamp: Hashable, Comparable, Sendable, Codable {
    /// Microseconds since 1970, negative before it.
    public var microseconds: Int64

    /// A moment by its microseconds since 1970.
    public init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    /// A moment by its seconds since 1970.
    public init(seconds: Int64) {
        self.microseconds = seconds.multipliedReportingOverflow(by: 1_000_000).partialValue
    }

    /// Earlier than every message.
    public static let distantPast = Timestamp(microseconds: .min / 4)
    /// Later than every message.
    public static let distantFuture = Timestamp(microseconds: .max / 4)

    /// Whole seconds since 1970, rounded towards the past.
    public var seconds: Int64 {
        microseconds >= 0 ? microseconds / 1_000_000 : (microseconds - 999_999) / 1_000_000
    }

    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.microseconds < right.microseconds
    }

    /// The moment `duration` later; stays within what a time stamp holds.
    public static func + (moment: Timestamp, duration: Duration) -> Timestamp {
        let (sum, overflow) = moment.microseconds.addingReportingOverflow(duration.wholeMicroseconds)
        return overflow ? (duration < .zero ? .distantPast : .distantFuture) : Timestamp(microseconds: sum)
    }

    public static func - (moment: Timestamp, duration: Duration) -> Timestamp {
        moment + (.zero - duration)
    }

    /// The time from `earlier` to `later`.
    public static func - (later: Timestamp, earlier: Timestamp) -> Duration {
        .microseconds(later.microseconds.subtractingReportingOverflow(earlier.microseconds).partialValue)
    }
}

extension Duration {
    /// The duration in microseconds, cut off at what 64 bits hold.
    public var wholeMicroseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        if overflow { return seconds < 0 ? .min / 2 : .max / 2 }
        return scaled.addingReportingOverflow(attoseconds / 1_000_000_000_000).partialValue
    }
}

/// Where the time comes from: a parameter, so that tests and the simulation own it.
public struct WallClock: Sendable {
    /// The present moment.
    public let now: @Sendable () -> Timestamp

    /// A clock that answers what `now` says.
    public init(now: @escaping @Sendable () -> Timestamp) {
        self.now = now
    }
}
