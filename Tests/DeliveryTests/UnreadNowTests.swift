import MailBytes
import MailEvents
import MailNames
import Spool
import Testing

@testable import Delivery

/// The disk, or the system, does not give a message this time; another time it does.
@Suite("Messages that cannot be read for a moment", .timeLimit(.minutes(5))) struct UnreadNowTests {
    private let disk = SimulatedDisk(seed: 3)
    /// Nothing of what is read comes from memory.
    private static let options: SpoolOptions = {
        var options = SpoolOptions()
        options.segmentSize = ByteCount(bytes: 1 << 20)
        options.spareSegments = 0
        options.recentContent = ByteCount(bytes: 0)
        return options
    }()

    private func failReads(_ fail: Bool) { disk.faults.readFails = fail ? 1 : 0 }

    private func house(
        starting: Bool = true,
        _ change: (inout DeliveryOptions, Int) -> Void = { _, _ in }
    ) async throws -> House {
        try await House(starting: starting, spoolOptions: Self.options, files: disk, change)
    }

    @Test func `a message whose content the disk does not give for an attempt is deferred, and goes when it does`()
        async throws
    {
        let house = try await house()
        failReads(true)
        let id = try await house.submit(to: "x@far.test")
        await house.recorder.wait(for: .deferred)
        var listed = await house.service.list()
        #expect(listed.map(\.id) == [id.description] && listed.map(\.state) == ["deferred"])
        #expect(house.recorder.events(.damaged).isEmpty)
        failReads(false)
        await house.service.flush(id)
        await house.recorder.wait(for: .relayed)
        listed = await house.service.list()
        let left = await house.end()
        #expect(left == 0)
    }

    @Test func `what goes into a mailbox waits in the same way`() async throws {
        let house = try await house()
        failReads(true)
        let id = try await house.submit(to: "alice@home.test")
        await house.recorder.wait(for: .deferred)
        #expect(house.recorder.events(.damaged).isEmpty)
        failReads(false)
        await house.service.flush(id)
        await house.recorder.wait(for: .delivered)
        let left = await house.end()
        #expect(left == 0)
    }

    @Test
    func `a message whose envelope the disk does not give at the start is deferred, is seen, and goes when it does`()
        async throws
    {
        let first = try await house(starting: false)
        let id = try await first.submit(to: "x@far.test")
        _ = await first.end()
        let second = try await house(starting: false)
        failReads(true)
        await second.service.start()
        await second.recorder.wait(for: .deferred)
        let listed = await second.service.list()
        #expect(listed.map(\.id) == [id.description] && listed.map(\.state) == ["deferred"])
        #expect(listed.first?.lastError?.contains("cannot be read") == true)
        let shown = await second.service.show(id)
        #expect(shown?.summary.state == "deferred")
        await second.service.flush(id)
        await second.recorder.wait(for: .deferred, count: 2)
        #expect(second.recorder.events(.damaged).isEmpty)
        failReads(false)
        await second.service.flush(id)
        await second.recorder.wait(for: .relayed)
        let left = await second.end()
        #expect(left == 0)
    }

    @Test func `a message that was put out of memory and whose time is over waits until it can be reported`()
        async throws
    {
        let first = try await house(starting: false)
        let now = WallClock.system.now()
        let id = try await first.submit(from: "bob@home.test", to: "x@far.test") { $0.expires = now }
        _ = await first.end()
        let second = try await house(starting: false) { options, _ in options.readRetry = .milliseconds(20) }
        failReads(true)
        await second.service.start()
        await second.recorder.wait(for: .deferred, count: 3)
        let listed = await second.service.list()
        #expect(listed.map(\.id) == [id.description])
        failReads(false)
        await second.recorder.wait(for: .delivered)
        let left = await second.end()
        #expect(left == 0)
        #expect(second.mailboxes.written.first?.text.contains("Status: 5.4.7") == true)
    }

    @Test(arguments: [true, false])
    func `whoever sent what the disk does not give is told without it when it is given up or its time is over`(
        isExpired: Bool
    ) async throws {
        let house = try await house(starting: false) { options, _ in options.outbound = .hold }
        failReads(true)
        await house.service.start()
        let expires = WallClock.system.now() + (isExpired ? .zero : .seconds(3600))
        try await house.submit(from: "bob@home.test", to: "x@far.test") { $0.expires = expires }
        if !isExpired {
            await house.recorder.wait(for: .held)
            await house.service.bounce(.all)
        }
        await house.recorder.wait(for: .reported)
        failReads(false)
        // The report's own attempt may have met the disk before.
        while house.recorder.events(.delivered).isEmpty {
            await house.service.flush()
            try await Task.sleep(for: .milliseconds(5))
        }
        let left = await house.end()
        #expect(left == 0)
        let text = house.mailboxes.written.first?.text
        #expect(text?.contains("Status: 5.\(isExpired ? "4.7" : "7.0")") == true)
        #expect(text?.contains("Subject: Hello") == false)
    }

    @Test func `what the disk goes on not to give is read less and less often`() async throws {
        let house = try await house(starting: false)
        let id = try await house.submit(to: "x@far.test")
        let delays = await house.service.delaysOfReading(id, times: 12)
        #expect(zip(delays, delays.dropFirst()).prefix(5).allSatisfy { $0 < $1 })
        #expect(delays[0] >= .seconds(60) && delays[0] <= .seconds(72))
        #expect(delays[11] >= .seconds(3600) && delays[11] <= .seconds(4320))
        _ = await house.end()
    }
}

extension DeliveryService {
    fileprivate func delaysOfReading(_ id: QueueID, times: Int) -> [Duration] {
        unreadNow[id] = ("the disk failed", 0)
        let now = clock.now()
        // To the second, since the clock goes on.
        return (0..<times).map { _ in .seconds((nextRead(id) - now).wholeMicroseconds / 1_000_000) }
    }
}
