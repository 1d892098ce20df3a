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
}
