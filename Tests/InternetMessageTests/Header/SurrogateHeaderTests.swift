import InternetMessage
import MailBytes
import Testing

@Suite("Surrogate headers, RFC 6858") struct SurrogateHeaderTests {
    private func surrogate(_ text: String) -> String? {
        let octets = Array(text.utf8)
        return SurrogateHeader.make(octets.span).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func `a header in ASCII stays as it is`() {
        #expect(surrogate("Subject: plain\r\nFrom: a@example.org\r\n\r\n") == nil)
    }

    @Test func `octets that are not UTF-8 stay as they are`() {
        let latin = Array("Subject: caf".utf8) + [0xE9] + Array("\r\n\r\n".utf8)
        #expect(SurrogateHeader.make(latin.span) == nil)
    }

    @Test(arguments: [
        // Section 2.1: nobody's address, under a name that tells whose it was.
        (
            "From: Fred Foo <frédéric@example.com>",
            "From: =?utf-8?B?RnJlZCBGb28gZnLDqWTDqXJpY0BleGFtcGxlLmNvbQ==?=\r\n <invalid@internationalized-address.invalid>"
        ),
        ("To: Frédéric <fred@example.com>", "To: =?utf-8?B?RnLDqWTDqXJpYw==?= <fred@example.com>"),
        ("Cc: fred@bücher.example", "Cc: fred@xn--bcher-kva.example"),
        (
            "Cc: a@example.org, é@example.org",
            "Cc: a@example.org, =?utf-8?B?w6lAZXhhbXBsZS5vcmc=?=\r\n <invalid@internationalized-address.invalid>"
        ),
        ("Return-Path: <é@example.org>", "Return-Path: <invalid@internationalized-address.invalid>"),
        // Section 2.2: a parameter that cannot be presented is left out.
        ("Content-Disposition: attachment; filename=\"é.txt\"", "Content-Disposition: attachment"),
        ("Content-Type: text/plain; name=é; charset=utf-8", "Content-Type: text/plain; charset=\"utf-8\""),
        // Section 2.3: the subject in encoded words.
        ("subject: Grüße", "Subject: =?utf-8?B?R3LDvMOfZQ==?="),
        // Section 2.4: all others.
        ("X-Note: é", nil),
        ("Message-ID: <é@example.org>", nil),
    ])
    func `a field with UTF-8 is told in ASCII or left out`(field: String, expected: String?) {
        let around = ("Received: from a\r\n by b\r\n", "Date: Mon, 23 Nov 2026 12:00:00 +0000\r\n\r\n")
        let result = surrogate(around.0 + field + "\r\n" + around.1)
        #expect(result == around.0 + (expected.map { $0 + "\r\n" } ?? "") + around.1)
    }

    @Test func `whatever comes, the surrogate is ASCII and no field is broken`() {
        var random = SplitMix64(seed: 11)
        let pieces = [
            "From", "To", "Subject", "Content-Type", "X", ": ", "é", "<", ">", "@", ",", "\"", "(", ";", "=", "\r\n",
            "\r\n ",
            "a", "example.org", "=?utf-8?Q?=C3=A9?=", "日本", "\\", "\u{0}", "\n", ".",
        ]
        for round in 0..<3000 {
            let text = (0..<Int.random(in: 1...40, using: &random)).map { _ in
                pieces[Int.random(in: 0..<pieces.count, using: &random)]
            }.joined()
            guard let result = surrogate("Subject: é\r\n" + text) else { continue }
            #expect(result.utf8.allSatisfy { $0 < 0x80 }, "seed 11, round \(round): \(text.debugDescription)")
            #expect(result.hasPrefix("Subject: =?utf-8?B?w6k=?=\r\n") || text.hasPrefix(" "), "seed 11, round \(round)")
        }
    }
}
