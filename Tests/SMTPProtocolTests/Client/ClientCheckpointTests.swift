import MailBytes
import MailNames
import Testing

@testable import SMTPProtocol

@Suite("Transactions that a client resumes, RFC 1845 section 3") struct ClientCheckpointTests {
    private static func delivery(_ recipients: Int = 1, _ bodyType: BodyType = .sevenBit) throws -> SMTPDelivery {
        try .sample(recipients) {
            $0.transactionID = TransactionIdentifier(local: "1", domain: "c.example")
            $0.bodyType = bodyType
        }
    }

    private static let mail = "MAIL FROM:<a@c.example> TRANSID=<1@c.example>"

    @Test func `a server without it is not told`() throws {
        let dialogue = ClientDialogue.ready("PIPELINING")
        #expect(dialogue.begin(try Self.delivery()) == "MAIL FROM:<a@c.example>|RCPT TO:<r0@b.example>|DATA")
    }

    @Test func `a delivery without a name is one as any other`() throws {
        let dialogue = ClientDialogue.ready("PIPELINING", "CHECKPOINT")
        #expect(dialogue.begin(try .sample()) == "MAIL FROM:<a@c.example>|RCPT TO:<r0@b.example>|DATA")
    }

    @Test func `a new transaction goes on with its recipients when MAIL is answered`() throws {
        let dialogue = ClientDialogue.ready("PIPELINING", "CHECKPOINT")
        #expect(dialogue.begin(try Self.delivery(2)) == Self.mail)
        #expect(dialogue.hear("250 ok") == "RCPT TO:<r0@b.example>|RCPT TO:<r1@b.example>")
        #expect(dialogue.hear("250 ok", "250 ok") == "DATA")
        #expect(dialogue.hear("354 go") == "content")
        #expect(dialogue.hear("250 2.0.0 ok") == "accepted 250 2.0.0, accepted 250 2.0.0")
    }

    @Test func `without pipelining it is the same, one by one`() throws {
        let dialogue = ClientDialogue.ready("CHECKPOINT")
        #expect(dialogue.begin(try Self.delivery(2)) == Self.mail)
        #expect(dialogue.hear("250 ok") == "RCPT TO:<r0@b.example>")
        #expect(dialogue.hear("250 ok") == "RCPT TO:<r1@b.example>")
        #expect(dialogue.hear("250 ok") == "DATA")
    }

    @Test(arguments: ["PIPELINING", "HELP"])
    func `one that broke off goes on behind what the server has, as in section 5`(other: String) throws {
        let dialogue = ClientDialogue.ready(other, "CHECKPOINT")
        #expect(dialogue.begin(try Self.delivery(2)) == Self.mail)
        #expect(dialogue.hear("355 6135 is the transaction offset") == "locate 6135")
        #expect(ClientDialogue.text(dialogue.session.located(true)) == "DATA")
        #expect(dialogue.hear("354 go on") == "content")
        #expect(dialogue.hear("250 2.0.0 ok") == "accepted 250 2.0.0, accepted 250 2.0.0")
        #expect(dialogue.mayBegin)
    }

    @Test func `what is left of binary content goes as one chunk`() throws {
        let dialogue = ClientDialogue.ready("PIPELINING", "CHECKPOINT", "CHUNKING", "BINARYMIME")
        _ = dialogue.begin(try Self.delivery(1, .binaryMIME))
        #expect(dialogue.hear("355 4") == "locate 4 of octets")
        #expect(ClientDialogue.text(dialogue.session.located(true)) == "chunk BDAT 6 LAST")
        #expect(dialogue.hear("250 2.0.0 ok") == "accepted 250 2.0.0")
    }

    /// The transaction is begun once more without its name.
    private static func beginsAnew(_ dialogue: ClientDialogue) {
        #expect(dialogue.hear("250 ok") == "MAIL FROM:<a@c.example>")
        #expect(dialogue.hear("250 ok") == "RCPT TO:<r0@b.example>")
        #expect(dialogue.hear("250 ok") == "DATA")
        #expect(dialogue.hear("354 go") == "content")
        #expect(dialogue.hear("250 2.0.0 ok") == "accepted 250 2.0.0")
        #expect(dialogue.mayBegin)
    }

    @Test func `where the octet is not there, the message goes from its beginning and without a name`() throws {
        let dialogue = ClientDialogue.ready("PIPELINING", "CHECKPOINT")
        _ = dialogue.begin(try Self.delivery())
        #expect(dialogue.hear("355 999 go") == "locate 999")
        #expect(ClientDialogue.text(dialogue.session.located(false)) == "RSET")
        Self.beginsAnew(dialogue)
    }

    @Test func `binary content that does not go on goes as a whole`() throws {
        let dialogue = ClientDialogue.ready("PIPELINING", "CHECKPOINT", "CHUNKING", "BINARYMIME")
        _ = dialogue.begin(try Self.delivery(1, .binaryMIME))
        dialogue.hear("355 99")
        _ = dialogue.session.located(false)
        dialogue.hear("250 ok")
        dialogue.hear("250 ok")
        #expect(dialogue.hear("250 ok") == "chunk BDAT 10 LAST")
    }

    @Test(arguments: ["355 go", "355", "355 -1 x", "355 1x", "355 9999999999999999999 x"])
    func `355 without an offset is one as if the name had not been said`(reply: String) throws {
        let dialogue = ClientDialogue.ready("PIPELINING", "CHECKPOINT")
        _ = dialogue.begin(try Self.delivery())
        #expect(dialogue.hear(reply) == "RSET")
        Self.beginsAnew(dialogue)
    }

    @Test func `MAIL said once more counts for LIMITS, and where it could not be there is no name`() throws {
        let dialogue = ClientDialogue.ready("PIPELINING", "CHECKPOINT", "LIMITS MAILMAX=3")
        _ = dialogue.begin(try Self.delivery())
        #expect(dialogue.hear("355 go") == "RSET")
        Self.beginsAnew(dialogue)
        #expect(dialogue.begin(try Self.delivery()) == "MAIL FROM:<a@c.example>|RCPT TO:<r0@b.example>|DATA")
    }

    @Test func `355 that nothing asked for takes nothing`() throws {
        let dialogue = ClientDialogue.ready("CHECKPOINT")
        _ = dialogue.begin(try .sample())
        #expect(dialogue.hear("355 7 go").hasPrefix("deferred"))
    }

    @Test(arguments: [("550 5.1.1 no", "failed 550 5.1.1"), ("451 4.7.1 later", "deferred 451 4.7.1")])
    func `when a recipient is not taken the others go in a transaction without a name`(
        reply: String,
        outcome: String
    ) throws {
        for pipelining in [true, false] {
            let dialogue = ClientDialogue.ready(pipelining ? "PIPELINING" : "HELP", "CHECKPOINT")
            _ = dialogue.begin(try Self.delivery(2))
            dialogue.hear("250 ok")
            #expect(dialogue.hear("250 ok", reply) == "RSET")
            #expect(dialogue.hear("250 ok") == "MAIL FROM:<a@c.example>")
            #expect(dialogue.hear("250 ok") == "RCPT TO:<r0@b.example>")
            #expect(dialogue.hear("250 ok") == "DATA")
            #expect(dialogue.hear("354 go") == "content")
            #expect(dialogue.hear("250 2.0.0 ok") == "accepted 250 2.0.0, \(outcome)")
            #expect(dialogue.mayBegin)
        }
    }

    @Test func `when none is taken there is nothing to begin anew`() throws {
        let dialogue = ClientDialogue.ready("PIPELINING", "CHECKPOINT")
        _ = dialogue.begin(try Self.delivery(2))
        dialogue.hear("250 ok")
        #expect(dialogue.hear("550 5.1.1 no", "550 5.1.1 no") == "failed 550 5.1.1, failed 550 5.1.1")
    }

    @Test(arguments: [("450 4.5.0 in use", "deferred 450 4.5.0"), ("555 5.5.4 what", "failed 555 5.5.4")])
    func `a refusal of MAIL is one of the recipients`(reply: String, outcome: String) throws {
        let dialogue = ClientDialogue.ready("PIPELINING", "CHECKPOINT")
        _ = dialogue.begin(try Self.delivery())
        #expect(dialogue.hear(reply) == outcome)
    }

    @Test func `a refusal of what is left is one of the message`() throws {
        let dialogue = ClientDialogue.ready("PIPELINING", "CHECKPOINT")
        _ = dialogue.begin(try Self.delivery())
        dialogue.hear("355 7 go")
        _ = dialogue.session.located(true)
        #expect(dialogue.hear("451 4.3.0 no") == "deferred 451 4.3.0")
    }

    @Test func `when the connection is lost again the transaction is deferred`() throws {
        let dialogue = ClientDialogue.ready("PIPELINING", "CHECKPOINT")
        _ = dialogue.begin(try Self.delivery(2))
        dialogue.hear("355 7 go")
        let action = dialogue.session.lost(.connection(.connectionLost, "lost"))
        #expect(ClientDialogue.text(action) == "deferred 421 4.4.2, deferred 421 4.4.2")
    }

    @Test func `where LIMITS leaves no place for all of them it has no name`() throws {
        let dialogue = ClientDialogue.ready("PIPELINING", "CHECKPOINT", "LIMITS RCPTMAX=1")
        #expect(dialogue.begin(try Self.delivery(2)) == "MAIL FROM:<a@c.example>|RCPT TO:<r0@b.example>|DATA")
    }
}
