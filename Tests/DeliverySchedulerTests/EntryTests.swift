import MailBytes
import MailEvents
import Testing

@testable import DeliveryScheduler

@Suite("Entries: due, expired, delayed, held") struct EntryTests {
    @Test func `a message expires while its destination is dead, while it is held and while it is deferred`() throws {
        var scheduler = DeliveryScheduler(seed: 1)
        scheduler.add(1, "dead.test", expires: 1000)
        scheduler.add(2, "dead.test", expires: 1000)
        scheduler.add(3, "held.test", expires: 1000)
        scheduler.hold(.number(3), now: .at(0))
        let id = try unwrap(scheduler.connect())
        _ = scheduler.failUnreachable(id, at: 0)
        let early = scheduler.poll(now: .at(999))
        #expect(early.isEmpty)
        let events = scheduler.poll(now: .at(1000))
        let expired = events.compactMap { event -> QueueID? in
            if case .expired(_, let message) = event { message } else { nil }
        }
        #expect(Set(expired) == [.number(1), .number(2), .number(3)])
        for case .expired(let entry, _) in events { scheduler.complete(entry) }
        expect(scheduler.messageCount, is: 0)
        expect(scheduler.nextWake, is: nil)
    }

    @Test func `an expired message is not handed out even when it is ready`() throws {
        var scheduler = DeliveryScheduler(seed: 1)
        scheduler.add(1, "a.test", expires: 10)
        let id = try unwrap(scheduler.connect())
        let taken = scheduler.take(from: id, isFirst: true, now: .at(10))
        #expect(taken == nil)
        let events = scheduler.poll(now: .at(10))
        #expect(events.count == 1)
    }

    @Test func `mail that is caught does not expire`() {
        var scheduler = DeliveryScheduler(seed: 1)
        scheduler.add(.number(1), to: .to("a.test"), expires: .at(10), hold: .caught, now: .at(0))
        let events = scheduler.poll(now: .at(1_000_000))
        #expect(events.isEmpty)
        expect(scheduler.status(of: .number(1)).first?.state, is: .held)
    }

    @Test func `a delay is told once`() {
        var scheduler = DeliveryScheduler(seed: 1)
        scheduler.add(.number(1), to: .to("a.test"), expires: .at(100_000), warns: .at(14_400), now: .at(0))
        let before = scheduler.poll(now: .at(14_399))
        let at = scheduler.poll(now: .at(14_400))
        let after = scheduler.poll(now: .at(20_000))
        #expect(before.isEmpty && after.isEmpty)
        #expect(at.count == 1)
    }

    @Test func `the same message for the same destination is one entry`() {
        var scheduler = DeliveryScheduler(seed: 1)
        let first = scheduler.add(1, "a.test")
        let second = scheduler.add(1, "a.test")
        let other = scheduler.add(1, "b.test")
        #expect(first == second)
        #expect(first != other)
        expect(scheduler.entryCount, is: 2)
        expect(scheduler.messageCount, is: 1)
    }

    @Test func `hold and release, while waiting and while in flight`() throws {
        var scheduler = DeliveryScheduler(seed: 1)
        scheduler.add(1, "a.test")
        scheduler.hold(.number(1), now: .at(0))
        let held = scheduler.nextWork(now: .at(0))
        #expect(held == nil)
        scheduler.release(.number(1), now: .at(1))
        let id = try unwrap(scheduler.connect(at: 1))
        let taken = try unwrap(scheduler.take(from: id, isFirst: true, now: .at(1)))
        scheduler.hold(.number(1), now: .at(1))
        expect(scheduler.status(of: .number(1)).first?.state, is: .inFlight)
        scheduler.retry(taken.id, now: .at(2))
        expect(scheduler.status(of: .number(1)).first?.state, is: .held)
    }

    @Test func `everything that waits is taken out, what is tried stays, and all goes on from there`() throws {
        var scheduler = DeliveryScheduler(seed: 1)
        scheduler.add(1, "a.test")
        let id = try unwrap(scheduler.connect(at: 0))
        let taken = try unwrap(scheduler.take(from: id, isFirst: true, now: .at(0)))
        let other = scheduler.add(1, "b.test")
        scheduler.add(2, "a.test")
        scheduler.add(.number(3), to: .to("c.test"), due: .at(50), expires: .at(100), now: .at(0))
        scheduler.add(4, "c.test")
        scheduler.hold(.number(4), now: .at(0))
        let tried = scheduler.removeEverythingWaiting()
        expect(tried, is: [.number(1)])
        expect(scheduler.status(of: .number(1)).map(\.state), is: [.inFlight])
        expect(scheduler.entryCount, is: 1)
        expect(scheduler.contains(other), is: false)
        expect(scheduler.destinations.map(\.destination), is: [.to("a.test")])
        expect(scheduler.nextWake == nil, is: true)
        let again = scheduler.add(5, "c.test")
        expect(scheduler.contains(again) && again != other, is: true)
        scheduler.complete(taken.id)
        expect(scheduler.messageCount, is: 1)
        let next = try unwrap(scheduler.connect(at: 1))
        expect(scheduler.take(from: next, isFirst: true, now: .at(1))?.message == .number(5), is: true)
    }

    @Test func `everything is held, released and sent elsewhere, but for what the operator holds`() throws {
        var scheduler = DeliveryScheduler(seed: 1)
        scheduler.add(1, "a.test")
        scheduler.add(.number(2), to: .to("a.test"), due: .at(50), expires: .at(1000), now: .at(0))
        scheduler.add(.number(3), to: .to("b.test"), expires: .at(1000), hold: .byConfiguration, now: .at(0))
        scheduler.add(.number(4), to: .to("b.test"), expires: .at(1000), hold: .byOperator, now: .at(0))
        scheduler.everythingWasRerouted(now: .at(1))
        let states = { (scheduler: borrowing DeliveryScheduler) in
            (1...4).flatMap { scheduler.status(of: .number($0)).map(\.state) }
        }
        #expect(states(scheduler) == [.ready, .ready, .ready, .held])
        scheduler.holdEverything(now: .at(2))
        #expect(states(scheduler) == [.held, .held, .held, .held])
        let work = scheduler.nextWork(now: .at(2))
        #expect(work == nil)
        scheduler.releaseEverything(now: .at(3))
        #expect(states(scheduler) == [.ready, .ready, .ready, .ready])
    }

    @Test func `a stale id does nothing to the entry that took its place`() throws {
        var scheduler = DeliveryScheduler(seed: 1)
        let old = scheduler.add(1, "a.test")
        scheduler.complete(old)
        let new = scheduler.add(2, "a.test")
        scheduler.complete(old)
        expect(scheduler.contains(new), is: true)
        expect(scheduler.contains(old), is: false)
    }

    @Test func `a page holds the oldest messages in order, and the next goes on behind it`() {
        var scheduler = DeliveryScheduler(seed: 1)
        var numbers = Array(1...500)
        var generator = SplitMix64(seed: 5)
        numbers.shuffle(using: &generator)
        for number in numbers { scheduler.add(number, number.isMultiple(of: 2) ? "even.test" : "odd.test") }
        let first = scheduler.page(after: nil, limit: 10) { $0.destination == .to("even.test") }
        #expect(first == (1...10).map { .number(2 * $0) })
        let second = scheduler.page(after: first.last, limit: 10) { $0.destination == .to("even.test") }
        #expect(second == (11...20).map { .number(2 * $0) })
    }

    @Test func `flushing a domain tries what is deferred there and leaves the rest`() throws {
        var scheduler = DeliveryScheduler(seed: 1)
        for (number, name) in [(1, "a.test"), (2, "b.test")] {
            scheduler.add(number, name)
            let id = try unwrap(scheduler.connect())
            let taken = try unwrap(scheduler.take(from: id, isFirst: true, now: .at(0)))
            scheduler.retry(taken.id, now: .at(0))
            scheduler.closed(id, wasIdle: false)
        }
        let flushed = scheduler.flush(now: .at(1)) { $0 == .to("a.test") }
        #expect(flushed == 1)
        let id = try unwrap(scheduler.connect(at: 1))
        expect(scheduler.destination(id), is: .to("a.test"))
        let none = scheduler.connect(at: 1)
        #expect(none == nil)
    }
}
