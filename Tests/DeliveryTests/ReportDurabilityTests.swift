import DeliveryScheduler
import Foundation
import MailBytes
import MailEvents
import MailNames
import SMTPProtocol
import Spool
import Testing

@testable import Delivery

extension DeliveryService {
    var nextWake: Timestamp? { scheduler.nextWake }
}

/// A spool that takes nothing new.
private let full: SpoolOptions = {
    var options = SpoolOptions()
    options.minimumFreeSpace = .gibibytes(1 << 20)
    return options
}()

@Suite("Reports that cannot be written", .timeLimit(.minutes(15))) struct ReportDurabilityTests {
    @Test func `a message whose time is over waits for its report, idle, and is reported when there is room`()
        async throws
    {
        let first = try await House(starting: false)
        let now = WallClock.system.now()
        let id = try await first.submit(from: "bob@home.test", to: "x@far.test") { $0.expires = now }
        _ = await first.end(removing: false)
        let second = try await House(folder: first.folder, spoolOptions: full) { options, _ in
            (options.outbound, options.reportRetry) = (.hold, .seconds(36_000))
        }
        await second.recorder.wait { entries in
            entries.contains { $0.event[.reason]?.contains("cannot be written") == true }
        }
        let wake = try #require(await second.service.nextWake)
        #expect(wake > WallClock.system.now() + .seconds(200))
        let listed = await second.service.list()
        #expect(listed.map(\.id) == [id.description])
        let left = await second.end(removing: false)
        #expect(left == 1)
        let third = try await House(folder: first.folder) { options, _ in options.outbound = .hold }
        await third.recorder.wait(for: .delivered)
        #expect(third.mailboxes.written.first?.text.contains("Status: 5.4.7") == true)
        let end = await third.end()
        #expect(end == 0)
    }

    @Test func `success that was asked for is told though the report could not be written at first`() async throws {
        let first = try await House(starting: false)
        try await first.submit(from: "bob@home.test", to: "alice@home.test") { $0.recipients[0].notify = .success }
        _ = await first.end(removing: false)
        let second = try await House(folder: first.folder, spoolOptions: full)
        await second.recorder.wait { entries in
            entries.contains { $0.event[.reason]?.contains("cannot be written") == true }
        }
        let left = await second.end(removing: false)
        #expect(left == 1, "a recipient is done when its report is durable")
        let third = try await House(folder: first.folder)
        await third.recorder.wait(for: .delivered, count: 2)
        let report = third.mailboxes.written.first { $0.recipient == "bob@home.test" }
        #expect(report?.text.contains("Action: delivered") == true)
        let end = await third.end()
        #expect(end == 0)
    }

    @Test func `a report that could not be written is tried again after a while`() async throws {
        let first = try await House(starting: false)
        try await first.submit(from: "bob@home.test", to: "nobody@home.test")
        _ = await first.end(removing: false)
        let second = try await House(folder: first.folder, spoolOptions: full) { options, _ in
            options.reportRetry = .milliseconds(20)
        }
        await second.recorder.wait { entries in
            entries.count { $0.event[.reason]?.contains("cannot be written") == true } >= 3
        }
        #expect(second.recorder.events(.failed).count == 1)
        _ = await second.end()
    }

    @Test func `a sender is told of a delay though the message is not in memory any more`() async throws {
        let house = try await House { options, _ in
            options.delayWarning = .milliseconds(300)
            options.messagesInMemory = 1
        }
        house.lookup.host("down.test", "127.0.0.77")
        try await house.submit(from: "bob@home.test", to: "x@down.test")
        await house.recorder.wait(for: .deferred)
        for _ in 0..<3 { try await house.submit(from: "", to: "x@down.test") }
        await house.recorder.wait(for: .delivered)
        #expect(house.mailboxes.written.first?.text.contains("Action: delayed\r\n") == true)
        _ = await house.end()
    }
}
