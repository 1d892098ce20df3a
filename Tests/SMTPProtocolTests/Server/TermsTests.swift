import MailBytes
import MailNames
import Testing

@testable import SMTPProtocol

@Suite("What senders ask for beyond the plain envelope") struct TermsTests {
    private static let all: SMTPExtensions = [
        .deliverBy, .futureRelease, .priority, .requiredOwnership, .requireTLS, .noSoliciting, .tracking,
    ]

    @Test func `everything asked for at once is in the transaction, as moments`() throws {
        var dialogue = Dialogue(
            try .sample(.submission) { $0.offer = SMTPServiceOffer(Self.all) },
            isEncrypted: true
        )
        dialogue.session.now = Timestamp(seconds: 1000)
        _ = dialogue.say("EHLO c.example")
        _ = dialogue.say("AUTH PLAIN AGFsaWNlAHNlY3JldA==")
        let mail =
            "MAIL FROM:<a@c.example> BY=500;RT HOLDFOR=100 MT-PRIORITY=4 REQUIRETLS MTRK=abcd:60 ENVID=1 SOLICIT=a:B"
        #expect(dialogue.say(mail) == "250 2.1.0")
        #expect(dialogue.say("RCPT TO:<r@b.example> RRVS=1970-01-01T00:00:09Z;C") == "250 2.1.5")
        _ = dialogue.say("DATA")
        #expect(dialogue.say("text\r\n.") == "250 2.0.0")
        let (transaction, _) = try #require(dialogue.stored.first)
        let terms = DeliveryTerms(
            deliverBy: DeliverBy(time: Timestamp(seconds: 1500), mode: .return, traces: true),
            holdUntil: Timestamp(seconds: 1100),
            priority: try #require(MessagePriority(4)),
            requiresTLS: true,
            tracking: MessageTracking(certifier: "abcd", expires: Timestamp(seconds: 1060)),
            solicitation: "a:B"
        )
        #expect(transaction.terms == terms)
        let ownership = RequiredOwnership(since: Timestamp(seconds: 9), fallback: .continue)
        #expect(transaction.recipients.first?.requiredOwnership == ownership)
    }

    @Test func `a sender may be given another priority, and is told, RFC 6710 section 4.1`() throws {
        var session = SMTPServerSession(configuration: try .sample { $0.offer = SMTPServiceOffer(.priority) })
        _ = session.lineReceived(Array("EHLO c.example".utf8).span)
        _ = session.lineReceived(Array("MAIL FROM:<a@c.example> MT-PRIORITY=9".utf8).span)
        let answer = session.senderJudged(.acceptedWith(.normal))
        #expect(answer == .send(.priorityChanged(.normal)))
        guard case .judgeRecipient(_, let transaction) = session.lineReceived(Array("RCPT TO:<r@b.example>".utf8).span)
        else { return #expect(Bool(false)) }
        #expect(transaction.hasPlainTerms)
    }

    @Test func `a flood of parameters is answered once and costs no more than its line`() throws {
        var dialogue = Dialogue(try .sample { $0.offer = SMTPServiceOffer(Self.all) })
        _ = dialogue.say("EHLO c.example")
        let flood = String(repeating: " MT-PRIORITY=1", count: 140)
        #expect(dialogue.say("MAIL FROM:<a@c.example>" + flood) == "501 5.5.4")
        #expect(dialogue.say("MAIL FROM:<a@c.example>" + String(repeating: " X", count: 900)) == "555 5.5.4")
    }

    @Test func `whatever stands behind a parameter, the line is answered`() throws {
        let keywords = [
            "BY", "HOLDFOR", "HOLDUNTIL", "MT-PRIORITY", "REQUIRETLS", "MTRK", "SOLICIT", "ENVID", "RET", "SIZE",
            "BODY",
        ]
        let alphabet = Array("0123456789-+;:=,.TZNRabc@<> ".utf8)
        var generator = SplitMix64(seed: 7)
        for _ in 0..<4000 {
            var session = SMTPServerSession(
                configuration: try .sample { $0.offer = SMTPServiceOffer(Self.all) },
                isEncrypted: true
            )
            _ = session.lineReceived(Array("EHLO c.example".utf8).span)
            var line = Array("MAIL FROM:<a@c.example>".utf8)
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                line += " \(keywords.randomElement(using: &generator) ?? "BY")=".utf8
                for _ in 0..<Int.random(in: 0...24, using: &generator) {
                    line.append(alphabet.randomElement(using: &generator) ?? 0x30)
                }
            }
            let text = String(decoding: line, as: UTF8.self)
            switch session.lineReceived(line.span) {
            case .judgeSender: continue
            case .send(let reply): #expect([501, 552, 555].contains(reply.code), "\(text)")
            default: Issue.record("\(text)")
            }
        }
    }
}
