import MailBytes
import MailPolicy
import Testing

@Suite("How much an account may send") struct AccountPaceTests {
    private static func isAccepted(_ verdict: Verdict) -> Bool { verdict.decision == .accept }

    @Test func `an account has a period's worth at once, and the rest as time goes by`() {
        var pace = AccountPace(limits: .init(messagesPerHour: 60))
        var now = Timestamp(seconds: 1000)
        for _ in 0..<60 { #expect(Self.isAccepted(pace.take(.message, account: "a", now: now))) }
        #expect(pace.take(.message, account: "a", now: now).decision == .refuse(.paceExceeded))
        #expect(Self.isAccepted(pace.take(.message, account: "b", now: now)))
        now = now + .seconds(59)
        #expect(!Self.isAccepted(pace.take(.message, account: "a", now: now)))
        now = now + .seconds(1)
        #expect(Self.isAccepted(pace.take(.message, account: "a", now: now)))
        #expect(!Self.isAccepted(pace.take(.message, account: "a", now: now)))
    }

    @Test func `messages and recipients are counted apart, and 0 is no limit`() {
        var pace = AccountPace(limits: .init(messagesPerHour: 0, recipientsPerDay: 2))
        let now = Timestamp(seconds: 1000)
        for _ in 0..<100 { #expect(Self.isAccepted(pace.take(.message, account: "a", now: now))) }
        #expect(Self.isAccepted(pace.take(.recipient, account: "a", now: now)))
        #expect(Self.isAccepted(pace.take(.recipient, account: "a", now: now)))
        #expect(!Self.isAccepted(pace.take(.recipient, account: "a", now: now)))
    }

    @Test func `a clock that goes back takes nothing away and gives nothing`() {
        var pace = AccountPace(limits: .init(messagesPerHour: 1))
        #expect(Self.isAccepted(pace.take(.message, account: "a", now: Timestamp(seconds: 9000))))
        #expect(!Self.isAccepted(pace.take(.message, account: "a", now: Timestamp(seconds: 0))))
    }

    @Test func `however many accounts there are, the memory is bounded`() {
        var pace = AccountPace(limits: .init(messagesPerHour: 5))
        for number in 0..<40_000 {
            _ = pace.take(.message, account: "a\(number)", now: Timestamp(seconds: Int64(number)))
        }
        #expect(Self.isAccepted(pace.take(.message, account: "a0", now: Timestamp(seconds: 50_000))))
    }
}
