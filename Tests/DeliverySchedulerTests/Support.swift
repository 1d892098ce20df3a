import MailBytes
import MailEvents
import MailNames
import Testing

@testable import DeliveryScheduler

extension Timestamp {
    /// A moment in seconds after the beginning of a test.
    static func at(_ seconds: Int64) -> Timestamp { Timestamp(seconds: 1_800_000_000 + seconds) }
}

extension Destination {
    static func to(_ name: String) -> Destination {
        guard let domain = try? Domain(parsing: name) else { return .unrouted }
        return .domain(domain)
    }
}

extension QueueID {
    static func number(_ number: Int) -> QueueID { QueueID(rawValue: UInt64(number)) }
}

extension Work {
    /// Whom to connect to; `nil` for other work.
    var connecting: DestinationID? {
        if case .connect(let id) = self { id } else { nil }
    }
}

extension DeliveryScheduler {
    @discardableResult
    mutating func add(_ number: Int, _ name: String, at seconds: Int64 = 0, expires: Int64 = 400_000) -> EntryID {
        add(.number(number), to: .to(name), expires: .at(expires), now: .at(seconds))
    }

    /// The next work, which has to be a new connection.
    mutating func connect(at seconds: Int64 = 0) -> DestinationID? {
        nextWork(now: .at(seconds))?.connecting
    }

    /// Ends an attempt as a destination that cannot be reached does.
    mutating func failUnreachable(
        _ destination: DestinationID,
        at seconds: Int64
    ) -> (tried: QueueID?, until: Timestamp?) {
        let taken = take(from: destination, isFirst: true, now: .at(seconds))
        let until = failed(destination, now: .at(seconds))
        if let taken { retry(taken.id, now: .at(seconds)) }
        closed(destination, wasIdle: false)
        return (taken?.message, until)
    }
}

/// The value, or the end of the test. The macros capture what stands in them, and the scheduler may not be captured.
func unwrap<T>(_ value: T?, sourceLocation: SourceLocation = #_sourceLocation) throws -> T {
    try #require(value, sourceLocation: sourceLocation)
}

/// As `#expect(a == b)`, for the same reason.
func expect<T: Equatable>(_ found: T, is expected: T, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(found == expected, sourceLocation: sourceLocation)
}
