import Directory
import MailBytes
import MailEvents
import MailNames
import MailPolicy
import NIOCore
import SMTPProtocol
import Testing

@testable import Reception

@Suite("What senders ask for, at the doors", .timeLimit(.minutes(15))) struct TermsTests {
    private static let offer = SMTPServiceOffer(
        [.deliverBy, .futureRelease, .priority, .requiredOwnership, .requireTLS, .noSoliciting, .tracking],
        longestHold: .seconds(3650 * 86_400)
    )

    /// Sends with terms; what the first recipient was answered.
    private static func send(
        _ door: DoorFixture,
        _ content: String = "Subject: hello\r\n\r\nHello.\r\n",
        account: String? = nil,
        change: (inout SMTPDelivery) throws -> Void
    ) async throws -> String {
        let connection = try await door.connect(account: account)
        var delivery = SMTPDelivery(
            reversePath: .address(try EmailAddress(parsing: account ?? "carol@elsewhere.test")),
            recipients: [EnvelopeRecipient(address: try EmailAddress(parsing: "alice@example.test"))],
            size: content.utf8.count
        )
        try change(&delivery)
        let outcome = await connection.perform(delivery, content: ByteBuffer(string: content))
        await connection.close()
        switch outcome.result.outcomes.first {
        case .accepted(let reply), .deferred(let reply), .failed(let reply): return reply.oneLine
        case .notTried, nil: return "not tried"
        }
    }

    @Test func `the terms are in the envelope, and a held message begins its life when it is released`() async throws {
        try await DoorFixture.with(offer: Self.offer) { door in
            let priority = try #require(MessagePriority(4))
            let release = Timestamp(seconds: 1_800_003_600)
            let answer = try await Self.send(door, account: "alice@example.test") {
                $0.terms = DeliveryTerms(holdUntil: release, priority: priority, requiresTLS: true)
            }
            #expect(answer.hasPrefix("250 2.0.0"))
            let message = try #require(try door.spooled().first)
            #expect(message.envelope.terms.priority == priority)
            #expect(message.envelope.terms.requiresTLS)
            let hold = try #require(message.envelope.terms.holdUntil)
            #expect(hold == release)
            #expect(message.envelope.expires == hold + .seconds(5 * 86_400))
            #expect(message.content.replacing("\r\n\t", with: " ").contains(" priority 4"))
            let verdicts = try #require(door.events(.received).first).all(.verdict)
            let line = "terms: asked for priority 4; held until 2027-01-15T09:00:00Z; TLS at each hop"
            #expect(verdicts.contains(line))
        }
    }

    @Test func `senders with a path for each recipient have it on submission alone, and the trace says so`()
        async throws
    {
        try await DoorFixture.with { door in
            var options = Reception.Options(hostName: "mx.example.test")
            options.variablePaths = SenderList([try #require(SenderPattern("Alice@example.test"))])
            door.reception.setOptions(options)
            for (account, has) in [("alice@example.test", true), (nil, false)] as [(String?, Bool)] {
                _ = try await Self.send(door, account: account) {
                    $0.reversePath = .address(try EmailAddress(parsing: "alice@example.test"))
                }
                #expect(try door.spooled().last?.envelope.terms.hasPathPerRecipient == has)
                let verdicts = door.events(.received).last?.all(.verdict) ?? []
                #expect(verdicts.contains("terms: asked for a return path for each recipient") == has)
            }
        }
    }

    @Test func `a stranger's priority is lowered to 0, and stays where it is below, RFC 6710 section 4.1`()
        async throws
    {
        try await DoorFixture.with(offer: Self.offer) { door in
            for (asked, given) in [(9, 0), (-3, -3)] {
                let priority = try #require(MessagePriority(asked))
                let answer = try await Self.send(door) { $0.terms = DeliveryTerms(priority: priority) }
                #expect(answer.hasPrefix("250 2.0.0"))
                #expect(try door.spooled().last?.envelope.terms.priority == MessagePriority(given))
            }
        }
    }

    @Test(arguments: [(100, "250 2.0.0"), (99, "550 5.7.17"), (101, "250 2.0.0")])
    func `a recipient has to have had the address since the time that is named, RFC 7293`(
        since: Int64,
        answered: String
    ) async throws {
        try await DoorFixture.with(offer: Self.offer) { door in
            let answer = try await Self.send(door) {
                $0.recipients[0].requiredOwnership = RequiredOwnership(since: Timestamp(seconds: since))
            }
            #expect(answer.hasPrefix(answered))
            if !answered.hasPrefix("2") {
                #expect(door.events(.refused).first?[.reason]?.contains("has its owner since") == true)
            }
        }
    }

    @Test func `where nobody knows since when, that is said, and roles have no owner`() async throws {
        try await DoorFixture.with(offer: Self.offer) { door in
            let unknown = try await Self.send(door) {
                $0.recipients[0].address = try EmailAddress(parsing: "bob@example.test")
                $0.recipients[0].requiredOwnership = RequiredOwnership(since: Timestamp(seconds: 1))
            }
            #expect(unknown.hasPrefix("550 5.7.19"))
        }
        let role = try EmailAddress(parsing: "Abuse@example.test")
        #expect(OwnedAddress.isRole(role))
    }

    @Test func `what solicits what is not wanted is refused by its header too, RFC 3865 section 2.3`() async throws {
        var offer = Self.offer
        offer.refusedSolicitations = ["net.example:ADV"]
        try await DoorFixture.with(offer: offer) { door in
            let refused = try await Self.send(door, "Solicitation: org.example:A, net.example:ADV\r\n\r\nx\r\n") { _ in
            }
            #expect(refused == "550 5.7.1 SOLICIT=net.example:ADV is not taken here")
            #expect(try door.spooled().isEmpty)
            let taken = try await Self.send(door, "Solicitation: org.example:A,org.example:B\r\n\r\nx\r\n") { _ in }
            #expect(taken.hasPrefix("250 2.0.0"))
            #expect(try door.spooled().first?.envelope.terms.solicitation == "org.example:A,org.example:B")
        }
    }

    @Test func `TLS-Required is read where REQUIRETLS was not said, RFC 8689 section 4.1`() async throws {
        try await DoorFixture.with(offer: Self.offer) { door in
            _ = try await Self.send(door, "TLS-Required: No\r\n\r\nx\r\n") { _ in }
            #expect(try door.spooled().last?.envelope.terms == DeliveryTerms(waivesTLS: true))
            _ = try await Self.send(door, "TLS-Required: No\r\n\r\nx\r\n", account: "alice@example.test") {
                $0.terms = DeliveryTerms(requiresTLS: true)
            }
            #expect(try door.spooled().last?.envelope.terms == DeliveryTerms(requiresTLS: true))
        }
    }
}

@Suite("Submitted messages, RFC 6409 section 8", .timeLimit(.minutes(15))) struct SubmissionTests {
    @Test(arguments: [10, 20_000])
    func `what is missing is added and Bcc is taken out, also of a large one`(lines: Int) async throws {
        try await DoorFixture.with { door in
            let body = String(repeating: "0123456789\r\n", count: lines)
            let content =
                "To: bob@example.test\r\nBcc: secret@example.org,\r\n other@example.org\r\n\r\nBcc: text\r\n" + body
            let answers = try await door.send(
                content,
                from: "alice@example.test",
                to: "bob@example.test",
                account: "alice@example.test"
            )
            #expect(answers.first?.hasPrefix("250 2.0.0 ") == true)
            let message = try #require(try door.spooled().first)
            #expect(answers.first?.contains(message.id.description) == true)
            #expect(message.content.contains("\r\nFrom: <alice@example.test>\r\n"))
            #expect(message.content.contains("\r\nDate: ") && message.content.contains("\r\nMessage-ID: <"))
            #expect(!message.content.contains("secret") && !message.content.contains("other@"))
            #expect(message.content.hasSuffix("\r\nTo: bob@example.test\r\n\r\nBcc: text\r\n" + body))
        }
    }

    @Test func `mail of other hosts keeps what it has`() async throws {
        try await DoorFixture.with { door in
            _ = try await door.send("Bcc: x@y.test\r\n\r\nText.\r\n", to: "bob@example.test")
            let message = try #require(try door.spooled().first)
            #expect(message.content.hasSuffix("\r\nBcc: x@y.test\r\n\r\nText.\r\n"))
            #expect(!message.content.contains("From: <"))
        }
    }

    @Test func `an account that has sent its share is put off, and the trace says why`() async throws {
        try await DoorFixture.with(pace: .init(messagesPerHour: 2, recipientsPerDay: 3)) { door in
            func send(_ recipients: Int) async throws -> [String] {
                let connection = try await door.connect(account: "alice@example.test")
                let delivery = SMTPDelivery(
                    reversePath: .address(try EmailAddress(parsing: "alice@example.test")),
                    recipients: try (0..<recipients).map { _ in
                        EnvelopeRecipient(address: try EmailAddress(parsing: "bob@example.test"))
                    },
                    size: 10
                )
                let outcome = await connection.perform(delivery, content: ByteBuffer(string: "\r\nx\r\n"))
                await connection.close()
                return outcome.result.outcomes.map {
                    switch $0 {
                    case .accepted(let reply), .deferred(let reply), .failed(let reply): String(reply.oneLine.prefix(9))
                    case .notTried: "not tried"
                    }
                }
            }
            let first = try await send(2)
            #expect(first == ["250 2.0.0", "250 2.0.0"])
            let second = try await send(2)
            #expect(second == ["250 2.0.0", "450 4.7.1"])
            let third = try await send(1)
            #expect(third == ["450 4.7.1"])
            let refused = door.events(.refused)
            #expect(refused.map { $0[.command] } == ["RCPT", "MAIL"])
            #expect(refused.last?[.reason]?.contains("2 messages an hour") == true)
            // Others are not held back by it.
            #expect(try await door.send(to: "bob@example.test").first?.hasPrefix("250") == true)
        }
    }
}
