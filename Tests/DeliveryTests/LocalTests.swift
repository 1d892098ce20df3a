import DeliveryScheduler
import MailBytes
import MailEvents
import MailNames
import SMTPProtocol
import Testing

@testable import Delivery

@Suite("Local delivery and aliases", .timeLimit(.minutes(15))) struct LocalTests {
    @Test(arguments: [true, false])
    func `a message for an account is written with Return-Path and Delivered-To`(isCaching: Bool) async throws {
        let house = try await House(directory: FakeDirectory(isCaching: isCaching))
        try await house.submit(from: "x@far.test", to: "alice@home.test")
        await house.recorder.wait(for: .delivered)
        let left = await house.end()
        #expect(left == 0)
        let written = try #require(house.mailboxes.written.first)
        #expect(written.account.rawValue == 1)
        #expect(written.text == "Return-Path: <x@far.test>\r\nDelivered-To: alice@home.test\r\n" + House.message)
        #expect(house.recorder.events(.delivered).first?[.mailbox] == "INBOX, UID 1")
    }

    @Test func `messages are written in batches`() async throws {
        let house = try await House(starting: false)
        for _ in 0..<300 { try await house.submit(to: "bob@home.test") }
        await house.service.start()
        await house.recorder.wait(for: .delivered, count: 300)
        let left = await house.end()
        #expect(left == 0)
        #expect(house.mailboxes.written.count == 300)
        #expect(house.mailboxes.batches < 60)
    }

    @Test func `an alias leads to all its addresses, each once`() async throws {
        let house = try await House()
        house.directory.alias("team@home.test", "alice@home.test", "bob@home.test", "friends@home.test")
        house.directory.alias("friends@home.test", "bob@home.test", "z@far.test", "team@home.test")
        try await house.submit(from: "x@far.test", to: "team@home.test")
        await house.recorder.wait(until: { entries in
            entries.count { $0.event.kind == .delivered } == 2 && entries.contains { $0.event.kind == .relayed }
        })
        let left = await house.end()
        #expect(left == 0)
        #expect(house.mailboxes.written.map(\.recipient).sorted() == ["alice@home.test", "bob@home.test"])
        let relayed = try #require(house.server.messages.first?.transaction.recipients.first)
        #expect(relayed.address.description == "z@far.test")
        let expanded = house.recorder.events(.expanded)
        #expect(expanded.first?[.recipient] == "team@home.test")
        #expect(expanded.first?.all(.target).count == 3)
    }

    @Test func `aliases that lead only to each other are a loop and fail`() async throws {
        let house = try await House()
        house.directory.alias("a@home.test", "b@home.test")
        house.directory.alias("b@home.test", "a@home.test")
        try await house.submit(from: "alice@home.test", to: "a@home.test")
        await house.recorder.wait(for: .delivered)
        let left = await house.end()
        #expect(left == 0)
        #expect(house.recorder.events(.loop).count == 1)
        #expect(house.mailboxes.written.first?.text.contains("Status: 5.4.6") == true)
    }

    @Test func `a message that comes back to the mailbox it was delivered to fails`() async throws {
        let house = try await House()
        let content =
            "Received: by a\r\nDelivered-To: Alice@home.test\r\nSubject: again\r\n\r\nDelivered-To: nobody\r\n"
        try await house.submit(from: "bob@home.test", to: "alice@home.test", content: content)
        await house.recorder.wait(for: .delivered)
        #expect(house.recorder.events(.failed).first?[.status] == "5.4.6")
        #expect(house.mailboxes.written.map(\.recipient) == ["bob@home.test"])
        _ = await house.end()
    }

    @Test func `too many hops are a loop`() async throws {
        let house = try await House { options, _ in options.hops = 5 }
        let content = String(repeating: "Received: from a by b\r\n", count: 6) + "Subject: x\r\n\r\nReceived: no\r\n"
        try await house.submit(from: "bob@home.test", to: "alice@home.test", content: content)
        await house.recorder.wait(for: .loop)
        _ = await house.end()
    }

    @Test func `an unknown recipient of our domain fails, and a directory that is away defers`() async throws {
        let house = try await House(directory: FakeDirectory(isCaching: false))
        house.directory.setUnavailable(true)
        try await house.submit(from: "bob@home.test", to: "nobody@home.test")
        await house.recorder.wait(for: .deferred)
        house.directory.setUnavailable(false)
        await house.service.flush()
        await house.recorder.wait(for: .delivered)
        let left = await house.end()
        #expect(left == 0)
        #expect(house.recorder.events(.failed).first?[.status] == "5.1.1")
    }

    @Test func `a mailbox that is full for now is tried again, and the message is written once`() async throws {
        let house = try await House()
        house.mailboxes.fail(DeliveryFailure(EnhancedStatus(4, 2, 2), "The mailbox is full"))
        try await house.submit(to: "alice@home.test", "bob@home.test")
        await house.recorder.wait(for: .deferred)
        house.mailboxes.fail(nil)
        await house.service.flush()
        await house.recorder.wait(for: .delivered, count: 2)
        let left = await house.end()
        #expect(left == 0)
        #expect(house.mailboxes.written.count == 2)
    }

    @Test func `what the spool held is delivered after a start, and what was done stays done`() async throws {
        let first = try await House(directory: FakeDirectory())
        first.directory.alias("both@home.test", "alice@home.test", "z@far.test", "w@far.test")
        first.server.refuse("w@far.test", SMTPReply(451, EnhancedStatus(4, 3, 0), "Not now"))
        let id = try await first.submit(from: "x@far.test", to: "both@home.test", "later@far.test")
        await first.recorder.wait(until: { entries in
            entries.contains { $0.event.kind == .delivered } && entries.contains { $0.event.kind == .deferred }
        })
        let left = await first.end(removing: false)
        #expect(left == 1)
        let second = try await House(folder: first.folder, directory: first.directory)
        // What the spool held is taken up little by little.
        await second.service.loading?.value
        await second.service.flush()
        await second.recorder.wait(until: { entries in
            entries.contains { $0.event.kind == .relayed } || entries.contains { $0.event.kind == .delivered }
        })
        let rest = await second.end()
        #expect(rest == 0, "\(id)")
        #expect(second.mailboxes.written.isEmpty)
        #expect(
            second.server.messages.flatMap { $0.transaction.recipients.map(\.address.description) } == ["w@far.test"]
        )
    }
}
