import MailBytes
import MailEvents
import Testing

@testable import DeliveryScheduler

@Suite("What waits on purpose") struct PatienceTests {
    @Test func `what could not be given up waits until its new moment, though its time is over`() throws {
        var scheduler = DeliveryScheduler(seed: 1)
        scheduler.add(1, "a.test", expires: 10)
        let events = scheduler.poll(now: .at(10))
        guard case .expired(let entry, _) = try unwrap(events.first) else { return }
        scheduler.giveBack(entry, due: .at(310), now: .at(10))
        expect(scheduler.nextWake, is: .at(310))
        let early = scheduler.poll(now: .at(309))
        #expect(early.isEmpty)
        let again = scheduler.poll(now: .at(310))
        #expect(again == [.expired(entry, message: .number(1))])
    }

    @Test func `a delay that could not be told is told at another time`() {
        var scheduler = DeliveryScheduler(seed: 1)
        let entry = scheduler.add(
            .number(1),
            to: .to("a.test"),
            due: .at(5000),
            expires: .at(100_000),
            warns: .at(100),
            now: .at(0)
        )
        _ = scheduler.poll(now: .at(100))
        scheduler.warn(entry, at: .at(400))
        expect(scheduler.nextWake, is: .at(400))
        let events = scheduler.poll(now: .at(400))
        #expect(events == [.delayed(entry, message: .number(1))])
    }

    @Test func `what is damaged is held, also when that shows during an attempt, and does not expire`() throws {
        var scheduler = DeliveryScheduler(seed: 1)
        scheduler.add(1, "a.test", expires: 1000)
        let id = try unwrap(scheduler.connect())
        let taken = try unwrap(scheduler.take(from: id, isFirst: true, now: .at(0)))
        scheduler.hold(.number(1), because: .damaged, now: .at(0))
        scheduler.retry(taken.id, now: .at(0))
        expect(scheduler.status(of: .number(1)).map(\.holdReason), is: [.damaged])
        let events = scheduler.poll(now: .at(1_000_000))
        #expect(events.isEmpty)
    }

    @Test func `what waits for a dead destination is told once, whether it was there before or comes later`() throws {
        var scheduler = DeliveryScheduler(seed: 1)
        for number in 1...5 { scheduler.add(number, "dead.test") }
        let id = try unwrap(scheduler.connect())
        let before = scheduler.beganToWait(for: id, limit: 10)
        #expect(before.isEmpty)
        let until = try unwrap(scheduler.failUnreachable(id, at: 0).until)
        let some = scheduler.beganToWait(for: id, limit: 3)
        let rest = scheduler.beganToWait(for: id, limit: 3)
        let none = scheduler.beganToWait(for: id, limit: 3)
        #expect(some == [.number(2), .number(3), .number(4)] && rest == [.number(5)] && none.isEmpty)
        let late = scheduler.add(6, "dead.test", at: 1)
        let told = scheduler.beganToWait(late)
        let again = scheduler.beganToWait(late)
        #expect(told == until && again == nil)
        let alive = scheduler.add(7, "alive.test", at: 1)
        let nothing = scheduler.beganToWait(alive)
        #expect(nothing == nil)
    }

    @Test func `at the limit of connections one that has had its share makes room for a destination without any`()
        throws
    {
        var options = SchedulerOptions()
        options.connections = 1
        var scheduler = DeliveryScheduler(options: options, seed: 1)
        for number in 1...5 { scheduler.add(number, "a.test") }
        let first = try unwrap(scheduler.connect())
        _ = scheduler.take(from: first, isFirst: true, now: .at(0))
        expect(scheduler.shouldMakeRoom(first), is: false)
        scheduler.add(6, "b.test")
        expect(scheduler.shouldMakeRoom(first), is: true)
        scheduler.closed(first, wasIdle: false)
        let second = try unwrap(scheduler.connect())
        expect(scheduler.destination(second), is: .to("b.test"))
        // And now it is the other one's turn to wait.
        expect(scheduler.shouldMakeRoom(second), is: true)
    }
}
