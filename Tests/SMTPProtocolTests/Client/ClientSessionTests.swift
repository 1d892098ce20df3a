import MailBytes
import MailNames
import Testing

@testable import SMTPProtocol

@Suite("The client's session, RFC 5321 section 3 and RFC 2920") struct ClientSessionTests {
    private static func delivery(_ recipients: Int, size: Int = 10) throws -> SMTPDelivery {
        SMTPDelivery(
            reversePath: .null,
            recipients: try (0..<recipients).map {
                EnvelopeRecipient(
                    address: try EmailAddress(parsing: "r\($0)@b.example"),
                    notify: nil,
                    originalRecipient: nil
                )
            },
            size: size
        )
    }

    /// Hands in a reply's lines; answers with the last action.
    private static func hear(_ session: inout SMTPClientSession, _ lines: String...) -> SMTPClientSession.Action {
        var action = SMTPClientSession.Action.wait
        for line in lines { action = session.lineReceived(Array(line.utf8).span) }
        return action
    }

    private static func session(_ offered: String...) -> SMTPClientSession {
        var session = SMTPClientSession(configuration: .init(hostName: "me.example", tls: .off))
        _ = hear(&session, "220 mx.example ESMTP")
        for line in ["250-mx.example"] + offered.map({ "250-" + $0 }) + ["250 HELP"] { _ = hear(&session, line) }
        return session
    }

    private static func text(_ action: SMTPClientSession.Action) -> String {
        if case .send(let bytes, _) = action { String(decoding: bytes, as: UTF8.self) } else { "\(action)" }
    }

    private static func outcomes(_ action: SMTPClientSession.Action) -> String {
        guard case .finished(let result) = action else { return "\(action)" }
        return result.outcomes.map { outcome in
            switch outcome {
            case .accepted(let reply): "accepted \(reply.code)"
            case .deferred(let reply): "deferred \(reply.code)"
            case .failed(let reply): "failed \(reply.code)"
            case .notTried: "not tried"
            }
        }.joined(separator: ", ")
    }

    @Test func `a server that does not know EHLO is asked with HELO, and gets one command at a time`() throws {
        var session = SMTPClientSession(configuration: .init(hostName: "me.example", tls: .opportunistic))
        let ehlo = Self.hear(&session, "220 old")
        #expect(Self.text(ehlo) == "EHLO me.example\r\n")
        let helo = Self.hear(&session, "502 what")
        #expect(Self.text(helo) == "HELO me.example\r\n")
        let ready = Self.hear(&session, "250 hello")
        #expect(ready == .ready)
        let mail = session.begin(try Self.delivery(1))
        #expect(Self.text(mail) == "MAIL FROM:<>\r\n")
        let recipient = Self.hear(&session, "250 ok")
        #expect(Self.text(recipient) == "RCPT TO:<r0@b.example>\r\n")
        let data = Self.hear(&session, "251 forwarded")
        #expect(Self.text(data) == "DATA\r\n")
        let content = Self.hear(&session, "354 go")
        #expect(content == .sendContent)
        let end = Self.hear(&session, "250 ok")
        #expect(Self.outcomes(end) == "accepted 250")
    }

    @Test func `a pipelined group has an outcome for each recipient`() throws {
        var session = Self.session("PIPELINING", "SIZE 1000")
        let group = session.begin(try Self.delivery(4))
        #expect(Self.text(group).hasPrefix("MAIL FROM:<> SIZE=10\r\nRCPT TO:<r0@b.example>\r\n"))
        #expect(Self.text(group).hasSuffix("DATA\r\n"))
        let content = Self.hear(&session, "250 ok", "250 ok", "550 5.1.1 no", "452 4.5.3 many", "451 later", "354 go")
        #expect(content == .sendContent)
        let end = Self.hear(&session, "250 2.0.0 ok")
        #expect(Self.outcomes(end) == "accepted 250, failed 550, not tried, deferred 451")
    }

    @Test func `354 without a recipient is answered by a lone dot`() throws {
        var session = Self.session("PIPELINING")
        _ = session.begin(try Self.delivery(1))
        let dot = Self.hear(&session, "250 ok", "550 no", "354 go")
        #expect(Self.text(dot) == ".\r\n")
        let end = Self.hear(&session, "554 nobody")
        #expect(Self.outcomes(end) == "failed 550")
    }

    @Test func `only 2yz after the content means that somebody took responsibility`() throws {
        for (answer, outcome) in [
            ("354 go", "deferred 451"), ("552 5.3.4 big", "failed 552"), ("451 x", "deferred 451"),
        ] {
            var session = Self.session("PIPELINING")
            _ = session.begin(try Self.delivery(1))
            _ = Self.hear(&session, "250 ok", "250 ok", "354 go")
            let end = Self.hear(&session, answer)
            #expect(Self.outcomes(end) == outcome, "\(answer)")
        }
    }

    @Test func `a refused sender is every recipient's outcome`() throws {
        var session = Self.session("PIPELINING")
        _ = session.begin(try Self.delivery(2))
        let end = Self.hear(&session, "550 no", "503 mail", "503 mail", "503 mail")
        #expect(Self.outcomes(end) == "failed 550, failed 550")
    }

    @Test func `a message larger than SIZE is not sent, and LIMITS leaves recipients for later`() throws {
        var session = Self.session("PIPELINING", "SIZE 5", "LIMITS RCPTMAX=1")
        let large = session.begin(try Self.delivery(1, size: 6))
        #expect(Self.outcomes(large) == "failed 552")
        _ = session.begin(try Self.delivery(2, size: 5))
        let end = Self.hear(&session, "250 ok", "250 ok", "354 go", "250 ok")
        #expect(Self.outcomes(end) == "accepted 250, not tried")
    }

    @Test(arguments: ["hello", "25", "250x", "999 x"]) func `garbage breaks the connection`(_ line: String) {
        var session = Self.session("PIPELINING")
        let action = Self.hear(&session, line)
        let isFailed = if case .failed = action { true } else { false }
        #expect(isFailed)
    }

    @Test func `a host that takes no mail says so, RFC 7504`() {
        var session = SMTPClientSession(configuration: .init(hostName: "me.example", tls: .off))
        let action = Self.hear(&session, "521 no mail here")
        let isNever = if case .failed(let failure) = action { failure.reason == .takesNoMail } else { false }
        #expect(isNever)
    }
}
