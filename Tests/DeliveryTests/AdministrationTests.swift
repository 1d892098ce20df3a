import DeliveryScheduler
import Foundation
import MailEvents
import MailNames
import SMTPProtocol
import Testing

@testable import Delivery

@Suite("The queue's administration", .timeLimit(.minutes(15))) struct AdministrationTests {
    @Test func `caught mail is shown, not sent, and goes when the configuration changes`() async throws {
        let house = try await House { options, _ in options.outbound = .catchAll }
        let id = try await house.submit(to: "x@far.test")
        await house.recorder.wait(for: .caught)
        let listed = await house.service.list()
        #expect(listed.map(\.state) == ["caught"])
        #expect(listed.first?.recipients == ["x@far.test"])
        await house.service.release(.message(id))
        await house.service.flush()
        #expect(house.server.messages.isEmpty)
        var options = await house.service.options
        options.outbound = .mx
        await house.service.reconfigure(options)
        await house.recorder.wait(for: .relayed)
        let left = await house.end()
        #expect(left == 0)
    }

    @Test func `held mail stays held over a start, and is released`() async throws {
        let first = try await House { options, _ in options.outbound = .hold }
        let id = try await first.submit(to: "x@far.test")
        await first.recorder.wait(for: .held)
        let held = await first.service.hold(.message(id))
        #expect(held.messages == 1)
        _ = await first.end(removing: false)
        let second = try await House(folder: first.folder)
        // The queue is taken up little by little; a message that is named is there when it was.
        await second.service.loading?.value
        let listed = await second.service.list(state: "held")
        #expect(listed.map(\.id) == [id.description])
        let released = await second.service.release(.domain("far.test"))
        #expect(released.messages == 1)
        await second.recorder.wait(for: .relayed)
        let left = await second.end()
        #expect(left == 0)
    }

    @Test func `a message is sent to the next hop that the operator names`() async throws {
        let house = try await House { options, _ in options.outbound = .hold }
        let id = try await house.submit(to: "x@elsewhere.test")
        await house.recorder.wait(for: .held)
        let wrong = await house.service.reroute(.message(id), to: "not a host")
        #expect(wrong == nil)
        let count = await house.service.reroute(.message(id), to: "[127.0.0.1]:\(house.port)")
        #expect(count?.messages == 1)
        await house.recorder.wait(for: .relayed)
        let left = await house.end()
        #expect(left == 0)
        #expect(house.server.messages.count == 1)
    }

    @Test func `deleted mail is gone and nobody is told`() async throws {
        let house = try await House { options, _ in options.outbound = .hold }
        let id = try await house.submit(from: "bob@home.test", to: "x@far.test")
        await house.recorder.wait(for: .held)
        let count = await house.service.delete(.message(id))
        #expect(count.messages == 1)
        let gone = await house.service.show(id)
        #expect(gone == nil || gone?.recipients.isEmpty == false)
        let left = await house.end()
        #expect(left == 0)
        #expect(house.mailboxes.written.isEmpty)
    }

    @Test func `mail that the operator gives up is reported to its sender`() async throws {
        let house = try await House { options, _ in options.outbound = .hold }
        try await house.submit(from: "bob@home.test", to: "x@far.test")
        await house.recorder.wait(for: .held)
        let count = await house.service.bounce(.all)
        #expect(count.messages == 1)
        await house.recorder.wait(for: .delivered)
        let left = await house.end()
        #expect(left == 0)
        #expect(house.mailboxes.written.first?.text.contains("Status: 5.7.0") == true)
    }

    @Test func `flushing a domain tries it at once`() async throws {
        let house = try await House()
        house.server.refuse("x@far.test", SMTPReply(451, EnhancedStatus(4, 3, 0), "Not now"))
        try await house.submit(to: "x@far.test")
        await house.recorder.wait(for: .deferred)
        house.server.refuse("x@far.test", nil)
        let other = await house.service.flush(domain: "other.test")
        #expect(other == 0)
        let count = await house.service.flush(domain: "far.test")
        #expect(count == 1)
        await house.recorder.wait(for: .relayed)
        let left = await house.end()
        #expect(left == 0)
    }

    @Test func `a host that connects to us gets its waiting mail at once`() async throws {
        let house = try await House()
        house.lookup.host("down.test", "127.0.0.77")
        try await house.submit(to: "x@down.test")
        await house.recorder.wait(for: .deferred)
        let address = try #require(IPAddress("127.0.0.77"))
        house.lookup.host("down.test", "127.0.0.1")
        house.service.hostAppeared(at: address)
        await house.recorder.wait(for: .relayed)
        let left = await house.end()
        #expect(left == 0)
    }

    @Test func `a host that put mail off and connects to us gets it at once`() async throws {
        let house = try await House()
        house.server.refuse("x@far.test", SMTPReply(451, EnhancedStatus(4, 7, 1), "Greylisted"))
        try await house.submit(to: "x@far.test")
        await house.recorder.wait(for: .deferred)
        house.server.refuse("x@far.test", nil)
        house.service.hostAppeared(at: try #require(IPAddress("127.0.0.1")))
        await house.recorder.wait(for: .relayed)
        let left = await house.end()
        #expect(left == 0)
    }

    @Test func `more messages than fit in memory are all sent to the next hop that the operator names`() async throws {
        let house = try await House { options, _ in
            options.outbound = .hold
            options.messagesInMemory = 2
        }
        for _ in 0..<20 { try await house.submit(to: "x@elsewhere.test") }
        await house.recorder.wait(for: .held, count: 20)
        let count = await house.service.reroute(.all, to: "[127.0.0.1]:\(house.port)")
        #expect(count?.messages == 20)
        await house.recorder.wait(for: .relayed, count: 20)
        let left = await house.end()
        #expect(left == 0)
        #expect(house.server.messages.count == 20)
    }

    @Test func `summaries are JSON`() async throws {
        let house = try await House { options, _ in options.outbound = .hold }
        let id = try await house.submit(to: "x@far.test")
        await house.recorder.wait(for: .held)
        let summary = try #require(await house.service.list().first)
        let read = try JSONDecoder().decode(QueuedMessageSummary.self, from: JSONEncoder().encode(summary))
        #expect(read == summary && read.id == id.description)
        _ = await house.end()
    }
}
