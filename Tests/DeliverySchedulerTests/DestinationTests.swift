import MailBytes
import MailEvents
import MailNames
import Testing

@testable import DeliveryScheduler

@Suite("Destinations: turns, connections, death") struct DestinationTests {
    @Test func `a new destination is tried with one connection, then with more`() {
        var scheduler = DeliveryScheduler(seed: 1)
        for number in 0..<50 { scheduler.add(number, "a.test") }
        guard let first = scheduler.connect() else {
            Issue.record("nothing to do")
            return
        }
        let second = scheduler.nextWork(now: .at(0))
        #expect(second == nil)
        scheduler.established(first)
        var opened = 1
        while scheduler.connect() != nil { opened += 1 }
        #expect(opened == SchedulerOptions().initialConnectionsPerDestination)
    }

    @Test func `success makes room for more connections up to the limit`() {
        var scheduler = DeliveryScheduler(options: .init(connectionsPerDestination: 8), seed: 1)
        for number in 0..<500 { scheduler.add(number, "a.test") }
        guard let connection = scheduler.connect() else {
            Issue.record("nothing to do")
            return
        }
        scheduler.established(connection)
        for round in 0..<200 {
            guard let taken = scheduler.take(from: connection, isFirst: round == 0, now: .at(0)) else { break }
            scheduler.complete(taken.id)
            scheduler.succeeded(connection)
        }
        var opened = 1
        while scheduler.connect() != nil { opened += 1 }
        #expect(opened == 8)
    }

    @Test func `no more connections are opened than there are messages for them`() {
        var scheduler = DeliveryScheduler(seed: 1)
        scheduler.add(1, "a.test")
        let first = scheduler.connect()
        let second = scheduler.connect()
        #expect(first != nil)
        #expect(second == nil)
    }

    @Test func `destinations take turns whatever waits for them`() {
        var scheduler = DeliveryScheduler(seed: 1)
        for number in 0..<1000 { scheduler.add(number, "big.test") }
        for number in 0..<5 { scheduler.add(2000 + number, "small\(number).test") }
        var turns: [String] = []
        while let id = scheduler.connect() { turns.append(scheduler.destination(id)?.description ?? "?") }
        #expect(turns == ["big.test", "small0.test", "small1.test", "small2.test", "small3.test", "small4.test"])
    }

    @Test func `a dead domain with 100,000 messages costs one probe at a time`() {
        var scheduler = DeliveryScheduler(seed: 7)
        for number in 0..<100_000 { scheduler.add(number, "dead.test") }
        var (probes, seconds) = (0, Int64(0))
        var tried: Set<QueueID> = []
        while seconds < 24 * 3600 {
            _ = scheduler.poll(now: .at(seconds))
            while let id = scheduler.connect(at: seconds) {
                probes += 1
                let (message, until) = scheduler.failUnreachable(id, at: seconds)
                if let message { tried.insert(message) }
                #expect(until != nil)
            }
            seconds += 60
        }
        #expect(probes > 20 && probes < 40, "\(probes) probes in a day")
        #expect(tried.count == probes, "another message is the probe each time")
        expect(scheduler.entryCount, is: 100_000)
    }

    @Test func `what waited for a dead destination flows when a probe gets through`() {
        var scheduler = DeliveryScheduler(seed: 7)
        for number in 0..<100 { scheduler.add(number, "dead.test") }
        guard let probe = scheduler.connect() else {
            Issue.record("nothing to do")
            return
        }
        guard let until = scheduler.failUnreachable(probe, at: 0).until else {
            Issue.record("not dead")
            return
        }
        let early = scheduler.nextWork(now: .at(30))
        #expect(early == nil)
        _ = scheduler.poll(now: until)
        guard let again = scheduler.nextWork(now: until)?.connecting else {
            Issue.record("no probe")
            return
        }
        scheduler.established(again)
        let beforeSuccess = scheduler.nextWork(now: until)
        #expect(beforeSuccess == nil, "one that was dead has to take a message first")
        var delivered = 0
        while let taken = scheduler.take(from: again, isFirst: delivered == 0, now: until) {
            scheduler.complete(taken.id)
            scheduler.succeeded(again)
            delivered += 1
        }
        #expect(delivered >= 99)
    }

    @Test func `a destination that greets and then breaks off is backed off too`() {
        var scheduler = DeliveryScheduler(seed: 3)
        for number in 0..<1000 { scheduler.add(number, "rude.test") }
        var attempts = 0
        while let id = scheduler.connect() {
            scheduler.established(id)
            _ = scheduler.failUnreachable(id, at: 0)
            attempts += 1
            if attempts > 50 { break }
        }
        #expect(attempts <= 4)
    }

    @Test func `all connections in use: an idle one makes room for another destination`() {
        var scheduler = DeliveryScheduler(options: .init(connections: 1), seed: 1)
        scheduler.add(1, "a.test")
        guard let a = scheduler.connect() else {
            Issue.record("nothing to do")
            return
        }
        if let taken = scheduler.take(from: a, isFirst: true, now: .at(0)) { scheduler.complete(taken.id) }
        scheduler.becameIdle(a)
        scheduler.add(2, "b.test")
        let work = scheduler.nextWork(now: .at(0))
        #expect(work == .closeIdle(a))
        scheduler.closed(a, wasIdle: false, tookNothing: true)
        let next = scheduler.connect()
        expect(next.flatMap { scheduler.destination($0) }, is: .to("b.test"))
    }

    @Test func `an idle connection is used before a new one is opened`() {
        var scheduler = DeliveryScheduler(seed: 1)
        scheduler.add(1, "a.test")
        guard let a = scheduler.connect() else {
            Issue.record("nothing to do")
            return
        }
        if let taken = scheduler.take(from: a, isFirst: true, now: .at(0)) { scheduler.complete(taken.id) }
        scheduler.becameIdle(a)
        scheduler.add(2, "a.test")
        let work = scheduler.nextWork(now: .at(0))
        #expect(work == .reuse(a))
        let taken = scheduler.take(from: a, isFirst: true, now: .at(0))
        #expect(taken?.message == .number(2))
    }

    @Test func `the rate to a destination is kept`() {
        var scheduler = DeliveryScheduler(options: .init(intervalPerDestination: .seconds(10)), seed: 1)
        for number in 0..<5 { scheduler.add(number, "slow.test") }
        var sent: [Int64] = []
        guard let id = scheduler.connect() else {
            Issue.record("nothing to do")
            return
        }
        var isFirst = true
        for second in Int64(0)..<60 {
            _ = scheduler.poll(now: .at(second))
            while let taken = scheduler.take(from: id, isFirst: isFirst, now: .at(second)) {
                isFirst = false
                scheduler.complete(taken.id)
                sent.append(second)
            }
        }
        #expect(sent == [0, 10, 20, 30, 40])
    }

    @Test func `a host that connects to us gets its waiting mail at once, not more often than each interval`() throws {
        var scheduler = DeliveryScheduler(seed: 1)
        scheduler.add(1, "a.test")
        scheduler.add(2, "a.test")
        let address = try #require(IPAddress("192.0.2.7"))
        let id = try unwrap(scheduler.connect())
        let taken = try unwrap(scheduler.take(from: id, isFirst: true, now: .at(0)))
        scheduler.failed(id, addresses: [address], now: .at(0))
        scheduler.retry(taken.id, now: .at(0))
        scheduler.closed(id, wasIdle: false)
        let elsewhere = try #require(IPAddress("192.0.2.8"))
        let stranger = scheduler.hostAppeared(at: elsewhere, now: .at(5))
        #expect(stranger == 0)
        let woken = scheduler.hostAppeared(at: address, now: .at(5))
        #expect(woken == 1)
        let again = try unwrap(scheduler.connect(at: 5))
        _ = scheduler.failUnreachable(again, at: 5)
        let tooSoon = scheduler.hostAppeared(at: address, now: .at(20))
        #expect(tooSoon == 0)
    }
}
