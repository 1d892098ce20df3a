import MailBytes
import MailNames
import Testing

@testable import SMTPProtocol

@Suite("The server's session, RFC 5321 sections 3 and 4") struct ServerSessionTests {
    @Test func `the typical transaction of RFC 5321 appendix D.1 goes through`() throws {
        var dialogue = Dialogue(try .sample())
        var answers: [String] = []
        for line in [
            "EHLO bar.com", "MAIL FROM:<Smith@bar.com>", "RCPT TO:<Jones@foo.com>", "RCPT TO:<nobody@foo.com>",
            "RCPT TO:<Brown@foo.com>", "DATA", "Blah blah blah...\r\n...etc. etc. etc.\r\n.", "QUIT",
        ] { answers.append(dialogue.say(line)) }
        #expect(
            answers == [
                "250", "250 2.1.0", "250 2.1.5", "550 5.1.1", "250 2.1.5", "354", "250 2.0.0", "221 2.0.0",
            ]
        )
        let (transaction, content) = try #require(dialogue.stored.first.map { $0 })
        #expect(transaction.recipients.map { "\($0.address)" } == ["Jones@foo.com", "Brown@foo.com"])
        #expect(String(decoding: content, as: UTF8.self) == "Blah blah blah...\r\n..etc. etc. etc.\r\n")
        let isClosed = dialogue.isClosed
        #expect(isClosed)
    }

    @Test(arguments: [
        ("MAIL FROM:<a@b.c>", "503 5.5.1"), ("RCPT TO:<a@b.c>", "503 5.5.1"), ("DATA", "503 5.5.1"),
        ("BDAT 0 LAST", "503 5.5.1"), ("RSET", "250 2.0.0"), ("NOOP x", "250 2.0.0"), ("VRFY a", "252 2.5.2"),
        ("EXPN a", "252 2.5.2"), ("HELP", "214 2.0.0"), ("AUTH PLAIN", "502 5.5.1"), ("QUIT", "221 2.0.0"),
        ("FOO", "500 5.5.2"), ("", "500 5.5.2"), ("TURN", "502 5.5.1"), ("EHLO", "501 5.5.4"),
        ("EHLO a b", "501 5.5.4"), ("HELO x(y)", "501 5.5.4"), ("EHLO \u{E9}.example", "501 5.5.4"),
        ("EHLO [192.0.2.1]", "250"), ("ehlo [IPv6:2001:db8::1]", "250"), ("QUIT now", "501 5.5.4"),
        ("NOOP \u{0}", "500 5.5.2"),
    ]) func `before EHLO`(_ line: String, _ answer: String) throws {
        var dialogue = Dialogue(try .sample())
        let heard = dialogue.say(line)
        #expect(heard == answer, "\(line)")
    }

    @Test(arguments: [
        ("MAIL FROM:<>", "250 2.1.0"), ("mail from:<a@b.example>", "250 2.1.0"),
        ("MAIL FROM:<\"a b\\\">\"@b.example>", "250 2.1.0"), ("MAIL FROM:<a@[192.0.2.1]>", "250 2.1.0"),
        ("MAIL FROM:<@x.example,@y.example:a@b.example>", "250 2.1.0"),
        ("MAIL FROM:<a@b.example> SIZE=1000 BODY=8BITMIME", "250 2.1.0"),
        ("MAIL FROM:<a@b.example> SIZE=99999999999999999999", "552 5.3.4"),
        ("MAIL FROM:<a@b.example> SIZE=1x", "501 5.5.4"), ("MAIL FROM:<a@b.example> SIZE", "501 5.5.4"),
        ("MAIL FROM:<a@b.example> SIZE=1 SIZE=1", "501 5.5.4"), ("MAIL FROM:<a@b.example> FOO=1", "555 5.5.4"),
        ("MAIL FROM:<a@b.example> BODY=9BIT", "501 5.5.4"), ("MAIL FROM:<a@b.example>SIZE=1", "501 5.1.7"),
        ("MAIL FROM:<a@b.example", "501 5.1.7"), ("MAIL FROM:a@b.example", "501 5.1.7"),
        ("MAIL", "501 5.1.7"), ("MAIL FROM:<\u{FC}@b.example>", "553 5.6.7"),
        ("MAIL FROM:<\u{FC}@b.example> SMTPUTF8", "250 2.1.0"), ("MAIL FROM:<a@b.example> SMTPUTF8=1", "501 5.5.4"),
        ("MAIL FROM:<a@b.example> RET=HDRS ENVID=QQ314159+2Bx", "250 2.1.0"),
        ("MAIL FROM:<a@b.example> RET=SOME", "501 5.5.4"), ("MAIL FROM:<a@b.example> ENVID=a+0D+0Ab", "501 5.5.4"),
        ("MAIL FROM:<bad@b.example>", "550 5.1.8"), ("MAIL FROM:<later@b.example>", "451 4.7.1"),
        ("RCPT TO:<a@b.example>", "503 5.5.1"), ("DATA", "503 5.5.1"),
    ]) func `MAIL and its parameters`(_ line: String, _ answer: String) throws {
        var dialogue = Dialogue(try .sample())
        _ = dialogue.say("EHLO client.example")
        let heard = dialogue.say(line)
        #expect(heard == answer, "\(line)")
    }

    @Test(arguments: [
        ("RCPT TO:<Postmaster>", "250 2.1.5"), ("RCPT TO:<@hop.example:joe@b.example>", "250 2.1.5"),
        ("RCPT TO:<>", "501 5.1.3"), ("RCPT TO:<joe>", "501 5.1.3"),
        ("RCPT TO:<joe@b.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Joe+2B@b.example", "250 2.1.5"),
        ("RCPT TO:<joe@b.example> NOTIFY=NEVER,DELAY", "501 5.5.4"),
        ("RCPT TO:<joe@b.example> NOTIFY=NEVER NOTIFY=NEVER", "501 5.5.4"),
        ("RCPT TO:<joe@b.example> ORCPT=joe", "501 5.5.4"),
        ("RCPT TO:<joe@b.example> ORCPT=rfc822;a+0Ab", "501 5.5.4"),
        ("RCPT TO:<joe@b.example> ORCPT=utf-8;\\x{FC}@b.example", "250 2.1.5"),
        ("RCPT TO:<joe@b.example> ORCPT=utf-8;\\x{D800}@b.example", "501 5.5.4"),
        ("RCPT TO:<joe@b.example> SIZE=1", "555 5.5.4"), ("RCPT TO:<\u{FC}@b.example>", "553 5.6.7"),
        ("MAIL FROM:<a@b.example>", "503 5.5.1"), ("STARTTLS", "503 5.5.1"), ("DATA", "554 5.5.1"),
        ("DATA x", "501 5.5.4"), ("VRFY joe", "252 2.5.2"), ("EHLO again.example", "250"), ("RSET", "250 2.0.0"),
    ]) func `within a transaction`(_ line: String, _ answer: String) throws {
        var dialogue = Dialogue(try .sample())
        _ = dialogue.say("EHLO client.example")
        _ = dialogue.say("MAIL FROM:<a@b.example>")
        let heard = dialogue.say(line)
        #expect(heard == answer, "\(line)")
    }

    @Test func `a peer that says HELO has no parameters, and sends mail nonetheless`() throws {
        var dialogue = Dialogue(try .sample())
        _ = dialogue.say("HELO old.example")
        let parameter = dialogue.say("MAIL FROM:<a@b.example> SIZE=1")
        #expect(parameter == "555 5.5.4")
        let mail = dialogue.say("MAIL FROM:<a@b.example>")
        #expect(mail == "250 2.1.0")
    }

    @Test func `RSET and EHLO end a transaction`() throws {
        for command in ["RSET", "EHLO again.example", "HELO again.example"] {
            var dialogue = Dialogue(try .sample())
            _ = dialogue.say("EHLO client.example")
            _ = dialogue.say("MAIL FROM:<a@b.example>")
            _ = dialogue.say(command)
            let recipient = dialogue.say("RCPT TO:<joe@b.example>")
            #expect(recipient == "503 5.5.1", "\(command)")
        }
    }

    @Test func `one recipient more than the limit is answered 452 and the others stay`() throws {
        var dialogue = Dialogue(try .sample { $0.limits.recipientsPerTransaction = 2 })
        _ = dialogue.say("EHLO client.example")
        _ = dialogue.say("MAIL FROM:<a@b.example>")
        for index in 0..<2 { _ = dialogue.say("RCPT TO:<r\(index)@b.example>") }
        let third = dialogue.say("RCPT TO:<r2@b.example>")
        #expect(third == "452 4.5.3")
        _ = dialogue.say("DATA")
        let end = dialogue.say(".")
        #expect(end == "250 2.0.0")
    }

    @Test func `the list of recipients is not copied for each of them`() throws {
        var session = SMTPServerSession(configuration: try .sample())
        _ = session.lineReceived(Array("EHLO client.example".utf8).span)
        _ = session.lineReceived(Array("MAIL FROM:<>".utf8).span)
        _ = session.senderJudged(.accepted)
        var places: [UInt] = []
        for number in 0..<1000 {
            let line = Array("RCPT TO:<r\(number)@b.example>".utf8)
            if case .judgeRecipient(_, let transaction) = session.lineReceived(line.span) {
                places.append(transaction.recipients.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) })
            }
            _ = session.recipientJudged(.accepted)
        }
        #expect(places.count == 1000)
        let moves = zip(places, places.dropFirst()).filter { $0.0 != $0.1 }.count
        #expect(moves <= 16, "\(moves)")
    }

    @Test func `a message beyond SIZE is swallowed and refused, and the session goes on`() throws {
        var dialogue = Dialogue(try .sample { $0.limits.messageSize = .init(bytes: 10) })
        _ = dialogue.say("EHLO client.example")
        _ = dialogue.say("MAIL FROM:<a@b.example>")
        _ = dialogue.say("RCPT TO:<joe@b.example>")
        _ = dialogue.say("DATA")
        let end = dialogue.say("0123456789\r\nQUIT\r\n.")
        #expect(end == "552 5.3.4")
        let next = dialogue.say("MAIL FROM:<a@b.example>")
        #expect(next == "250 2.1.0")
        let count = dialogue.stored.count
        #expect(count == 0)
    }

    @Test func `wrong commands end the connection with 421`() throws {
        var dialogue = Dialogue(try .sample { $0.limits.badCommands = 2 })
        let answers = dialogue.say("A\r\nB\r\nC\r\nD")
        #expect(answers == "500 5.5.2, 500 5.5.2, 421 4.7.0")
        let isClosed = dialogue.isClosed
        #expect(isClosed)
    }

    @Test func `a submission needs a log-in, and a log-in needs TLS`() throws {
        var dialogue = Dialogue(try .sample(.submission))
        _ = dialogue.say("EHLO client.example")
        let answers = dialogue.say("MAIL FROM:<a@b.example>\r\nVRFY a\r\nAUTH PLAIN AGpvZQBzZWNyZXQ=\r\nSTARTTLS")
        #expect(answers == "530 5.7.0, 530 5.7.0, 538 5.7.11, 220 2.0.0")
        let forgotten = dialogue.say("AUTH PLAIN AGpvZQBzZWNyZXQ=")
        #expect(forgotten == "503 5.5.1")
        _ = dialogue.say("EHLO client.example")
        let exchange = dialogue.say(
            "AUTH FOO\r\nAUTH PLAIN\r\n*\r\nAUTH PLAIN !\r\nAUTH PLAIN AGpvZQB3cm9uZw==\r\nAUTH PLAIN\r\nAGpvZQBzZWNyZXQ=\r\nAUTH PLAIN"
        )
        #expect(
            exchange == "504 5.5.4, 334, 501 5.7.0, 501 5.5.2, 535 5.7.8, 334, 235 2.7.0, 503 5.5.1"
        )
        let mail = dialogue.say("MAIL FROM:<a@b.example>\r\nRCPT TO:<joe@b.example>")
        #expect(mail == "250 2.1.0, 250 2.1.5")
    }

    @Test func `a session whose TLS cannot be had goes on where it was, RFC 3207 section 4`() throws {
        for hello in [nil, "EHLO client.example"] {
            var session = SMTPServerSession(configuration: try .sample())
            if let hello { _ = session.lineReceived(Array(hello.utf8).span) }
            let start = session.lineReceived(Array("STARTTLS".utf8).span)
            #expect(start == .startTLS(.startTLS))
            // The channel had no certificate, and said 454.
            let action = session.lineReceived(Array("MAIL FROM:<>".utf8).span)
            let isJudged = if case .judgeSender = action { true } else { false }
            #expect(isJudged == (hello != nil), "\(action)")
            let isRefused = action == .send(.helloFirst)
            #expect(isRefused == (hello == nil), "\(action)")
        }
    }
}
