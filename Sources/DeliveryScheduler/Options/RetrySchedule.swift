import MailBytes

/// How long to wait before the next attempt: RFC 5321 section 4.5.4.1.
///
/// The first attempts follow within minutes, since most failures are short or are greylisting; from then on the
/// interval is at least 30 minutes and grows to `longest`. Every delay is lengthened by a random part, so that what failed
/// together is not tried together.
public struct RetrySchedule: Hashable, Sendable {
    /// The delays after the first failures, in order.
    public var first: [Duration]
    /// The delay after those.
    public var initial: Duration
    /// By what the delay is multiplied from failure to failure then; at least 1.
    public var growth: Double
    /// No delay is longer, but for jitter.
    public var longest: Duration
    /// The largest random part added, as a fraction of the delay: 0 to 1.
    public var jitter: Double

    public init(
        first: [Duration] = [.seconds(60), .seconds(300), .seconds(900)],
        initial: Duration = .seconds(1800),
        growth: Double = 1.5,
        longest: Duration = .seconds(4 * 3600),
        jitter: Double = 0.2
    ) {
        self.first = first
        self.initial = initial
        self.growth = growth
        self.longest = longest
        self.jitter = jitter
    }

    /// The delay after the given number of failed attempts, which counts from 1.
    public func delay(afterFailures failures: Int, using generator: inout some RandomNumberGenerator) -> Duration {
        let base = delayWithoutJitter(afterFailures: failures).wholeMicroseconds
        let bound = UInt64(max(0, Double(base) * min(max(jitter, 0), 1)))
        let extra = bound == 0 ? 0 : generator.next(upperBound: bound + 1)
        return .microseconds(base + Int64(extra))
    }

    func delayWithoutJitter(afterFailures failures: Int) -> Duration {
        let index = max(0, failures - 1)
        if index < first.count { return first[index] }
        var delay = Double(initial.wholeMicroseconds)
        let ceiling = Double(longest.wholeMicroseconds)
        for _ in first.count..<max(first.count, min(index, first.count + 64)) where delay < ceiling {
            delay *= max(1, growth)
        }
        return .microseconds(Int64(min(delay, max(ceiling, 1))))
    }
}
