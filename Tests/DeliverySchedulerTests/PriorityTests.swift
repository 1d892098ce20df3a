import MailBytes
import MailEvents
import MailNames
import Testing

@testable import DeliveryScheduler

@Suite("Priorities, RFC 6710, and terms of time") struct PriorityTests {
    private func take(_ count: Int, _ scheduler: inout DeliveryScheduler, _ id: DestinationID) -> [QueueID] {
        var taken: [QueueID] = []
        for number in 0..<count {
            guard let entry = scheduler.take(from: id, isFirst: number == 0, now: .at(0)) else { break }
            taken.append(entry.message)
            scheduler.complete(entry.id)
        }
        return taken
    }

    @Test(arguments: [
        (9, PriorityClass.flash), (6, .flash), (5, .urgent), (1, .urgent), (0, .normal), (-1, .low), (-5, .low),
        (-6, .bulk),
        (-9, .bulk),
    ])
    func `nineteen priorities come down to five classes`(priority: Int, expected: PriorityClass) throws {
        #expect(PriorityClass(try #require(MessagePriority(priority))) == expected)
    }

    @Test func `each class has its share at a destination, and none starves`() throws {
        var scheduler = DeliveryScheduler(seed: 1)
        for (offset, priority) in PriorityClass.allCases.enumerated() {
            for number in 0..<100 {
                scheduler.add(
                    .number(offset * 1000 + number),
                    to: .to("a.test"),
                    expires: .at(100_000),
                    priority: priority,
                    now: .at(0)
                )
            }
        }
        let id = try unwrap(scheduler.connect())
        let taken = take(62, &scheduler, id)
        let counts = (0..<5).map { offset in taken.count { Int($0.rawValue) / 1000 == offset } }
        #expect(counts == [32, 16, 8, 4, 2], "weights 16, 8, 4, 2, 1 over two rounds")
        // Within a class the order is that of arrival.
        let flash = taken.filter { $0.rawValue < 1000 }
        #expect(flash == flash.sorted())
    }

    @Test func `what is alone of its class is taken in its order`() throws {
        var scheduler = DeliveryScheduler(seed: 1)
        for number in 1...5 { scheduler.add(number, "a.test") }
        let id = try unwrap(scheduler.connect())
        let taken = take(10, &scheduler, id)
        #expect(taken == (1...5).map { .number($0) })
    }

    @Test func `a destination with something urgent goes before others, but not always`() throws {
        var options = SchedulerOptions()
        options.connections = 100
        var scheduler = DeliveryScheduler(options: options, seed: 1)
        for number in 0..<10 { scheduler.add(number, "plain\(number).test") }
        for number in 0..<10 {
            scheduler.add(
                .number(100 + number),
                to: .to("urgent\(number).test"),
                expires: .at(100_000),
                priority: .flash,
                now: .at(0)
            )
        }
        var order: [Bool] = []
        while let id = scheduler.connect() {
            order.append(scheduler.destination(id)?.description.hasPrefix("urgent") == true)
        }
        #expect(order.count == 20)
        #expect(order.prefix(10) == [true, true, true, true, false, true, true, true, true, false])
    }

    @Test func `what its sender scheduled is not tried earlier, whatever is flushed, but by an explicit release`()
        throws
    {
        var scheduler = DeliveryScheduler(seed: 1)
        scheduler.add(
            .number(1),
            to: .to("a.test"),
            due: .at(1000),
            expires: .at(100_000),
            isScheduled: true,
            now: .at(0)
        )
        scheduler.flush(now: .at(1))
        scheduler.flush(.number(1), now: .at(1))
        let address = try unwrap(IPAddress("192.0.2.1"))
        _ = scheduler.hostAppeared(at: address, named: try Domain(parsing: "a.test"), now: .at(100))
        let early = scheduler.nextWork(now: .at(999))
        #expect(early == nil)
        expect(scheduler.status(of: .number(1)).first?.isScheduled, is: true)
        var released = scheduler.status(of: .number(1)).first?.nextAttempt
        #expect(released == .at(1000))
        scheduler.release(.number(1), now: .at(500))
        released = scheduler.status(of: .number(1)).first?.nextAttempt
        #expect(released == .at(500))
        _ = try unwrap(scheduler.connect(at: 500))
    }

    @Test func `when its time has come it is as any other`() throws {
        var scheduler = DeliveryScheduler(seed: 1)
        scheduler.add(
            .number(1),
            to: .to("a.test"),
            due: .at(1000),
            expires: .at(100_000),
            isScheduled: true,
            now: .at(0)
        )
        _ = scheduler.poll(now: .at(1000))
        let id = try unwrap(scheduler.connect(at: 1000))
        let taken = try unwrap(scheduler.take(from: id, isFirst: true, now: .at(1000)))
        scheduler.retry(taken.id, now: .at(1000))
        expect(scheduler.status(of: .number(1)).first?.isScheduled, is: false)
    }
}

@Suite("Suspended destinations and their own bounds") struct SuspensionTests {
    @Test func `nothing is tried at a suspended destination until it is resumed, not even by a flush`() throws {
        var scheduler = DeliveryScheduler(seed: 1)
        scheduler.suspend(.to("a.test"), Suspension(reason: "they asked us", since: .at(0)))
        scheduler.add(1, "a.test")
        scheduler.flush(now: .at(1))
        let nothing = scheduler.nextWork(now: .at(1))
        #expect(nothing == nil)
        expect(scheduler.destinations.map(\.suspension?.reason), is: ["they asked us"])
        expect(scheduler.status(of: .number(1)).map(\.isSuspended), is: [true])
        let resumed = scheduler.resume(.to("a.test"), now: .at(2))
        #expect(resumed)
        let again = scheduler.resume(.to("a.test"), now: .at(2))
        #expect(!again)
        _ = try unwrap(scheduler.connect(at: 2))
    }

    @Test func `a connection that is open takes nothing more, and what waits expires`() throws {
        var scheduler = DeliveryScheduler(seed: 1)
        scheduler.add(1, "a.test")
        scheduler.add(2, "a.test", expires: 100)
        let id = try unwrap(scheduler.connect())
        let first = try unwrap(scheduler.take(from: id, isFirst: true, now: .at(0)))
        scheduler.suspend(.to("a.test"), Suspension(reason: "", since: .at(0)))
        let second = scheduler.take(from: id, isFirst: false, now: .at(0))
        #expect(second == nil)
        scheduler.complete(first.id)
        scheduler.closed(id, wasIdle: false)
        let events = scheduler.poll(now: .at(100))
        #expect(events.count == 1)
    }

    @Test func `a suspension is shown where nothing waits`() {
        var scheduler = DeliveryScheduler(seed: 1)
        scheduler.suspend(.to("quiet.test"), Suspension(reason: "later", since: .at(5)))
        expect(scheduler.destinations.map(\.destination), is: [.to("quiet.test")])
    }

    @Test func `a destination keeps to its own connections and its own rate`() throws {
        var scheduler = DeliveryScheduler(seed: 1)
        scheduler.add(1, "slow.test")
        scheduler.setOwnLimits { destination in
            destination == .to("slow.test") ? DestinationLimits(connections: 1, interval: .seconds(10)) : nil
        }
        for number in 2...5 { scheduler.add(number, "slow.test") }
        let id = try unwrap(scheduler.connect())
        scheduler.established(id)
        _ = try unwrap(scheduler.take(from: id, isFirst: true, now: .at(0)))
        let second = scheduler.nextWork(now: .at(0))
        let early = scheduler.take(from: id, isFirst: false, now: .at(9))
        let later = scheduler.take(from: id, isFirst: false, now: .at(10))
        #expect(second == nil && early == nil && later != nil)
    }
}
