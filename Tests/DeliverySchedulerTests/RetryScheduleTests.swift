import MailBytes
import Testing

@testable import DeliveryScheduler

@Suite("Retry schedule, RFC 5321 section 4.5.4.1") struct RetryScheduleTests {
    @Test func `the first retries follow within minutes, later ones after half an hour at least`() {
        let schedule = RetrySchedule()
        let delays = (1...40).map { schedule.delayWithoutJitter(afterFailures: $0) }
        #expect(delays[0] == .seconds(60))
        #expect(delays[2] == .seconds(900))
        #expect(delays[3...].allSatisfy { $0 >= .seconds(1800) && $0 <= schedule.longest })
        #expect(zip(delays, delays.dropFirst()).allSatisfy { $0 <= $1 })
        #expect(delays.last == schedule.longest)
    }

    @Test(arguments: [1, 2, 77, 4096] as [UInt64])
    func `jitter only lengthens, within its fraction`(seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        let schedule = RetrySchedule(jitter: 0.25)
        for failures in 1...200 {
            let base = schedule.delayWithoutJitter(afterFailures: failures)
            let delay = schedule.delay(afterFailures: failures, using: &generator)
            #expect(delay >= base && delay <= base * 1.25, "seed \(seed), failure \(failures)")
        }
    }

    @Test func `a failure count without bound costs no time and overflows nothing`() {
        var generator = SplitMix64(seed: 1)
        let delay = RetrySchedule(jitter: 0).delay(afterFailures: .max, using: &generator)
        #expect(delay == .seconds(4 * 3600))
    }
}
