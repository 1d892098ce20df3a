import Testing

@testable import MailBytes

@Suite("Dates, RFC 5322 sections 3.3 and 4.3") struct DateTests {
    @Test(arguments: [
        ("Mon, 23 Nov 2026 12:00:00 +0000", 1_795_435_200), ("Fri, 21 Nov 1997 09:55:06 -0600", 880_127_706),
        ("21 Nov 97 09:55:06 GMT", 880_106_106), ("Thu, 13 Feb 1969 23:32 -0330", -27_723_480),
        ("Thu,\r\n 13\r\n  Feb\r\n    1969\r\n 23:32\r\n     -0330 (Newfoundland Time)", -27_723_480),
        ("1 Jan 2000 00:00:00 EST", 946_702_800),
    ])
    func `a date is read`(_ text: String, _ seconds: Int64) throws {
        let bytes = Array(text.utf8)
        let read = Timestamp(internetDate: bytes.span)
        #expect(read?.seconds == seconds)
    }

    @Test(arguments: [
        "", "yesterday", "32 Nov 2026 12:00:00 +0000", "29 Feb 2026 12:00:00 +0000", "1 Foo 2026 12:00 +0000",
    ])
    func `what is none is refused`(_ text: String) {
        let bytes = Array(text.utf8)
        let read = Timestamp(internetDate: bytes.span)
        #expect(read == nil)
    }

    @Test func `what is written is read back`() {
        for seed in UInt64(0)..<1000 {
            var random = SplitMix64(seed: seed)
            let moment = Timestamp(seconds: Int64(random.next() % 250_000_000_000) - 60_000_000_000)
            let bytes = moment.internetDateBytes
            let read = Timestamp(internetDate: bytes.span)
            #expect(read == moment, "seed \(seed)")
        }
    }
}

@Suite("Base64 and quoted-printable") struct EncodingTests {
    @Test func `RFC 4648 section 10 holds`() {
        let rows = [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy"),
        ]
        for (plain, encoded) in rows {
            #expect(Base64.encode(Array(plain.utf8)) == encoded)
            let bytes = Array(encoded.utf8)
            let decoded = Base64.decode(bytes.span)
            #expect(decoded == Array(plain.utf8))
        }
    }

    @Test(arguments: ["Zg", "Zg=", "Zh==", "Z===", "Zg==Zg==", "Zm9v\n", "Z-9v"])
    func `what is not exact is refused`(_ text: String) {
        let bytes = Array(text.utf8)
        let decoded = Base64.decode(bytes.span)
        #expect(decoded == nil)
    }

    @Test func `both are read back, and quoted lines are short`() {
        for seed in UInt64(0)..<500 {
            var random = SplitMix64(seed: seed)
            let bytes = (0..<Int(random.next() % 300)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            let encoded = Base64.encodeBytes(bytes)
            let decoded = Base64.decode(encoded.span)
            #expect(decoded == bytes, "seed \(seed)")
            let quoted = QuotedPrintable.encode(bytes)
            let unquoted = QuotedPrintable.decode(quoted.span)
            #expect(unquoted == bytes, "seed \(seed)")
            #expect(quoted.split(separator: .lineFeed).allSatisfy { $0.count <= 77 }, "seed \(seed)")
        }
    }

    @Test func `UTF-8 is told from what is none`() {
        let good: [[UInt8]] = [[], [0x41], [0xC3, 0xA9], [0xE2, 0x82, 0xAC], [0xF0, 0x9F, 0x98, 0x80]]
        let bad: [[UInt8]] = [
            [0x80], [0xC0, 0x80], [0xC3], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80],
            [0xE2, 0x82],
        ]
        for bytes in good {
            let isValid = bytes.span.isValidUTF8
            #expect(isValid)
        }
        for bytes in bad {
            let isValid = bytes.span.isValidUTF8
            #expect(!isValid)
        }
    }
}
