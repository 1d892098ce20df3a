import DeliveryScheduler
import MailEvents
import MailNames
import SMTPProtocol
import Testing

@testable import Delivery

/// That an alias leads to several addresses is told to who wants to know of success, once: RFC 3461 section 5.2.7.3.
@Suite("Aliases of which is told that they were expanded", .timeLimit(.minutes(5))) struct ExpandedTests {
    private func directory() -> FakeDirectory {
        let directory = FakeDirectory()
        directory.alias("team@home.test", "alice@home.test", "x@far.test")
        return directory
    }

    /// Until one address has the message, that is told, and the other waits.
    private func tell(_ house: House) async throws {
        house.server.refuse("x@far.test", SMTPReply(451, EnhancedStatus(4, 3, 0), "Not now"))
        try await house.submit(from: "bob@home.test", to: "team@home.test") { $0.recipients[0].notify = .success }
        await house.recorder.wait(for: .deferred)
        await house.recorder.wait(for: .reported)
        // The message, and the report to its sender.
        await house.recorder.wait(for: .delivered, count: 2)
        #expect(expanded(house) == 1)
    }

    private func expanded(_ house: House) -> Int {
        house.mailboxes.written.count { $0.text.contains("Action: expanded") }
    }

    @Test func `it is not told again after a restart`() async throws {
        let first = try await House(directory: directory())
        try await tell(first)
        let left = await first.end(removing: false)
        #expect(left == 1)
        // A host that does not report successes itself.
        let server = PlainServer(PlainServer.Ways())
        let port = try await server.start(House.group)
        let second = try await House(folder: first.folder, directory: directory()) { options, _ in
            options.outboundPort = port
        }
        await second.service.flush()
        await second.recorder.wait(for: .relayed)
        let end = await second.end()
        #expect(end == 0)
        #expect(second.recorder.events(.reported).isEmpty && second.mailboxes.written.isEmpty)
    }

    @Test func `it is not told again when the message was put out of memory meanwhile`() async throws {
        let server = PlainServer(PlainServer.Ways())
        let port = try await server.start(House.group)
        let house = try await House(directory: directory()) { options, _ in
            options.messagesInMemory = 1
            options.messagesPerConnection = 1
        }
        try await tell(house)
        for _ in 0..<3 { try await house.submit(from: "bob@home.test", to: "alice@home.test") }
        await house.recorder.wait(for: .delivered, count: 5)
        var options = await house.service.options
        options.outboundPort = port
        await house.service.reconfigure(options)
        await house.service.flush()
        await house.recorder.wait(for: .relayed)
        let left = await house.end()
        #expect(left == 0)
        #expect(expanded(house) == 1 && house.recorder.events(.reported).count == 1)
    }
}
