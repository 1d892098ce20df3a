import MailBytes
import Testing

@testable import SMTPProtocol

@Suite("A server that leaves or talks nonsense, RFC 5321 sections 3.8 and 4.2") struct ClientInterruptionTests {
    private static let farewell = "421 4.3.2 going down"

    private static let lost = "deferred 421 4.3.2"

    @Test(arguments: [
        ([], "\(lost), \(lost)"), (["250 ok"], "\(lost), \(lost)"),
        (["250 ok", "550 5.1.1 no"], "failed 550 5.1.1, \(lost)"),
        (["250 ok", "250 ok", "250 ok"], "\(lost), \(lost)"),
        (["250 ok", "250 ok", "452 4.5.3 many"], "\(lost), not tried"),
        (["250 ok", "250 ok", "550 5.1.1 no", "354 go"], "\(lost), failed 550 5.1.1"),
    ]) func `421 within a transaction defers whom nobody answered for, and ends the session`(
        _ said: [String],
        _ outcomes: String
    ) throws {
        for offered in ["PIPELINING", "HELP"] {
            let dialogue = ClientDialogue.ready(offered)
            _ = dialogue.begin(try .sample(2))
            for line in said { dialogue.hear(line) }
            #expect(dialogue.hear(Self.farewell) == outcomes, "\(offered)")
            #expect(!dialogue.mayBegin, "\(offered)")
        }
    }

    @Test func `421 to RSET defers the next transaction, and ends the session`() throws {
        for offered in ["PIPELINING", "HELP"] {
            let dialogue = ClientDialogue.ready(offered)
            _ = dialogue.begin(try .sample())
            dialogue.hear("250 ok", "550 5.1.1 no")
            if offered == "PIPELINING" { dialogue.hear("554 no") }
            #expect(dialogue.begin(try .sample()).hasPrefix("RSET"))
            #expect(dialogue.hear(Self.farewell) == Self.lost)
            #expect(!dialogue.mayBegin)
        }
    }

    @Test func `421 between transactions ends the session`() throws {
        let dialogue = ClientDialogue.ready("PIPELINING")
        #expect(dialogue.hear(Self.farewell) == "connectionLost: 421 4.3.2")
        #expect(!dialogue.mayBegin)
    }

    @Test func `QUIT is answered by whatever, and that is the end`() {
        for answer in ["221 bye", Self.farewell, "500 what"] {
            let dialogue = ClientDialogue.ready()
            #expect(dialogue.quit() == "QUIT")
            #expect(dialogue.hear(answer) == "close")
        }
    }

    @Test func `a connection that breaks defers who was accepted and keeps final refusals`() throws {
        let dialogue = ClientDialogue.ready("PIPELINING")
        _ = dialogue.begin(try .sample(3))
        dialogue.hear("250 ok", "550 5.1.1 no", "250 ok", "250 ok", "354 go")
        let action = dialogue.session.lost(.connection(.timedOut, "nothing came"))
        #expect(ClientDialogue.text(action) == "failed 550 5.1.1, deferred 421 4.4.2, deferred 421 4.4.2")
        #expect(!dialogue.mayBegin)
    }

    // MARK: Nonsense

    @Test(arguments: [
        "", "2", "25", "250x", "250_ok", "25O ok", " 250 ok", "199 no", "600 no", "000 no", "-50 no", "2500 ok",
        "\u{0}250 ok", "hello", "+OK",
    ]) func `a line that is no reply ends the session`(_ line: String) {
        for dialogue in [ClientDialogue(), .ready("PIPELINING")] {
            #expect(dialogue.hear(line) == "protocolError: 421 4.4.2", "\(line)")
        }
    }

    @Test func `the lines of a reply have one code, RFC 5321 section 4.2.1`() {
        let dialogue = ClientDialogue()
        #expect(dialogue.hear("220-mx.example", "250 mx.example") == "protocolError: 421 4.4.2")
    }

    @Test func `a reply without end ends the session`() {
        let dialogue = ClientDialogue()
        var action = "wait"
        var lines = 0
        while action == "wait" && lines < 1000 {
            action = dialogue.hear("220-more")
            lines += 1
        }
        #expect(action == "protocolError: 421 4.4.2")
        #expect(lines == 129)
    }

    @Test func `a reply of as many lines as are borne is one`() {
        let dialogue = ClientDialogue()
        for _ in 0..<127 { #expect(dialogue.hear("220-more") == "wait") }
        #expect(dialogue.hear("220 done") == "EHLO me.example")
    }

    @Test func `a reply without text is one, RFC 5321 section 4.2`() {
        let dialogue = ClientDialogue()
        #expect(dialogue.hear("220") == "EHLO me.example")
        #expect(dialogue.hear("250-", "250") == "ready")
    }

    @Test func `what a server may not say does not get into reports`() throws {
        let dialogue = ClientDialogue.ready("PIPELINING")
        _ = dialogue.begin(try .sample())
        dialogue.hear("250 ok", "550 5.1.1 no\u{0}\rX-Header: y\u{1B}[2J")
        let action = dialogue.session.lineReceived(Array("554 no".utf8).span)
        guard case .finished(let result) = action, case .failed(let reply) = result.outcomes[0] else {
            Issue.record("\(action)")
            return
        }
        #expect(reply.oneLine == "550 5.1.1 no??X-Header: y?[2J")
        #expect(reply.lines == ["no??X-Header: y?[2J"])
    }

    @Test func `a wrong status is no status, RFC 2034 section 4`() throws {
        for (answer, outcome) in [
            ("550 4.1.1 no", "failed 550"), ("550 5.1 no", "failed 550"), ("550 5.1.1000 no", "failed 550"),
            ("550 5.1.999 no", "failed 550 5.1.999"), ("450 5.1.1 no", "deferred 450"),
        ] {
            let dialogue = ClientDialogue.ready()
            _ = dialogue.begin(try .sample())
            dialogue.hear("250 ok")
            #expect(dialogue.hear(answer) == outcome)
        }
    }

    @Test func `a reply that nothing asked for ends the session`() throws {
        let dialogue = ClientDialogue.ready()
        #expect(dialogue.hear("250 ok") == "connectionLost: 250")
    }
}
