import DeliveryScheduler
import MailEvents
import MailNames
import SMTPProtocol
import Testing

@testable import Delivery

@Suite("Relaying, RFC 5321 section 5.1", .timeLimit(.minutes(15))) struct RelayTests {
    @Test func `a message goes to the host that MX names, unchanged, and leaves the spool`() async throws {
        let house = try await House()
        try await house.submit(to: "x@far.test", "y@far.test")
        await house.recorder.wait(for: .relayed)
        let left = await house.end()
        #expect(left == 0)
        let got = try #require(house.server.messages.first)
        #expect(house.server.messages.count == 1)
        #expect(got.content == House.message)
        #expect(got.transaction.recipients.map(\.address.description) == ["x@far.test", "y@far.test"])
        let relayed = try #require(house.recorder.events(.relayed).first)
        #expect(relayed[.host] == "mx.far.test")
        #expect(relayed[.reply]?.contains("queued as FAKE1") == true)
        let attempts = house.recorder.events(.attempted)
        #expect(attempts.contains { $0[.answers]?.contains("MX of far.test") == true })
        #expect(attempts.contains { $0[.dialogue]?.contains("C: MAIL FROM:<alice@home.test>") == true })
    }

    @Test func `many messages share few connections`() async throws {
        let house = try await House()
        for _ in 0..<200 { try await house.submit(to: "x@far.test") }
        await house.recorder.wait(for: .relayed, count: 200)
        let left = await house.end()
        #expect(left == 0)
        #expect(house.server.messages.count == 200)
        #expect(house.server.connections <= 20)
    }

    @Test func `one recipient refused, one deferred, one accepted: each has its own outcome`() async throws {
        let house = try await House()
        house.server.refuse("no@far.test", SMTPReply(550, EnhancedStatus(5, 1, 1), "No such user"))
        house.server.refuse("later@far.test", SMTPReply(450, EnhancedStatus(4, 2, 1), "Greylisted"))
        let id = try await house.submit(from: "bob@home.test", to: "yes@far.test", "no@far.test", "later@far.test")
        await house.recorder.wait(for: .delivered)
        let detail = try #require(await house.service.show(id))
        #expect(detail.recipients.map(\.state) == ["done", "done", "deferred"])
        #expect(detail.recipients[2].lastError?.contains("Greylisted") == true)
        #expect(detail.recipients[2].attempts == 1)
        let listed = await house.service.list(domain: "far.test", state: "deferred")
        #expect(listed.map(\.id) == [id.description])
        let left = await house.end()
        #expect(left == 1)
        let report = try #require(house.mailboxes.written.first)
        #expect(report.recipient == "bob@home.test")
        #expect(report.text.contains("Final-Recipient: rfc822; no@far.test\r\nAction: failed\r\nStatus: 5.1.1\r\n"))
        #expect(!report.text.contains("later@far.test\r\nAction"))
    }

    @Test func `the next exchanger is tried when the first does not answer`() async throws {
        let house = try await House()
        house.lookup.mx("two.test", (10, "dead.two.test"), (20, "mx.far.test"))
        house.lookup.host("dead.two.test", "127.0.0.77")
        try await house.submit(to: "x@two.test")
        await house.recorder.wait(for: .relayed)
        let hosts = house.recorder.events(.attempted).compactMap { $0[.host] }
        #expect(hosts.first == "dead.two.test")
        #expect(house.recorder.events(.relayed).first?[.host] == "mx.far.test")
        let left = await house.end()
        #expect(left == 0)
    }

    @Test func `a domain that cannot be reached is deferred as a whole`() async throws {
        let house = try await House()
        house.lookup.host("down.test", "127.0.0.77")
        for _ in 0..<30 { try await house.submit(to: "x@down.test") }
        await house.recorder.wait(for: .deferred)
        let destinations = await house.service.destinations
        let down = try #require(destinations.first { $0.destination == "down.test" })
        #expect(down.blockedUntil != nil)
        #expect(down.lastError?.contains("127.0.0.77") == true)
        #expect(house.recorder.events(.attempted).count == 1)
        // Each of them has in its trace what it waits for, whether it came before or after.
        await house.recorder.wait(for: .deferred, count: 30)
        let waiting = house.recorder.events(.deferred)
        #expect(waiting.allSatisfy { $0[.nextAttempt] != nil && $0[.reason]?.contains("127.0.0.77") == true })
        let left = await house.end()
        #expect(left == 30)
    }

    @Test(arguments: [("521 mx.far.test takes no mail\r\n", "5.3.2"), ("554 no service\r\n", "5.3.2")])
    func `a host that takes no mail at all fails the message, RFC 7504`(greeting: String, status: String) async throws {
        let port = try await RudeServer.start(House.group, greeting: greeting)
        let house = try await House { options, _ in options.outboundPort = port }
        try await house.submit(to: "x@far.test")
        await house.recorder.wait(for: .failed)
        #expect(house.recorder.events(.failed).first?[.status] == status)
        _ = await house.end()
    }

    @Test(arguments: ["421 come back later\r\n", "", "220 hello\r\n"])
    func `a host that breaks off is tried again later`(greeting: String) async throws {
        let port = try await RudeServer.start(House.group, greeting: greeting)
        let house = try await House { options, _ in options.outboundPort = port }
        try await house.submit(to: "x@far.test")
        await house.recorder.wait(for: .deferred)
        #expect(house.recorder.events(.failed).isEmpty)
        let left = await house.end()
        #expect(left == 1)
    }

    @Test func `an address literal is connected to without DNS`() async throws {
        let house = try await House()
        try await house.submit(to: "x@[127.0.0.1]")
        await house.recorder.wait(for: .relayed)
        #expect(house.server.messages.first?.transaction.recipients.first?.address.description == "x@[127.0.0.1]")
        _ = await house.end()
    }

    @Test func `more recipients than fit one transaction go in several`() async throws {
        let house = try await House { options, _ in options.recipientsPerTransaction = 2 }
        try await house.submit(to: "a@far.test", "b@far.test", "c@far.test", "d@far.test", "e@far.test")
        await house.recorder.wait(for: .relayed)
        let left = await house.end()
        #expect(left == 0)
        #expect(house.server.messages.map(\.transaction.recipients.count) == [2, 2, 1])
    }

    @Test func `recipients that the host wants in another transaction follow at once`()
        async throws
    {
        var limits = SMTPLimits()
        limits.recipientsPerTransaction = 2
        let house = try await House(limits: limits)
        try await house.submit(to: "a@far.test", "b@far.test", "c@far.test", "d@far.test", "e@far.test")
        await house.recorder.wait(for: .relayed)
        let left = await house.end()
        #expect(left == 0)
        #expect(house.server.messages.map(\.transaction.recipients.count) == [2, 2, 1])
        #expect(house.recorder.events(.deferred).isEmpty)
    }

    @Test func `content refused for good fails every recipient in one report`() async throws {
        let house = try await House()
        house.server.answerContent(SMTPReply(554, EnhancedStatus(5, 7, 1), "Looks like spam"))
        try await house.submit(from: "bob@home.test", to: "a@far.test", "b@far.test")
        await house.recorder.wait(for: .delivered)
        let left = await house.end()
        #expect(left == 0)
        #expect(house.mailboxes.written.count == 1)
        let text = try #require(house.mailboxes.written.first?.text)
        #expect(text.components(separatedBy: "Action: failed").count == 3)
        #expect(text.contains("Diagnostic-Code: smtp; 554 5.7.1 Looks like spam"))
    }
}
