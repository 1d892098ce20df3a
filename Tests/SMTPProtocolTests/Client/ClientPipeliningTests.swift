import MailBytes
import Testing

@testable import SMTPProtocol

@Suite("Commands in groups and one by one, RFC 2920 section 3.1") struct ClientPipeliningTests {
    /// What a server answers in one transaction, by command.
    private struct Answers: CustomStringConvertible {
        var mail: Int
        var recipients: [Int]
        var data: Int
        var end: Int

        init(using random: inout SplitMix64) {
            let codes = [250, 250, 250, 251, 354, 450, 452, 550, 552, 554, 300]
            mail = codes[Int.random(in: 0..<codes.count, using: &random)]
            recipients = (0..<Int.random(in: 1...4, using: &random)).map { _ in
                codes[Int.random(in: 0..<codes.count, using: &random)]
            }
            data = [354, 354, 354, 451, 554, 250][Int.random(in: 0..<6, using: &random)]
            end = codes[Int.random(in: 0..<codes.count, using: &random)]
        }

        var description: String { "MAIL \(mail), RCPT \(recipients), DATA \(data), end \(end)" }

        /// Whether the recipient's message was taken: each of the four has to be as it should.
        func delivers(_ index: Int) -> Bool {
            mail / 100 == 2 && recipients[index] / 100 == 2 && data == 354 && end / 100 == 2
        }
    }

    /// Plays a transaction to its end; `nil` where it has none.
    private static func play(_ answers: Answers, _ dialogue: ClientDialogue) throws -> SMTPTransactionResult? {
        var action = dialogue.session.begin(try .sample(answers.recipients.count))
        var recipient = 0
        for _ in 0..<10 {
            var replies: [Int] = []
            switch action {
            case .send(let bytes, _):
                for command in String(decoding: bytes, as: UTF8.self).split(separator: "\r\n") {
                    switch command.prefix(4) {
                    case "MAIL": replies.append(answers.mail)
                    case "RCPT":
                        replies.append(answers.recipients[recipient])
                        recipient += 1
                    case "DATA": replies.append(answers.data)
                    case ".": replies.append(answers.end)
                    default: return nil
                    }
                }
            case .sendContent: replies = [answers.end]
            case .finished(let result): return result
            default: return nil
            }
            for reply in replies { action = dialogue.session.lineReceived(Array("\(reply) x".utf8).span) }
        }
        return nil
    }

    @Test func `a group has the outcomes of commands one by one, and none is a delivery that is none`() throws {
        var random = SplitMix64(seed: 0x2920)
        for round in 0..<4000 {
            let answers = Answers(using: &random)
            let grouped = try #require(
                try Self.play(answers, .ready("PIPELINING")),
                "seed 0x2920, round \(round): \(answers)"
            )
            let single = try #require(try Self.play(answers, .ready()), "seed 0x2920, round \(round): \(answers)")
            #expect(grouped == single, "seed 0x2920, round \(round): \(answers)")
            for (index, outcome) in single.outcomes.enumerated() {
                let isAccepted = if case .accepted = outcome { true } else { false }
                #expect(
                    isAccepted == answers.delivers(index),
                    "seed 0x2920, round \(round), recipient \(index): \(answers)"
                )
            }
        }
    }

    @Test func `nothing goes out before the whole group is answered`() throws {
        let dialogue = ClientDialogue.ready("PIPELINING")
        #expect(
            dialogue.begin(try .sample(2))
                == "MAIL FROM:<a@c.example>|RCPT TO:<r0@b.example>|RCPT TO:<r1@b.example>|DATA"
        )
        for reply in ["250-2.1.0 one", "250 2.1.0 two", "550 5.1.1 no", "250 2.1.5 ok"] {
            #expect(dialogue.hear(reply) == "wait")
        }
        #expect(dialogue.hear("354 go") == "content")
        #expect(dialogue.hear("250 2.0.0 ok") == "failed 550 5.1.1, accepted 250 2.0.0")
    }

    @Test func `DATA refused leaves a transaction that is reset before the next`() throws {
        let dialogue = ClientDialogue.ready("PIPELINING")
        _ = dialogue.begin(try .sample(2))
        #expect(
            dialogue.hear("250 ok", "250 ok", "250 ok", "451 4.3.0 later") == "deferred 451 4.3.0, deferred 451 4.3.0"
        )
        #expect(dialogue.begin(try .sample()) == "RSET|MAIL FROM:<a@c.example>|RCPT TO:<r0@b.example>|DATA")
        #expect(dialogue.hear("250 ok", "250 ok", "250 ok", "354 go") == "content")
        #expect(dialogue.hear("250 ok") == "accepted 250")
        #expect(dialogue.begin(try .sample()) == "MAIL FROM:<a@c.example>|RCPT TO:<r0@b.example>|DATA")
    }

    @Test func `RSET goes alone where there is no pipelining`() throws {
        let dialogue = ClientDialogue.ready()
        _ = dialogue.begin(try .sample())
        #expect(dialogue.hear("250 ok") == "RCPT TO:<r0@b.example>")
        #expect(dialogue.hear("550 5.1.1 no") == "failed 550 5.1.1")
        #expect(dialogue.begin(try .sample()) == "RSET")
        #expect(dialogue.hear("250 ok") == "MAIL FROM:<a@c.example>")
    }

    @Test func `recipients beyond what a server takes at once are for later`() throws {
        let dialogue = ClientDialogue.ready("PIPELINING")
        _ = dialogue.begin(try .sample(4))
        #expect(dialogue.hear("250 ok", "250 ok", "452 4.5.3 many", "552 many", "550 5.1.1 no", "354 go") == "content")
        #expect(dialogue.hear("250 ok") == "accepted 250, not tried, not tried, failed 550 5.1.1")
    }
}
