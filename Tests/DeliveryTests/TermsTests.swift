import DeliveryScheduler
import MailBytes
import MailEvents
import MailNames
import SMTPProtocol
import Testing

@testable import Delivery

@Suite("What senders ask for, on the way out", .timeLimit(.minutes(15))) struct TermsTests {
    /// A house whose far host is `smart.test`, for which the certificate is.
    private func house(
        offer: SMTPExtensions,
        hasTLS: Bool = true,
        isTrusted: Bool = true,
        isSigned: Bool = true
    ) async throws -> House {
        let house = try await House(
            serverTLS: hasTLS ? TestCertificate.serverContext() : nil,
            offer: SMTPServiceOffer(offer),
            trusted: isTrusted ? [TestCertificate.certificate()] : []
        )
        house.lookup.mx("far.test", (10, "smart.test"))
        house.lookup.host("smart.test", "127.0.0.1")
        if isSigned { house.lookup.sign("far.test") }
        return house
    }

    private func requiring(_ envelope: inout Envelope) { envelope.terms = DeliveryTerms(requiresTLS: true) }

    // MARK: REQUIRETLS, RFC 8689

    @Test func `a message that needs TLS goes to a verified host that keeps the need`() async throws {
        let house = try await house(offer: .requireTLS)
        try await house.submit(from: "bob@home.test", to: "x@far.test", change: requiring)
        await house.recorder.wait(for: .relayed)
        #expect(await house.end() == 0)
        #expect(house.server.messages.first?.transaction.terms.requiresTLS == true)
    }

    @Test func `a message that needs TLS to a domain whose host fetches its mail goes back at once`() async throws {
        let domain = try Domain(parsing: "far.test")
        let house = try await House { options, _ in options.onDemand = [domain] }
        try await house.submit(from: "bob@home.test", to: "x@far.test", change: requiring)
        await house.recorder.wait(for: .delivered)
        #expect(await house.end() == 0)
        #expect(house.recorder.events(.failed).first?[.status] == "5.7.10")
        #expect(house.mailboxes.written.first?.text.contains("REQUIRETLS") == true)
    }

    @Test func `a report on a message that needs TLS waits for the host that fetches it`() async throws {
        let domain = try Domain(parsing: "far.test")
        let house = try await House { options, _ in options.onDemand = [domain] }
        try await house.submit(from: "", to: "x@far.test", change: requiring)
        await house.recorder.wait(for: .held)
        #expect(await house.service.messagesToFetch(for: [domain]) == 1)
        #expect(await house.end() == 1)
    }

    @Test(
        arguments: [
            ("no TLS", SMTPExtensions.requireTLS, false, true, true, "5.7.10"),
            ("no REQUIRETLS", [], true, true, true, "5.7.30"),
            ("an unknown certificate", .requireTLS, true, false, true, "5.7.10"),
            ("an unsigned MX", .requireTLS, true, true, false, "5.7.10"),
        ] as [(String, SMTPExtensions, Bool, Bool, Bool, String)]
    )
    func `where that cannot be, it goes back, and its report needs TLS too`(
        what: String,
        offer: SMTPExtensions,
        hasTLS: Bool,
        isTrusted: Bool,
        isSigned: Bool,
        status: String
    ) async throws {
        let house = try await house(offer: offer, hasTLS: hasTLS, isTrusted: isTrusted, isSigned: isSigned)
        try await house.submit(from: "bob@home.test", to: "x@far.test") {
            $0.terms = DeliveryTerms(holdUntil: Timestamp(seconds: 86_400), requiresTLS: true)
            $0.returnContent = .full
        }
        await house.recorder.wait(for: .delivered)
        #expect(await house.end() == 0)
        #expect(house.server.messages.isEmpty, "\(what)")
        #expect(house.recorder.events(.failed).first?[.status] == status, "\(what)")
        let report = try #require(house.mailboxes.written.first?.text)
        // The header alone comes back: RFC 8689 section 5.
        #expect(!report.contains("..two"))
        #expect(report.contains("\r\nFuture-Release-Request: until;1970-01-02T00:00:00Z\r\n"))
    }

    @Test func `others go in clear to the same host at the same time`() async throws {
        let house = try await house(offer: [], hasTLS: false)
        try await house.submit(to: "x@far.test")
        try await house.submit(from: "bob@home.test", to: "y@far.test", change: requiring)
        await house.recorder.wait(for: .delivered)
        await house.recorder.wait(for: .relayed)
        #expect(await house.end() == 0)
        #expect(house.server.messages.count == 1)
    }

    @Test func `a report that needs TLS is not lost where there is none`() async throws {
        let house = try await house(offer: [], hasTLS: false)
        try await house.submit(from: "", to: "x@far.test", change: requiring)
        await house.recorder.wait(for: .relayed)
        #expect(await house.end() == 0)
        #expect(house.server.messages.count == 1)
    }

    @Test func `reports keep the need for TLS and the priority`() throws {
        var envelope = Envelope(
            reversePath: .null,
            recipients: [],
            origin: MessageOrigin(door: .smtp, transmissionType: "ESMTP"),
            received: Timestamp(seconds: 0),
            expires: Timestamp(seconds: 1)
        )
        #expect(envelope.reportTerms == nil)
        let priority = try #require(MessagePriority(3))
        envelope.terms = DeliveryTerms(priority: priority, requiresTLS: true, solicitation: "a:B")
        #expect(envelope.reportTerms == DeliveryTerms(priority: priority, requiresTLS: true))
    }

    // MARK: DELIVERBY, MT-PRIORITY, RRVS

    @Test func `what was asked for arrives at a host that offers it`() async throws {
        let house = try await House(offer: SMTPServiceOffer([.deliverBy, .priority, .requiredOwnership, .tracking]))
        let soon = WallClock.system.now() + .seconds(1000)
        let priority = try #require(MessagePriority(5))
        try await house.submit(from: "bob@home.test", to: "x@far.test") {
            $0.envelopeID = "1@home.test"
            $0.terms = DeliveryTerms(
                deliverBy: DeliverBy(time: soon, mode: .return),
                priority: priority,
                tracking: MessageTracking(certifier: "abcd")
            )
            $0.recipients[0].requiredOwnership = RequiredOwnership(since: Timestamp(seconds: 86_400))
        }
        await house.recorder.wait(for: .relayed)
        #expect(await house.end() == 0)
        let transaction = try #require(house.server.messages.first?.transaction)
        #expect(transaction.terms.priority == priority)
        #expect(transaction.terms.tracking?.certifier == "abcd")
        #expect(transaction.recipients.first?.requiredOwnership?.since == Timestamp(seconds: 86_400))
        let by = try #require(transaction.terms.deliverBy)
        #expect(by.mode == .return)
        // What the way takes is added, as RFC 2852 section 4 has it.
        #expect(by.time > soon - .seconds(250) && by.time <= soon + .seconds(300))
    }

    @Test func `who asked for a time is told of the relaying to a host that cannot keep it`() async throws {
        let house = try await House()
        try await house.submit(from: "bob@home.test", to: "x@far.test") {
            $0.terms = DeliveryTerms(
                deliverBy: DeliverBy(time: WallClock.system.now() + .seconds(1000), mode: .notify)
            )
        }
        await house.recorder.wait(for: .delivered)
        #expect(await house.end() == 0)
        let report = try #require(house.mailboxes.written.first?.text)
        #expect(report.contains("Action: relayed"))
    }

    @Test func `what has to be returned is, by a host that cannot keep the time`() async throws {
        let house = try await House()
        try await house.submit(from: "bob@home.test", to: "x@far.test") {
            $0.terms = DeliveryTerms(
                deliverBy: DeliverBy(time: WallClock.system.now() + .seconds(1000), mode: .return)
            )
        }
        await house.recorder.wait(for: .delivered)
        #expect(await house.end() == 0)
        #expect(house.recorder.events(.failed).first?[.status] == "5.3.3")
        #expect(house.server.messages.isEmpty)
    }

    @Test func `an owner is asked for once more when the message is written, RFC 7293 section 5.1`() async throws {
        let house = try await House()
        house.directory.own("alice@home.test", since: Timestamp(seconds: 500))
        try await house.submit(from: "bob@home.test", to: "alice@home.test") {
            $0.recipients[0].requiredOwnership = RequiredOwnership(since: Timestamp(seconds: 499))
        }
        await house.recorder.wait(for: .failed)
        #expect(house.recorder.events(.failed).first?[.status] == "5.7.17")
        try await house.submit(from: "bob@home.test", to: "alice@home.test") {
            $0.recipients[0].requiredOwnership = RequiredOwnership(since: Timestamp(seconds: 500))
        }
        await house.recorder.wait(for: .delivered, count: 2)
        #expect(await house.end() == 0)
        #expect(house.mailboxes.written.contains { $0.recipient == "alice@home.test" })
    }

    // MARK: LIMITS, RFC 9422

    @Test func `recipients of more domains than a host takes in one session come over others`() async throws {
        let server = PlainServer(PlainServer.Ways(offered: ["LIMITS RCPTDOMAINMAX=1"]))
        let port = try await server.start(House.group)
        let host = try Domain(parsing: "mx.far.test")
        let house = try await House { options, _ in
            options.outbound = .smartHost(SmartHost(host: .domain(host), port: port, security: .none))
        }
        try await house.submit(to: "a@one.test", "b@two.test", "c@one.test", "d@three.test")
        await house.recorder.wait { entries in
            entries.filter { $0.event.kind == .relayed }.flatMap { $0.event.all(.recipient) }.count == 4
        }
        #expect(await house.end() == 0)
        #expect(server.messages == 3 && server.connections == 3)
        #expect(house.recorder.events(.deferred).isEmpty)
    }
}
