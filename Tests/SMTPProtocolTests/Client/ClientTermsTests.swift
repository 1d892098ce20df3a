import MailBytes
import MailNames
import Testing

@testable import SMTPProtocol

@Suite("What senders ask for, passed on to the next hop") struct ClientTermsTests {
    private static func delivery(
        _ terms: DeliveryTerms,
        notify: DeliveryNotify? = nil,
        change: (inout SMTPDelivery) -> Void = { _ in }
    ) throws -> SMTPDelivery {
        try .sample {
            $0.terms = terms
            $0.recipients[0].notify = notify
            change(&$0)
        }
    }

    // MARK: DELIVERBY, RFC 2852

    @Test func `what is left of the time is passed on, as in section 6`() throws {
        let dialogue = ClientDialogue.ready("DELIVERBY 30")
        dialogue.session.now = Timestamp(seconds: 22)
        let by = DeliverBy(time: Timestamp(seconds: 120), mode: .return)
        #expect(dialogue.begin(try Self.delivery(.init(deliverBy: by))) == "MAIL FROM:<a@c.example> BY=98;R")
    }

    @Test(arguments: [
        (["DELIVERBY 240"], 98, "failed 550 5.3.3"), (["HELP"], 98, "failed 550 5.3.3"),
        (["DELIVERBY"], -1, "failed 550 5.4.7"), (["DELIVERBY"], 0, "failed 550 5.4.7"),
    ])
    func `what must return is not sent to a host that cannot keep the time`(
        offered: [String],
        left: Int64,
        outcome: String
    ) throws {
        let dialogue = ClientDialogue.ready(offered[0])
        let by = DeliverBy(time: Timestamp(seconds: left), mode: .return)
        #expect(dialogue.begin(try Self.delivery(.init(deliverBy: by))) == outcome)
        #expect(dialogue.mayBegin)
    }

    @Test func `a time that has passed is passed on as negative with mode N`() throws {
        let dialogue = ClientDialogue.ready("DELIVERBY")
        dialogue.session.now = Timestamp(seconds: 100)
        let by = DeliverBy(time: Timestamp(seconds: 40), mode: .notify, traces: true)
        #expect(dialogue.begin(try Self.delivery(.init(deliverBy: by))) == "MAIL FROM:<a@c.example> BY=-60;NT")
    }

    @Test(
        arguments: [
            (nil, "NOTIFY=FAILURE,DELAY"), (DeliveryNotify.never, "NOTIFY=NEVER"),
            (DeliveryNotify.success, "NOTIFY=SUCCESS,DELAY"),
        ] as [(DeliveryNotify?, String)]
    )
    func `without DELIVERBY a host is asked to tell of delays, and the sender is told of the relaying`(
        notify: DeliveryNotify?,
        parameter: String
    ) throws {
        let dialogue = ClientDialogue.ready("PIPELINING", "DSN")
        let by = DeliverBy(time: Timestamp(seconds: 40), mode: .notify)
        let sent = dialogue.begin(try Self.delivery(.init(deliverBy: by), notify: notify))
        #expect(sent == "MAIL FROM:<a@c.example>|RCPT TO:<r0@b.example> \(parameter)|DATA")
        dialogue.hear("250 ok", "250 ok", "354 go")
        let action = dialogue.session.lineReceived(Array("250 ok".utf8).span)
        guard case .finished(let result) = action else { return #expect(Bool(false), "\(action)") }
        #expect(result.owesRelayNotice)
    }

    // MARK: Others

    @Test func `each parameter goes to hosts that offer it and to no others`() throws {
        let terms = DeliveryTerms(
            priority: try #require(MessagePriority(-3)),
            requiresTLS: false,
            tracking: MessageTracking(certifier: "abcd", expires: Timestamp(seconds: 90)),
            solicitation: "net.example:ADV"
        )
        let plain = ClientDialogue.ready("SIZE", "DSN")
        let delivery = try Self.delivery(terms) { $0.envelopeID = "1@c.example" }
        #expect(plain.begin(delivery) == "MAIL FROM:<a@c.example> SIZE=10 ENVID=1@c.example")
        let rich = ClientDialogue.ready("DSN", "MT-PRIORITY MIXER", "MTRK", "NO-SOLICITING")
        rich.session.now = Timestamp(seconds: 30)
        let sent = rich.begin(delivery)
        #expect(
            sent == "MAIL FROM:<a@c.example> ENVID=1@c.example MT-PRIORITY=-3 MTRK=abcd:60 SOLICIT=net.example:ADV"
        )
    }

    @Test func `a certifier whose time is over is not passed on`() throws {
        let dialogue = ClientDialogue.ready("DSN", "MTRK")
        dialogue.session.now = Timestamp(seconds: 90)
        let terms = DeliveryTerms(tracking: MessageTracking(certifier: "abcd", expires: Timestamp(seconds: 90)))
        let delivery = try Self.delivery(terms) { $0.envelopeID = "1@c.example" }
        #expect(dialogue.begin(delivery) == "MAIL FROM:<a@c.example> ENVID=1@c.example")
    }

    @Test func `what needs TLS goes nowhere in clear, nor to a host without REQUIRETLS`() throws {
        let clear = ClientDialogue.ready("REQUIRETLS")
        #expect(clear.begin(try Self.delivery(.init(requiresTLS: true))) == "failed 550 5.7.10")
        let without = ClientDialogue(tls: .implicit)
        without.hear("220 mx.example ESMTP", "250-mx.example", "250 HELP")
        #expect(without.begin(try Self.delivery(.init(requiresTLS: true))) == "failed 550 5.7.30")
        let with = ClientDialogue(tls: .implicit)
        with.hear("220 mx.example ESMTP", "250-mx.example", "250 REQUIRETLS")
        #expect(with.begin(try Self.delivery(.init(requiresTLS: true))) == "MAIL FROM:<a@c.example> REQUIRETLS")
    }

    @Test func `a report that keeps REQUIRETLS is sent all the same, RFC 8689 section 5`() throws {
        let dialogue = ClientDialogue.ready("SIZE")
        let delivery = try Self.delivery(.init(requiresTLS: true)) { $0.reversePath = .null }
        #expect(dialogue.begin(delivery) == "MAIL FROM:<> SIZE=10")
    }

    @Test func `a host without REQUIRETLS is of no use where it is needed`() {
        var session = SMTPClientSession(
            configuration: .init(hostName: "me.example", tls: .implicit, needsRequireTLS: true)
        )
        _ = session.lineReceived(Array("220 mx.example".utf8).span)
        let action = session.lineReceived(Array("250 mx.example".utf8).span)
        guard case .failed(let failure) = action else { return #expect(Bool(false), "\(action)") }
        #expect(failure.reply.status == EnhancedStatus(5, 7, 30))
    }

    @Test func `a recipient with an owner is not named to a host without RRVS unless the sender said so`() throws {
        let delivery = try SMTPDelivery.sample(3) {
            $0.recipients[0].requiredOwnership = RequiredOwnership(since: Timestamp(seconds: 0))
            $0.recipients[1].requiredOwnership = RequiredOwnership(since: Timestamp(seconds: 0), fallback: .continue)
        }
        let without = ClientDialogue.ready("SIZE")
        #expect(without.begin(delivery) == "MAIL FROM:<a@c.example> SIZE=10")
        #expect(without.hear("250 ok") == "RCPT TO:<r1@b.example>")
        #expect(without.hear("250 ok") == "RCPT TO:<r2@b.example>")
        #expect(without.hear("250 ok") == "DATA")
        #expect(without.hear("354 go") == "content")
        #expect(without.hear("250 ok") == "failed 550 5.7.19, accepted 250, accepted 250")
        let with = ClientDialogue.ready("PIPELINING", "RRVS")
        let sent = with.begin(delivery)
        #expect(sent.contains("RCPT TO:<r0@b.example> RRVS=1970-01-01T00:00:00Z|"))
        #expect(sent.contains("RCPT TO:<r1@b.example> RRVS=1970-01-01T00:00:00Z;C|RCPT TO:<r2@b.example>|"))
    }

    @Test func `a message goes to who holds it until its time`() throws {
        let terms = DeliveryTerms(holdUntil: Timestamp(seconds: 3600))
        let with = ClientDialogue.ready("FUTURERELEASE 7200 1970-01-01T02:00:00Z")
        #expect(with.begin(try Self.delivery(terms)) == "MAIL FROM:<a@c.example> HOLDUNTIL=1970-01-01T01:00:00Z")
        let short = ClientDialogue.ready("FUTURERELEASE 60 1970-01-01T00:01:00Z")
        #expect(short.begin(try Self.delivery(terms)) == "failed 554 5.3.3")
        #expect(ClientDialogue.ready("HELP").begin(try Self.delivery(terms)) == "failed 554 5.3.3")
    }

    // MARK: LIMITS, RFC 9422

    @Test func `recipients of more domains than a session may name are for another connection`() throws {
        let dialogue = ClientDialogue.ready("PIPELINING", "LIMITS RCPTDOMAINMAX=2")
        let names = ["a@one.example", "b@two.example", "c@three.example", "d@one.example"]
        let delivery = try SMTPDelivery.sample {
            $0.recipients = try names.map { EnvelopeRecipient(address: try EmailAddress(parsing: $0)) }
        }
        let sent = dialogue.begin(delivery)
        #expect(sent.hasSuffix("|RCPT TO:<a@one.example>|RCPT TO:<b@two.example>|RCPT TO:<d@one.example>|DATA"))
        dialogue.hear("250 ok", "250 ok", "250 ok", "250 ok", "354 go")
        #expect(dialogue.hear("250 ok") == "accepted 250, accepted 250, not tried, accepted 250")
        #expect(dialogue.mayBegin)
        let rest = try SMTPDelivery.sample {
            $0.recipients = [EnvelopeRecipient(address: try EmailAddress(parsing: names[2]))]
        }
        #expect(dialogue.begin(rest) == "not tried")
        #expect(!dialogue.mayBegin)
    }

    @Test(
        arguments: [
            ("LIMITS RCPTMAX=20 MAILMAX=5 RCPTDOMAINMAX=1", 20, 5, 1), ("LIMITS RCPTMAX=020 MAILMAX=5", nil, 5, nil),
            ("LIMITS OTHER RCPTMAX=1234567 MAILMAX=1", nil, 1, nil), ("LIMITS RCPTMAX=2 MAIL$MAX=1", nil, nil, nil),
            ("LIMITS RCPTMAX=2;3 MAILMAX=1", nil, nil, nil), ("LIMITS RCPTMAX=0 RCPTDOMAINMAX=3", nil, nil, 3),
            ("LIMITS", nil, nil, nil),
        ] as [(String, Int?, Int?, Int?)]
    )
    func `limits are read as section 3 has them`(line: String, recipients: Int?, mails: Int?, domains: Int?) {
        let extensions = ClientDialogue.ready(line).session.extensions
        #expect(extensions.recipientsPerTransaction == recipients)
        #expect(extensions.transactionsPerConnection == mails)
        #expect(extensions.recipientDomainsPerConnection == domains)
    }
}
