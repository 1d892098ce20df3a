import MailBytes
import MailEvents
import Testing

@testable import DeliveryScheduler

@Suite("What its host fetches, RFC 2645") struct OnDemandTests {
    @Test func `what is held for that is taken in order, and held again when it failed`() throws {
        var scheduler = DeliveryScheduler(seed: 1)
        for number in 1...3 {
            let destination = Destination.to(number == 3 ? "b.test" : "a.test")
            scheduler.add(.number(number), to: destination, expires: .at(1000), hold: .onDemand, now: .at(0))
        }
        scheduler.add(.number(4), to: .to("a.test"), expires: .at(1000), hold: .byOperator, now: .at(0))
        let held = scheduler.held(for: .to("a.test"), because: .onDemand)
        let first = try unwrap(scheduler.takeHeld(held[0]))
        let second = try unwrap(scheduler.takeHeld(held[1]))
        #expect(held.count == 2 && first.message == .number(1) && second.message == .number(2))
        let again = scheduler.takeHeld(held[0])
        #expect(again == nil)
        scheduler.retry(first.id, now: .at(1))
        scheduler.complete(second.id)
        let left = scheduler.held(for: .to("a.test"), because: .onDemand)
        #expect(left == [held[0]])
        let work = scheduler.nextWork(now: .at(900))
        #expect(work == nil, "nobody connects to a host that comes by itself")
    }

    @Test func `it expires as other mail does`() {
        var scheduler = DeliveryScheduler(seed: 1)
        scheduler.add(.number(1), to: .to("a.test"), expires: .at(10), hold: .onDemand, now: .at(0))
        let events = scheduler.poll(now: .at(10))
        #expect(events.count == 1)
    }
}
