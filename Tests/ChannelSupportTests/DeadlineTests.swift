import ChannelSupport
import NIOCore
import NIOEmbedded
import Testing

@Suite("A time-out that is moved") struct DeadlineTests {
    /// Somebody with a time-out, on a clock that is turned by hand.
    private final class Patient {
        let loop = EmbeddedEventLoop()
        private var deadline = Deadline()
        private(set) var timersFired = 0
        private(set) var timeOuts = 0

        func move(by seconds: Int64) { deadline.move(by: .seconds(seconds), on: loop, fire: fire()) }

        func cancel() { deadline.cancel() }

        func pass(_ seconds: Int64) { loop.advanceTime(by: .seconds(seconds)) }

        private func fire() -> @Sendable () -> Void {
            let bound = NIOLoopBound(self, eventLoop: loop)
            return { bound.value.fired() }
        }

        private func fired() {
            timersFired += 1
            if deadline.fired(on: loop, fire: fire()) { timeOuts += 1 }
        }
    }

    @Test func `comes once, when its time is over`() {
        let patient = Patient()
        patient.move(by: 10)
        patient.pass(9)
        #expect(patient.timeOuts == 0)
        patient.pass(1)
        #expect(patient.timeOuts == 1)
        patient.pass(100)
        #expect(patient.timeOuts == 1)
    }

    @Test func `moved while it runs, comes that much later`() {
        let patient = Patient()
        patient.move(by: 10)
        patient.pass(6)
        patient.move(by: 10)
        patient.pass(9)
        #expect(patient.timeOuts == 0)
        patient.pass(1)
        #expect(patient.timeOuts == 1)
    }

    @Test func `moved to an earlier time, comes then and not again`() {
        let patient = Patient()
        patient.move(by: 300)
        patient.move(by: 10)
        patient.pass(10)
        #expect(patient.timeOuts == 1)
        patient.pass(1000)
        #expect(patient.timeOuts == 1)
    }

    @Test func `moved a thousand times, costs a timer for each time-out that passes`() {
        let patient = Patient()
        for _ in 0..<1000 {
            patient.move(by: 10)
            patient.loop.advanceTime(by: .milliseconds(50))
        }
        #expect(patient.timersFired <= 5)
        patient.pass(9)
        #expect(patient.timeOuts == 0)
        patient.pass(1)
        #expect(patient.timeOuts == 1)
    }

    @Test func `cancelled, comes never, and can be set again`() {
        let patient = Patient()
        patient.move(by: 10)
        patient.cancel()
        patient.pass(100)
        #expect(patient.timersFired == 0)
        patient.move(by: 10)
        patient.pass(10)
        #expect(patient.timeOuts == 1)
    }
}
