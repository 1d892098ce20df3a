import InternetMessage
import MailBytes
import Testing

@Suite("Encoded words, RFC 2047") struct EncodedWordTests {
    @Test(arguments: [
        // Section 8.
        ("=?ISO-8859-1?Q?a?=", "a"),
        ("=?ISO-8859-1?Q?a?= b", "a b"),
        ("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"),
        ("=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=", "ab"),
        ("=?ISO-8859-1?Q?a?=\r\n   =?ISO-8859-1?Q?b?=", "ab"),
        ("=?ISO-8859-1?Q?a_b?=", "a b"),
        ("=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"),
        ("=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>"),
        ("=?ISO-8859-1?Q?Andr=E9?= Pirard", "André Pirard"),
        (
            "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
            "If you can read this you understand the example."
        ),
        // RFC 2231 section 5: a language.
        ("=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore"),
        // A character cut in two, which section 5 forbids and programs do.
        ("=?utf-8?B?w4M=?= =?utf-8?B?w7w=?=", "Ãü"),
        ("=?utf-8?Q?=C3?= =?utf-8?Q?=BC?=", "ü"),
        // Not set apart by white space.
        ("Re:=?utf-8?Q?=C3=BC?=x", "Re:üx"),
        // None at all.
        ("=?utf-8?X?abc?=", "=?utf-8?X?abc?="),
        ("=?utf-8?Q?abc", "=?utf-8?Q?abc"),
        ("=??Q?a?=", "=??Q?a?="),
        ("a =? b", "a =? b"),
        // Octets that nobody declared.
        ("caf\u{E9}", "café"),
        ("  folded\r\n\ttext  ", "folded text"),
        // A charset that nobody knows.
        ("=?x-nothing?Q?a=FFb?=", "a\u{FFFD}b"),
        // A line end inside does not get out.
        ("=?utf-8?Q?a=0D=0ABcc:_b?=", "a  Bcc: b"),
    ])
    func `text is decoded`(_ value: String, _ text: String) {
        #expect(EncodedWords.decode(value) == text)
    }

    @Test func `octets that are no UTF-8 are taken as Windows wrote them`() {
        let bytes: [UInt8] = Array("caf".utf8) + [0xE9, 0x20, 0x80]
        #expect(EncodedWords.decode(bytes.span) == "café €")
    }

    @Test func `what is encoded is decoded as the same, in words of 75 characters at most`() {
        for text in ["plain", "Grüße", "=?utf-8?Q?not_one?=", String(repeating: "日本語 ", count: 60) + "x", "👨‍👩‍👧‍👦", ""] {
            let encoded = EncodedWords.encode(text)
            #expect(EncodedWords.decode(encoded) == text)
            #expect(encoded.utf8.allSatisfy { $0 == 0x20 || $0.isVisible })
            if encoded != text { #expect(encoded.split(separator: " ").allSatisfy { $0.utf8.count <= 75 }) }
        }
    }
}

@Suite("Charsets") struct CharsetTests {
    @Test(
        arguments: [
            ("utf-8", [0xC3, 0xA4], "ä"), ("UTF-8", [0xFF], "\u{FFFD}"), ("us-ascii", [0xC3, 0xA4], "ä"),
            ("iso-8859-1", [0x93, 0xE4], "\u{201C}ä"), ("iso-8859-15", [0xA4], "€"), ("windows-1251", [0xCF], "П"),
            ("koi8-r", [0xF0], "П"), ("shift_jis", [0x82, 0xA0], "あ"), ("euc-kr", [0xB0, 0xA1], "가"),
            ("gb2312", [0xC4, 0xE3], "你"), ("big5", [0xA7, 0x41], "你"),
            ("iso-2022-jp", [0x1B, 0x24, 0x42, 0x24, 0x22], "あ"),
            ("utf-16be", [0x00, 0x41], "A"), ("utf-7", Array("+AOQ-".utf8), "ä"), ("big5", [0x41, 0xA7], "A\u{FFFD}"),
            ("../../tmp/x", [0x41, 0xFF], "A\u{FFFD}"), ("utf-8//translit", [0xFF], "\u{FFFD}"),
        ] as [(String, [UInt8], String)]
    )
    func `text is decoded`(_ name: String, _ bytes: [UInt8], _ text: String) {
        #expect(Charset.decode(bytes.span, named: name) == text)
    }

    @Test func `any octets are decoded in every charset`() {
        let names = [
            "iso-2022-jp", "iso-2022-kr", "utf-7", "utf-16", "utf-32", "gb18030", "big5-hkscs", "windows-1258",
            "euc-jp",
        ]
        for seed in UInt64(0)..<300 {
            var random = SplitMix64(seed: seed)
            let bytes = (0..<Int(random.next() % 60)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            for name in names {
                #expect(Charset.isKnown(name))
                #expect(Charset.decode(bytes.span, named: name).utf8.count <= bytes.count * 12 + 12)
            }
        }
    }
}
