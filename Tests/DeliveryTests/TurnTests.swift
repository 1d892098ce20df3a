import DeliveryScheduler
import MailBytes
import MailEvents
import MailNames
import Testing

@testable import Delivery

extension DeliveryService {
    /// Takes a connection's next message, as a worker does.
    private func begin(_ name: String) async throws -> Attempt? {
        let destination = Destination.domain(try Domain(parsing: name))
        while let work = scheduler.nextWork(now: clock.now()) {
            guard case .connect(let id) = work, scheduler.destination(id) == destination,
                let taken = scheduler.take(from: id, isFirst: true, now: clock.now())
            else { continue }
            // There is no connection to count.
            scheduler.closed(id, wasIdle: false)
            return await begin(taken, destination)
        }
        return nil
    }

    /// As when nothing else goes on: the scheduler's work is taken by the test alone.
    fileprivate func takeIn(_ id: QueueID) async throws {
        isPumpScheduled = true
        guard let message = await message(id) else { return }
        try await resolve(message)
        enqueue(message)
    }

    private func deliver(_ attempt: Attempt) {
        let relayed = DeliveryOutcome.relayed(host: "mx.far.test", reply: nil, keepsNotifyPromise: true)
        settle(attempt, attempt.keys.map { ($0, relayed) }, dialogue: nil)
    }

    /// Tries a message at two destinations; while the first is being tried, `change` makes the second's address lead there too.
    ///
    /// - Returns: where the message waits when the first attempt is over, and which address is tried next.
    fileprivate func tryWhile(
        _ change: @Sendable () -> Void,
        _ id: QueueID
    ) async throws -> (waiting: [String], next: String?) {
        guard let first = try await begin("far.test") else { return ([], nil) }
        change()
        active[id]?.epoch = -1
        guard try await begin("other.test") == nil else { return ([], nil) }
        deliver(first)
        let waiting = scheduler.status(of: id).map(\.destination.description)
        guard let last = try await begin("far.test"), let key = last.keys.first else { return (waiting, nil) }
        let address = last.message.target(key)?.address.description
        deliver(last)
        return (waiting, address)
    }

    /// Ends the time of the connection that waits, and says what the scheduler knows at that moment.
    fileprivate func endIdleTime() -> (connections: Int, work: Work?) {
        guard let (id, connections) = idle.first, let connection = connections.first else { return (-1, nil) }
        idleTimeIsUp(id, connection.number)
        let left = scheduler.destinations.reduce(0) { $0 + $1.connections }
        return (left, scheduler.nextWork(now: clock.now()))
    }

    fileprivate var hasIdle: Bool { !idle.isEmpty }
}

@Suite("Turns and routes that change", .timeLimit(.minutes(15))) struct TurnTests {
    @Test func `an address that comes to wait for a destination while that is tried is not forgotten`() async throws {
        let house = try await House(starting: false)
        let id = try await house.submit(to: "x@far.test", "y@other.test")
        try await house.service.takeIn(id)
        // The other recipient leads to the same destination then, whose attempt has taken its addresses before.
        let directory = house.directory
        let (waiting, next) = try await house.service.tryWhile({ directory.alias("y@other.test", "z@far.test") }, id)
        #expect(waiting == ["far.test"])
        #expect(next == "z@far.test")
        let left = await house.end()
        #expect(left == 0)
    }

    @Test func `a connection whose idle time is up is not counted on any more`() async throws {
        let house = try await House { options, _ in options.connectionIdle = .seconds(3600) }
        try await house.submit(to: "x@far.test")
        await house.recorder.wait(for: .relayed)
        while await !house.service.hasIdle { try await Task.sleep(for: .milliseconds(2)) }
        let (connections, work) = await house.service.endIdleTime()
        #expect(connections == 0 && work == nil)
        _ = await house.end()
    }

    @Test func `with all connections in use, destinations take turns`() async throws {
        let house = try await House(starting: false) { options, _ in
            options.scheduler.connections = 1
            options.messagesPerTurn = 3
        }
        house.lookup.mx("other.test", (10, "mx.far.test"))
        for _ in 0..<12 { try await house.submit(to: "x@far.test") }
        for _ in 0..<12 { try await house.submit(to: "x@other.test") }
        await house.service.start()
        await house.recorder.wait(for: .relayed, count: 24)
        let order = house.server.messages.compactMap { $0.transaction.recipients.first?.address.host.ascii }
        let firstOther = try #require(order.firstIndex(of: "other.test"))
        #expect(firstOther <= 6, "\(order)")
        _ = await house.end()
    }
}
