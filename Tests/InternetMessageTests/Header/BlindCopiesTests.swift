import InternetMessage
import Testing

@Suite("Bcc fields, RFC 5322 section 3.6.3") struct BlindCopiesTests {
    private static func kept(_ message: String) -> (String, Bool) {
        var bytes = Array(message.utf8)
        let (places, isWhole) = BlindCopies.find(in: bytes.span)
        for place in places.reversed() { bytes.removeSubrange(place) }
        return (String(decoding: bytes, as: UTF8.self), isWhole)
    }

    @Test(arguments: [
        ("To: a\r\nBcc: b\r\nSubject: c\r\n\r\nBcc: d\r\n", "To: a\r\nSubject: c\r\n\r\nBcc: d\r\n"),
        ("bcc : b,\r\n c\r\n\td\r\nResent-Bcc: e\r\nTo: a\r\n\r\n", "To: a\r\n\r\n"),
        ("Subject: x\r\nno field\r\nBcc: b\r\n\r\ntext", "Subject: x\r\nno field\r\n\r\ntext"),
        ("Bcc-Other: b\r\n\r\n", "Bcc-Other: b\r\n\r\n"), ("\r\nBcc: b\r\n", "\r\nBcc: b\r\n"),
    ])
    func `they and their continuations go, and nothing else does`(message: String, expected: String) {
        let (kept, isWhole) = Self.kept(message)
        #expect(kept == expected)
        #expect(isWhole)
    }

    @Test(arguments: ["Bcc: b\r\nTo: a\r\n", "To: a\r\nBcc: b", ""])
    func `a header without an end is told`(message: String) {
        let (kept, isWhole) = Self.kept(message)
        #expect(!isWhole)
        #expect(!kept.contains("Bcc"))
    }
}
