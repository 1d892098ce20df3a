import DeliveryScheduler
import MailBytes
import MailEvents
import MailNames
import SMTPProtocol
import Testing

@testable import Delivery

@Suite("Terms of time: RFC 2852, RFC 4865", .timeLimit(.minutes(15))) struct TermsOfTimeTests {
    @Test func `by-mode R: a message that is not there by its moment goes back with 5.4.7`() async throws {
        let house = try await House()
        house.lookup.host("down.test", "127.0.0.77")
        let by = WallClock.system.now() + .seconds(1)
        try await house.submit(from: "bob@home.test", to: "x@down.test") {
            $0.terms.deliverBy = DeliverBy(time: by, mode: .return)
        }
        await house.recorder.wait(for: .delivered)
        let text = try #require(house.mailboxes.written.first?.text)
        #expect(text.contains("Action: failed\r\nStatus: 5.4.7\r\n"))
        #expect(text.contains("\r\nDeliver-By-Date: \(by.internetDate)\r\n"))
        #expect(text.contains("as its sender asked"))
        let left = await house.end()
        #expect(left == 0)
    }

    @Test func `by-mode N: the sender is told once that the moment has passed, and the message is tried on`()
        async throws
    {
        let first = try await House { options, _ in options.delayWarning = nil }
        first.lookup.host("down.test", "127.0.0.77")
        let by = WallClock.system.now() + .milliseconds(500)
        try await first.submit(from: "bob@home.test", to: "x@down.test") {
            $0.terms.deliverBy = DeliverBy(time: by, mode: .notify)
        }
        await first.recorder.wait(for: .delivered)
        let text = try #require(first.mailboxes.written.first?.text)
        #expect(text.contains("Action: delayed\r\nStatus: 4.4.7\r\n") && text.contains("\r\nDeliver-By-Date: "))
        let left = await first.end(removing: false)
        #expect(left == 1)
        // That it was told is remembered over a restart.
        let second = try await House(folder: first.folder) { options, _ in options.delayWarning = nil }
        second.lookup.host("down.test", "127.0.0.77")
        await second.service.loading?.value
        let wake = try #require(await second.service.nextWake)
        #expect(wake > WallClock.system.now() + .seconds(60))
        #expect(second.recorder.events(.reported).isEmpty)
        _ = await second.end()
    }

    @Test func `a message for later is shown with its time and not tried before`() async throws {
        let house = try await House()
        let later = WallClock.system.now() + .seconds(3600)
        let id = try await house.submit(to: "x@far.test") { $0.terms.holdUntil = later }
        await house.recorder.wait(for: .routed)
        await house.service.flush()
        await house.service.flush(domain: "far.test")
        let listed = await house.service.list(state: "scheduled")
        #expect(listed.map(\.id) == [id.description])
        #expect(listed.first?.nextAttempt == later)
        #expect(house.server.messages.isEmpty)
        await house.service.release(.message(id))
        await house.recorder.wait(for: .relayed)
        let left = await house.end()
        #expect(left == 0)
    }

    @Test func `a message for later goes when its time has come, to mailboxes here too`() async throws {
        let house = try await House()
        let later = WallClock.system.now() + .milliseconds(700)
        try await house.submit(to: "x@far.test", "alice@home.test") { $0.terms.holdUntil = later }
        await house.recorder.wait { entries in
            entries.contains { $0.event.kind == .relayed } && entries.contains { $0.event.kind == .delivered }
        }
        let first = house.recorder.entries.first { [.relayed, .delivered].contains($0.event.kind) }
        #expect(try #require(first?.time) >= later)
        let left = await house.end()
        #expect(left == 0)
    }

    @Test func `urgent mail goes before what came before it`() async throws {
        let house = try await House(starting: false) { options, _ in
            options.scheduler.connectionsPerDestination = 1
            options.scheduler.initialConnectionsPerDestination = 1
        }
        for _ in 0..<10 { try await house.submit(from: "bulk@home.test", to: "x@far.test") }
        try await house.submit(from: "urgent@home.test", to: "x@far.test") {
            if let urgent = MessagePriority(9) { $0.terms.priority = urgent }
        }
        await house.service.suspendForTest("far.test")
        await house.service.start()
        await house.service.loading?.value
        _ = try await house.service.resume("far.test")
        await house.recorder.wait(for: .relayed, count: 11)
        let senders = house.server.messages.map { $0.transaction.reversePath.address?.description ?? "" }
        #expect(senders.first == "urgent@home.test")
        _ = await house.end()
    }
}

extension DeliveryService {
    fileprivate func suspendForTest(_ name: String) async { _ = try? await suspend(name, reason: "") }
}
