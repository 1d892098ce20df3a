import MailBytes
import MailNames
import Testing

@testable import SMTPProtocol

@Suite("What a next hop can take, RFC 1870, 3030, 3461, 6152 and 6531") struct ClientContentTests {
    @Test func `eight-bit content goes as 8BITMIME or not at all, RFC 6152 section 3`() throws {
        let eightBit = try SMTPDelivery.sample {
            $0.bodyType = .eightBitMIME
            $0.hasEightBitContent = true
        }
        let able = ClientDialogue.ready("8BITMIME")
        #expect(able.begin(eightBit) == "MAIL FROM:<a@c.example> BODY=8BITMIME")
        let unable = ClientDialogue.ready("SIZE")
        #expect(unable.begin(eightBit) == "failed 554 5.6.3")
        // The connection is as good as before.
        #expect(unable.mayBegin)
        #expect(unable.begin(try .sample()) == "MAIL FROM:<a@c.example> SIZE=10")
    }

    @Test func `content declared 8BITMIME that has no such octet goes to everybody`() throws {
        let declared = try SMTPDelivery.sample { $0.bodyType = .eightBitMIME }
        #expect(ClientDialogue.ready().begin(declared) == "MAIL FROM:<a@c.example>")
        #expect(ClientDialogue.ready("8BITMIME").begin(declared) == "MAIL FROM:<a@c.example> BODY=8BITMIME")
    }

    @Test func `octets that nobody declared go as they came`() throws {
        let undeclared = try SMTPDelivery.sample { $0.hasEightBitContent = true }
        #expect(ClientDialogue.ready().begin(undeclared) == "MAIL FROM:<a@c.example>")
    }

    @Test(arguments: [["CHUNKING"], ["BINARYMIME"], ["8BITMIME"], []])
    func `BINARYMIME needs BINARYMIME and CHUNKING, RFC 3030 section 3`(_ offered: [String]) throws {
        let dialogue = ClientDialogue()
        dialogue.hear("220 mx.example")
        for line in ["250-mx.example"] + offered.map({ "250-" + $0 }) + ["250 HELP"] { dialogue.hear(line) }
        #expect(dialogue.begin(try .sample(2) { $0.bodyType = .binaryMIME }) == "failed 554 5.6.3, failed 554 5.6.3")
    }

    @Test func `BINARYMIME goes in one chunk, after the replies to the envelope`() throws {
        let pipelined = ClientDialogue.ready("PIPELINING", "BINARYMIME", "CHUNKING")
        let binary = try SMTPDelivery.sample(2) { $0.bodyType = .binaryMIME }
        #expect(
            pipelined.begin(binary)
                == "MAIL FROM:<a@c.example> BODY=BINARYMIME|RCPT TO:<r0@b.example>|RCPT TO:<r1@b.example>"
        )
        #expect(pipelined.hear("250 ok", "550 5.1.1 no") == "wait")
        #expect(pipelined.hear("250 ok") == "chunk BDAT 10 LAST")
        #expect(pipelined.hear("250 2.0.0 ok") == "failed 550 5.1.1, accepted 250 2.0.0")

        let single = ClientDialogue.ready("BINARYMIME", "CHUNKING")
        #expect(single.begin(try .sample { $0.bodyType = .binaryMIME }) == "MAIL FROM:<a@c.example> BODY=BINARYMIME")
        #expect(single.hear("250 ok") == "RCPT TO:<r0@b.example>")
        #expect(single.hear("250 ok") == "chunk BDAT 10 LAST")
        #expect(single.hear("554 5.6.0 no") == "failed 554 5.6.0")
    }

    @Test func `no chunk goes out where no recipient was taken`() throws {
        let dialogue = ClientDialogue.ready("PIPELINING", "BINARYMIME", "CHUNKING")
        _ = dialogue.begin(try .sample { $0.bodyType = .binaryMIME })
        #expect(dialogue.hear("250 ok", "450 4.2.1 later") == "deferred 450 4.2.1")
        #expect(dialogue.begin(try .sample()) == "RSET|MAIL FROM:<a@c.example>|RCPT TO:<r0@b.example>|DATA")
    }

    @Test func `a declared size is compared before anything is sent, RFC 1870 section 5`() throws {
        let dialogue = ClientDialogue.ready("SIZE 9")
        #expect(dialogue.begin(try .sample(2)) == "failed 552 5.3.4, failed 552 5.3.4")
        #expect(dialogue.begin(try .sample { $0.size = 9 }) == "MAIL FROM:<a@c.example> SIZE=9")
        for unlimited in ["SIZE", "SIZE 0", "size 18446744073709551616"] {
            let dialogue = ClientDialogue.ready(unlimited)
            #expect(
                dialogue.begin(try .sample { $0.size = .max }) == "MAIL FROM:<a@c.example> SIZE=\(Int.max)",
                "\(unlimited)"
            )
        }
        #expect(ClientDialogue.ready().begin(try .sample()) == "MAIL FROM:<a@c.example>")
    }

    @Test func `what needs SMTPUTF8 fails with 5.6.7 where it is not offered, RFC 6531 section 3.5`() throws {
        let unicode = try EmailAddress(parsing: "j\u{FC}rgen@b.example")
        let needy: [(String, (inout SMTPDelivery) -> Void)] = [
            ("a header field", { $0.isInternationalized = true }),
            ("the sender", { $0.reversePath = .address(unicode) }),
            ("a recipient", { $0.recipients.append(EnvelopeRecipient(address: unicode)) }),
        ]
        for (what, change) in needy {
            let delivery = try SMTPDelivery.sample(change: change)
            let refused = delivery.recipients.map { _ in "failed 553 5.6.7" }.joined(separator: ", ")
            #expect(ClientDialogue.ready("8BITMIME").begin(delivery) == refused, "\(what)")
            let mail = ClientDialogue.ready("SMTPUTF8").begin(delivery)
            #expect(mail.hasPrefix("MAIL FROM:<") && mail.hasSuffix("> SMTPUTF8"), "\(what)")
        }
        #expect(ClientDialogue.ready("SMTPUTF8").begin(try .sample()) == "MAIL FROM:<a@c.example>")
    }

    @Test func `the parameters of RFC 3461 go only to a server that offers DSN`() throws {
        let delivery = try SMTPDelivery.sample(3) {
            $0.returnContent = .headers
            $0.envelopeID = "QQ 314+159"
            $0.recipients[0].notify = [.success, .delay]
            $0.recipients[0].originalRecipient = OriginalRecipient(addressType: "rfc822", address: "Joe+x@b.example")
            $0.recipients[1].notify = .never
            $0.recipients[2].originalRecipient = OriginalRecipient(addressType: "utf-8", address: "\u{FC}@b.example")
        }
        let able = ClientDialogue.ready("PIPELINING", "DSN")
        let commands = [
            "MAIL FROM:<a@c.example> RET=HDRS ENVID=QQ+20314+2B159",
            "RCPT TO:<r0@b.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Joe+2Bx@b.example",
            "RCPT TO:<r1@b.example> NOTIFY=NEVER",
            "RCPT TO:<r2@b.example> ORCPT=utf-8;\\x{FC}@b.example", "DATA",
        ]
        #expect(able.begin(delivery) == commands.joined(separator: "|"))
        let unable = ClientDialogue.ready("PIPELINING")
        #expect(
            unable.begin(delivery)
                == "MAIL FROM:<a@c.example>|RCPT TO:<r0@b.example>|RCPT TO:<r1@b.example>|RCPT TO:<r2@b.example>|DATA"
        )
        for (dialogue, passes) in [(able, true), (unable, false)] {
            dialogue.hear("250 ok", "250 ok", "250 ok", "250 ok", "354 go")
            let end = dialogue.session.lineReceived(Array("250 ok".utf8).span)
            let passed: Bool? = if case .finished(let result) = end { result.passedNotifications } else { nil }
            #expect(passed == passes)
        }
    }

    @Test(arguments: [
        ("452 4.5.3 Too many messages sent", "not tried"), ("450 4.5.3 enough", "not tried"),
        ("452 no room", "deferred 452"),
        ("452 4.3.1 no room", "deferred 452 4.3.1"), ("450 4.7.1 slowly", "deferred 450 4.7.1"),
        ("550 no", "failed 550"),
    ])
    func `who has taken as many messages on a connection as it wants gets the next on another`(
        reply: String,
        outcome: String
    ) throws {
        for offer in ["PIPELINING", "HELP"] {
            let isPipelined = offer == "PIPELINING"
            func refused(_ dialogue: ClientDialogue) throws -> String {
                _ = dialogue.begin(try .sample())
                return isPipelined ? dialogue.hear(reply, "503 no", "503 no") : dialogue.hear(reply)
            }
            // Said to the first it is about this message, whatever the words.
            let first = ClientDialogue.ready(offer)
            #expect(try refused(first).hasPrefix(outcome == "not tried" ? "deferred 45" : outcome))
            #expect(first.mayBegin)
            let dialogue = ClientDialogue.ready(offer)
            _ = dialogue.begin(try .sample())
            dialogue.hear("250 ok", "250 ok", "354 go", "250 ok")
            #expect(try refused(dialogue) == outcome)
            #expect(dialogue.mayBegin == (outcome != "not tried"))
        }
    }

    @Test func `LIMITS bounds recipients and transactions, RFC 9422 section 4`() throws {
        let dialogue = ClientDialogue.ready("PIPELINING", "LIMITS RCPTMAX=2 MAILMAX=1 RCPTDOMAINMAX=5 FUTURE=x")
        #expect(
            dialogue.begin(try .sample(3))
                == "MAIL FROM:<a@c.example>|RCPT TO:<r0@b.example>|RCPT TO:<r1@b.example>|DATA"
        )
        #expect(
            dialogue.hear("250 ok", "250 ok", "250 ok", "354 go", "250 ok") == "accepted 250, accepted 250, not tried"
        )
        #expect(!dialogue.mayBegin)
    }
}
