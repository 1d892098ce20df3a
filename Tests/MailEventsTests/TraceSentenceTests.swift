import MailBytes
import MailEvents
import Testing

@Suite("Sentences of events") struct TraceSentenceTests {
    @Test(arguments: [
        (
            TraceEvent(
                .received,
                [
                    .sender: "<a@example.org>", .recipient: "b@example.net", .peer: "192.0.2.1", .size: "4096",
                    .transmission: "ESMTPSA", .tls: "TLSv1.3", .account: "a@example.org",
                ]
            ),
            "received from [192.0.2.1]: <a@example.org> to b@example.net, 4096 bytes by ESMTPSA over TLSv1.3, logged in as a@example.org"
        ),
        (
            TraceEvent(.received, [.sender: "<>", .recipient: "b@example.net", .door: "sendmail"]),
            "received through sendmail: <> to b@example.net"
        ),
        (
            TraceEvent(
                .refused,
                [
                    .command: "RCPT", .sender: "<a@example.org>", .recipient: "b@example.net", .peer: "192.0.2.1",
                    .reply: "550 5.7.1 No", .reason: "relay: not allowed",
                ]
            ),
            "refused RCPT to b@example.net from [192.0.2.1]: 550 5.7.1 No (relay: not allowed)"
        ),
        (
            TraceEvent(.refused, [.command: "MAIL", .sender: "<a@example.org>", .peer: "192.0.2.1", .reply: "550 No"]),
            "refused MAIL of <a@example.org> from [192.0.2.1]: 550 No"
        ),
        (
            TraceEvent(
                .relayed,
                [.recipient: "b@example.net", .host: "mx.example.net", .address: "192.0.2.9", .reply: "250 ok"]
            ),
            "relayed for b@example.net to mx.example.net [192.0.2.9]: 250 ok"
        ),
        (
            TraceEvent(.deferred, [.recipient: "b@example.net", .reason: "421 busy", .nextAttempt: "12:30"]),
            "deferred for b@example.net: 421 busy; next attempt 12:30"
        ),
        (
            TraceEvent(.failed, [.recipient: "b@example.net", .reason: "550 no such user", .status: "5.1.1"]),
            "failed for b@example.net: 550 no such user (5.1.1)"
        ),
    ])
    func `an event is told as a sentence`(event: TraceEvent, sentence: String) {
        #expect(event.sentence == sentence)
    }

    @Test(arguments: TraceEvent.Kind.allCases) func `an event without fields has a sentence too`(kind: TraceEvent.Kind)
    {
        let sentence = TraceEvent(kind, [:]).sentence
        #expect(!sentence.isEmpty && !sentence.contains("nil") && !sentence.contains("Optional"))
    }

    @Test func `many recipients are counted, five are named`() {
        let fields = (1...8).map { TraceEvent.Entry(.recipient, "r\($0)") }
        #expect(
            TraceEvent(.expired, fields).sentence == "given up for r1, r2, r3, r4, r5 and 3 more after its lifetime"
        )
    }

    @Test func `a dialogue is told line by line, however its lines end`() {
        let event = TraceEvent(.attempted, [.host: "mx", .dialogue: "S: 220 hi\r\nC: EHLO x\n\nS: 250 ok\r\n"])
        #expect(event.details == ["dialogue: S: 220 hi", "  C: EHLO x", "  S: 250 ok"])
    }

    @Test func `what a peer said cannot move the cursor or begin a line`() {
        let event = TraceEvent(
            .refused,
            [
                .command: "RCPT", .recipient: "x", .helo: "\u{1B}[2J",
                .reply: "550 \u{1B}[31mred\r\nforged line \u{202E}",
            ]
        )
        #expect(event.sentence == "refused RCPT to x: 550 ?[31mred??forged line ?")
        #expect(event.details == ["helo: ?[2J"])
    }

    @Test func `fields with a value are kept in their order`() {
        var event = TraceEvent(.held, [.reason: "a", .sender: nil, .recipient: "b"])
        event.fields.append(TraceEvent.Entry(.recipient, "c"))
        #expect(event.fields.map(\.text) == ["a", "b", "c"])
        #expect(event[.recipient] == "b")
        #expect(event.all(.recipient) == ["b", "c"])
        #expect(event[.sender] == nil)
    }
}
