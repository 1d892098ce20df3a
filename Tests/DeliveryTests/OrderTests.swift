import DeliveryScheduler
import MailEvents
import MailNames
import SMTPProtocol
import Spool
import Testing

@testable import Delivery

extension DeliveryService {
    /// Takes a message for an attempt, has an order given, and goes on with the attempt, its envelope on the disk alone.
    ///
    /// - Returns: whether the attempt is made.
    fileprivate func orderBetween(
        _ name: String,
        _ order: @Sendable (isolated DeliveryService) async -> OrderResult
    ) async throws -> Bool {
        let destination = Destination.domain(try Domain(parsing: name))
        guard case .connect(let id) = scheduler.nextWork(now: clock.now()),
            let taken = scheduler.take(from: id, isFirst: true, now: clock.now())
        else { return true }
        active[taken.message] = nil
        _ = await order(self)
        let attempt = await begin(taken, destination)
        scheduler.closed(id, wasIdle: false)
        return attempt != nil
    }

    /// Begins, and orders in the same moment that everything is held.
    fileprivate func startAndHold() async -> Int {
        start()
        return await hold(.all).messages
    }

    fileprivate var isTakenUp: Bool { announced == nil }
    fileprivate var isClean: Bool { deleting.isEmpty && scheduler.entryCount == 0 }
}

@Suite("Orders about many messages", .timeLimit(.minutes(5))) struct OrderTests {
    /// More than one trace in a turn, one piece of what is taken up, and what is given up at once.
    private static let many = 1200

    private func filled(_ count: Int = many, from sender: String = "") async throws -> House {
        let house = try await House(starting: false)
        for _ in 0..<count { try await house.submit(from: sender, to: "x@far.test") }
        _ = await house.end(removing: false)
        return house
    }

    @Test func `everything is held at once, also while it is being taken up, and stays so over a start`() async throws {
        let first = try await filled()
        let second = try await House(folder: first.folder, starting: false)
        let held = await second.service.startAndHold()
        #expect(held == Self.many)
        await second.service.loading?.value
        let listed = await second.service.list(state: "held", limit: 10_000)
        #expect(listed.count == Self.many)
        _ = await second.end(removing: false)
        #expect(second.server.messages.isEmpty)
        let third = try await House(folder: first.folder)
        await third.service.loading?.value
        let again = await third.service.list(state: "held", limit: 10_000)
        #expect(again.count == Self.many && third.server.messages.isEmpty)
        let released = await third.service.release(.all)
        #expect(released.messages == Self.many)
        await third.recorder.wait(for: .relayed, count: Self.many)
        await third.recorder.wait(for: .released, count: Self.many)
        let left = await third.end()
        #expect(left == 0)
        #expect(third.recorder.events(.released).count == Self.many)
    }

    @Test func `what is about to be tried when everything is held is not`() async throws {
        let house = try await House(starting: false)
        let id = try await house.submit(to: "x@far.test")
        try await house.service.takeInAlone(id)
        let isTried = try await house.service.orderBetween("far.test") { await $0.hold(.all) }
        #expect(!isTried)
        let listed = await house.service.list()
        #expect(listed.map(\.state) == ["held"])
        _ = await house.end()
    }

    @Test func `what is about to be tried when it is deleted is not, and is gone`() async throws {
        let house = try await House(starting: false)
        let id = try await house.submit(to: "x@far.test")
        try await house.service.takeInAlone(id)
        let isTried = try await house.service.orderBetween("far.test") { await $0.delete(.all) }
        #expect(!isTried)
        let isClean = await house.service.isClean
        #expect(isClean)
        let left = await house.end()
        #expect(left == 0)
    }

    @Test func `everything is deleted, and does not come back`() async throws {
        let first = try await filled()
        let second = try await House(folder: first.folder) { options, _ in options.outbound = .hold }
        let deleted = await second.service.delete(.all)
        #expect(deleted.messages == Self.many && second.spool.count == 0)
        let count = await second.service.messageCount
        #expect(count == 0)
        _ = await second.end(removing: false)
        let third = try await House(folder: first.folder)
        let left = await third.end()
        #expect(left == 0 && third.server.messages.isEmpty)
    }

    @Test func `the orders of a domain leave the others alone`() async throws {
        let house = try await House { options, _ in options.outbound = .hold }
        for _ in 0..<3 { try await house.submit(to: "x@far.test") }
        try await house.submit(to: "x@far.test", "y@other.test")
        try await house.submit(to: "y@other.test")
        await house.recorder.wait(for: .held, count: 6)
        let held = await house.service.hold(.domain("other.test"))
        #expect(held.messages == 2)
        let released = await house.service.release(.domain("far.test"))
        #expect(released.messages == 4)
        let deleted = await house.service.delete(.domain("far.test"))
        #expect(deleted.messages == 4)
        let left = await house.end()
        #expect(left == 1)
    }

    @Test func `what the operator holds stays held when it is sent elsewhere, and goes there when it is released`()
        async throws
    {
        let house = try await House { options, _ in options.outbound = .hold }
        let id = try await house.submit(to: "x@elsewhere.test")
        await house.recorder.wait(for: .held)
        await house.service.hold(.message(id))
        await house.service.reroute(.all, to: "[127.0.0.1]:\(house.port)")
        let listed = await house.service.list()
        #expect(listed.map(\.state) == ["held"])
        await house.service.release(.message(id))
        await house.recorder.wait(for: .relayed)
        let left = await house.end()
        #expect(left == 0)
    }

    @Test func `many that are given up are held at once and reported one after the other, but for what is released`()
        async throws
    {
        let count = DeliveryService.givenUpAtOnce + 44
        let first = try await filled(count, from: "bob@home.test")
        let house = try await House(folder: first.folder) { options, _ in
            options.outbound = .hold
            options.messagesInMemory = 10
        }
        await house.service.loading?.value
        let given = await house.service.bounce(.all)
        #expect(given.messages == count)
        await house.recorder.wait(for: .delivered, count: count)
        while await house.service.bounceOrders[1]?.ended == nil { try await Task.sleep(for: .milliseconds(5)) }
        let order = try #require(await house.service.bounceOrders[1])
        #expect(order.messages == count && order.dealtWith == count && order.left == 0)
        let left = await house.end()
        #expect(left == 0)
        #expect(house.mailboxes.written.count { $0.text.contains("Status: 5.7.0") } == count)
    }
}
