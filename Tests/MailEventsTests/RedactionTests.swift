import MailBytes
import MailEvents
import Testing

@Suite("What may reach a log") struct RedactionTests {
    @Test(arguments: [
        ("plain text, äöü 漢", "plain text, äöü 漢"),
        ("a\r\nb", "a??b"),
        ("\u{0}\u{7F}\u{9B}", "???"),
        ("\u{2028}\u{2029}\u{202E}\u{200B}", "????"),
        ("", ""),
    ])
    func `controls, separators and turns of direction are hidden`(text: String, kept: String) {
        #expect(Redaction.peerText(text) == kept)
        #expect(Redaction.printable(text) == kept)
    }

    @Test func `a peer's text is cut`() {
        #expect(Redaction.peerText(String(repeating: "é", count: 10_000)).count == Redaction.textLimit)
    }

    @Test func `a collecting recorder keeps the order, the system's clock goes on from this century`() {
        let recorder = CollectingTraceRecorder()
        let times = (0..<3).map { _ in WallClock.system.now() }
        for time in times { recorder.record(TraceEntry(queueID: nil, time: time, event: TraceEvent(.flushed, [:]))) }
        #expect(recorder.entries.map(\.time) == times)
        #expect(times.allSatisfy { $0.seconds > 1_500_000_000 })
    }
}
