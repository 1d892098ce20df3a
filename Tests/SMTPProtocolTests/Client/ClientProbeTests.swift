import MailNames
import Testing

@testable import SMTPProtocol

@Suite("Asking about recipients without sending a message") struct ClientProbeTests {
    private static func session(_ extensions: String...) -> SMTPClientSession {
        var session = SMTPClientSession(configuration: .init(hostName: "c.example", tls: .off))
        _ = hear(&session, "220 mx.example")
        for line in ["250-mx.example"] + extensions.map({ "250-" + $0 }) + ["250 HELP"] { _ = hear(&session, line) }
        return session
    }

    private static func hear(_ session: inout SMTPClientSession, _ line: String) -> SMTPClientSession.Action {
        let bytes = Array(line.utf8)
        return session.lineReceived(bytes.span)
    }

    private static func probe() throws -> SMTPDelivery {
        var delivery = SMTPDelivery(
            reversePath: .null,
            recipients: [EnvelopeRecipient(address: try EmailAddress(parsing: "dan@d.example"))],
            size: 0
        )
        delivery.isProbe = true
        return delivery
    }

    private static func text(_ action: SMTPClientSession.Action) -> String {
        if case .send(let bytes, _) = action { String(decoding: bytes, as: UTF8.self) } else { "\(action)" }
    }

    private static func outcome(_ action: SMTPClientSession.Action) -> SMTPRecipientOutcome? {
        if case .finished(let result) = action { result.outcomes.first } else { nil }
    }

    @Test func `MAIL and RCPT are sent, and never DATA`() throws {
        for extensions in [[], ["PIPELINING"]] {
            var session = Self.session()
            if !extensions.isEmpty { session = Self.session("PIPELINING") }
            var said = Self.text(session.begin(try Self.probe()))
            let afterMail = Self.hear(&session, "250 2.1.0 Ok")
            if extensions.isEmpty { said += Self.text(afterMail) }
            #expect(said == "MAIL FROM:<>\r\nRCPT TO:<dan@d.example>\r\n")
            let ended = Self.hear(&session, "250 2.1.5 Ok")
            guard case .accepted = Self.outcome(ended) else {
                Issue.record("\(ended)")
                continue
            }
            let isReady = session.mayBegin
            #expect(isReady)
        }
    }

    @Test func `a refused recipient is refused, and a refused sender says nothing of it`() throws {
        var session = Self.session("PIPELINING")
        _ = session.begin(try Self.probe())
        _ = Self.hear(&session, "250 Ok")
        let refused = Self.hear(&session, "550 5.1.1 nobody")
        #expect(Self.outcome(refused) == .failed(SMTPReply(550, EnhancedStatus(5, 1, 1), "nobody")))
        var other = Self.session("PIPELINING")
        _ = other.begin(try Self.probe())
        _ = Self.hear(&other, "550 5.7.1 no bounces here")
        let unknown = Self.hear(&other, "503 5.5.1 MAIL first")
        #expect(Self.outcome(unknown) == .deferred(SMTPReply(550, EnhancedStatus(5, 7, 1), "no bounces here")))
    }
}
