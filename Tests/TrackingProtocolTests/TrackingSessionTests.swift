import MailBytes
import Testing

@testable import TrackingProtocol

@Suite("Message tracking queries, RFC 3887") struct TrackingSessionTests {
    private static func text(_ action: TrackingServerSession.Action) -> String {
        switch action {
        case .send(let reply): String(decoding: reply.wire, as: UTF8.self)
        case .sendAndClose(let reply): "close " + String(decoding: reply.wire, as: UTF8.self)
        case .startTLS(let reply): "TLS " + String(decoding: reply.wire, as: UTF8.self)
        case .track(let id, let secret): "track \(id) \(String(decoding: secret, as: UTF8.self))"
        }
    }

    private static func say(_ line: String, _ session: inout TrackingServerSession) -> String {
        let octets = Array(line.utf8)
        return text(session.lineReceived(octets.span))
    }

    @Test func `the greeting names the options, and no TLS once it stands, sections 3 and 6-2`() {
        var session = TrackingServerSession(hostName: "example2.com", offersTLS: true)
        let before = String(decoding: session.greeting.wire, as: UTF8.self)
        #expect(before == "+OK+/MTQP example2.com Martlet\r\nSTARTTLS\r\n.\r\n")
        let starts = Self.say("STARTTLS example2.com", &session)
        let after = Self.text(session.tlsEstablished())
        let again = Self.say("STARTTLS example2.com", &session)
        #expect(starts.hasPrefix("TLS +OK"))
        #expect(after == "+OK/MTQP example2.com Martlet\r\n")
        #expect(again.hasPrefix("-BAD/tls-in-progress"))
        var clear = TrackingServerSession(hostName: "example2.com", offersTLS: false)
        let refused = Self.say("STARTTLS example2.com", &clear)
        #expect(refused.hasPrefix("-ERR/unsupported"))
    }

    @Test func `a message is tracked by its envelope id and the secret, section 4`() throws {
        var session = TrackingServerSession(hostName: "example2.com", offersTLS: false)
        let asked = Self.say("track <12345-20010101@example.com>  YWJjZGVmZ2gK", &session)
        #expect(asked == "track 12345-20010101@example.com abcdefgh\n")
        let report = TrackingReport(
            envelopeID: "12345-20010101@example.com",
            reportingHost: "example2.com",
            arrival: Timestamp(seconds: 978_380_115),
            recipients: [
                .init(
                    original: "rfc822; user1@example1.com",
                    final: "rfc822; user1@example1.com",
                    action: .relayed,
                    status: "2.1.9",
                    remoteHost: "example3.com",
                    lastAttempt: Timestamp(seconds: 978_394_503)
                )
            ]
        )
        let told = Self.text(session.tracked(.report(report)))
        #expect(told.hasPrefix("+OK+ Tracking information follows\r\nContent-Type: multipart/related;"))
        #expect(told.hasSuffix("--\r\n.\r\n"))
        for field in [
            "Original-Envelope-Id: 12345-20010101@example.com", "Reporting-MTA: dns; example2.com",
            "Arrival-Date: Mon, ", "Original-Recipient: rfc822; user1@example1.com", "Action: relayed", "Status: 2.1.9",
            "Remote-MTA: dns; example3.com", "Last-Attempt-Date: ",
        ] {
            #expect(told.contains("\r\n" + field), "\(field)")
        }
    }

    @Test func `an unknown message and a wrong secret are answered alike`() {
        var session = TrackingServerSession(hostName: "h", offersTLS: false)
        _ = Self.say("TRACK a@b c2VjcmV0", &session)
        let nothing = Self.text(session.tracked(.nothing))
        #expect(nothing.hasPrefix("-ERR/noinfo"))
        _ = Self.say("TRACK a@b c2VjcmV0", &session)
        let later = Self.text(session.tracked(.unavailable))
        #expect(later.hasPrefix("-TEMP/unavailable"))
    }

    @Test(arguments: [
        "", "FOO", "TRACK", "TRACK a@b", "TRACK a@b *", "TRACK a@b c2VjcmV0 x", "TRACK <> c2VjcmV0", "STARTTLS",
        "STARTTLS localhost", "QUIT now", "TRACK a\u{0}b c2VjcmV0", "COMMENT \u{1}",
    ])
    func `what is no command is answered BAD, section 2-3`(line: String) {
        var session = TrackingServerSession(hostName: "h", offersTLS: true)
        let answer = Self.say(line, &session)
        #expect(answer.hasPrefix("-BAD"))
    }

    @Test func `COMMENT and QUIT succeed, and a line without end is bounded`() {
        var session = TrackingServerSession(hostName: "h", offersTLS: true)
        let comment = Self.say("comment whatever this is", &session)
        let long = Self.say("COMMENT " + String(repeating: "x", count: 991), &session)
        let quit = Self.say("QUIT", &session)
        #expect(comment.hasPrefix("+OK") && long.hasPrefix("-BAD") && quit.hasPrefix("close +OK"))
    }

    @Test func `lines that begin with a dot are given another, section 2-3`() {
        let reply = TrackingReply("+OK+", "x", lines: [".a", "b"])
        #expect(String(decoding: reply.wire, as: UTF8.self) == "+OK+ x\r\n..a\r\nb\r\n.\r\n")
    }

    @Test func `guessing ends after a number of commands`() {
        var session = TrackingServerSession(hostName: "h", offersTLS: true)
        for _ in 0..<TrackingServerSession.commandLimit { _ = Self.say("COMMENT", &session) }
        let last = Self.say("COMMENT", &session)
        #expect(last.hasPrefix("close -TEMP"))
    }
}
