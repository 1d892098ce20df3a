import InternetMessage
import MailBytes
import Testing

@Suite("MIME structure, RFC 2046") struct MessageParserTests {
    private func structure(_ text: String) -> BodyPart { parse([Array(text.utf8)]).structure }

    private func body(_ part: BodyPart, of text: String) -> String {
        String(decoding: Array(text.utf8)[part.body], as: UTF8.self)
    }

    @Test func `the example of section 5.1.1 has two parts, one without a line end`() {
        let text = """
            From: Nathaniel Borenstein <nsb@bellcore.com>\r
            MIME-Version: 1.0\r
            Content-type: multipart/mixed; boundary="simple boundary"\r
            \r
            This is the preamble.\r
            \r
            --simple boundary\r
            \r
            This is implicitly typed plain US-ASCII text.\r
            It does NOT end with a linebreak.\r
            --simple boundary\r
            Content-type: text/plain; charset=us-ascii\r
            \r
            This is explicitly typed plain US-ASCII text.\r
            It DOES end with a linebreak.\r
            \r
            --simple boundary--\r
            \r
            This is the epilogue.\r

            """
        let parts = structure(text).parts
        #expect(parts.count == 2)
        #expect(parts.map(\.lines) == [1, 2])
        #expect(body(parts[0], of: text).hasSuffix("linebreak."))
        #expect(body(parts[1], of: text).hasSuffix("linebreak.\r\n"))
        #expect(parts[0].charset == "us-ascii")
    }

    @Test func `an outer delimiter ends what is inside`() {
        let text =
            "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
            + "--b\r\n\r\none\r\n--a\r\n\r\ntwo\r\n--b\r\n\r\nstill two\r\n--a--\r\n"
        let parts = structure(text).parts
        #expect(parts.count == 2)
        #expect(parts[0].parts.map { body($0, of: text) } == ["one"])
        #expect(body(parts[1], of: text) == "two\r\n--b\r\n\r\nstill two")
    }

    @Test func `of boundaries that begin alike the longer one counts`() {
        let text =
            "Content-Type: multipart/mixed; boundary=ab\n\n--ab\nContent-Type: multipart/mixed; boundary=abc\n\n"
            + "--abc\n\none\n--abc--\n--ab--\n"
        let outer = structure(text)
        #expect(outer.parts.count == 1)
        #expect(outer.parts.first?.parts.map { body($0, of: text) } == ["one"])
    }

    @Test(arguments: [
        ("", "text/plain 0-0"), ("\r\n", "text/plain 2-2"), ("A: b\r\n", "text/plain 6-6"), ("text", "text/plain 0-4"),
        ("Content-Type: nonsense\r\n\r\nx", "application/octet-stream 26-27"),
        ("Content-Type: text\r\n\r\nx", "text/plain 22-23"),
        ("Content-Type:\r\n\r\nx", "text/plain 17-18"),
        ("Content-Type: multipart/mixed\r\n\r\n--\r\n", "multipart/mixed 33-37"),
        ("Content-Type: multipart/mixed; boundary=a\r\n\r\n--a", "multipart/mixed 45-48, text/plain 48-48"),
        ("Content-Type: message/rfc822\r\n\r\n", "message/rfc822 32-32, text/plain 32-32"),
        ("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nxxxx", "message/rfc822 67-71"),
    ])
    func `what is broken is taken as far as it goes`(_ text: String, _ expected: String) {
        let found = structure(text).all.map { "\($0.type.value) \($0.body.lowerBound)-\($0.body.upperBound)" }
        #expect(found.joined(separator: ", ") == expected)
    }

    @Test func `depth and number of parts have bounds`() {
        var deep = ""
        for level in 0..<500 { deep += "Content-Type: multipart/mixed; boundary=b\(level)x\r\n\r\n--b\(level)x\r\n" }
        var depth = 0
        var part = structure(deep)
        while let child = part.parts.first {
            depth += 1
            part = child
        }
        #expect(depth == MessageParser.depthLimit)
        #expect(part.isMultipart)
        let wide = "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + String(repeating: "--b\r\n\r\n", count: 20_000)
        #expect(structure(wide).all.count == MessageParser.partLimit)
        let digest = "Content-Type: message/rfc822\r\n\r\n"
        // The innermost is a message that is not taken apart.
        #expect(structure(String(repeating: digest, count: 5000)).all.count == MessageParser.depthLimit + 1)
    }

    @Test func `a header without an end is read up to its bound`() {
        let text =
            "Content-Type: text/html\r\n" + String(repeating: "X: y\r\n", count: 100_000)
            + "Content-ID: <late>\r\n\r\nbody"
        let part = structure(text)
        #expect(part.type.value == "text/html")
        #expect(part.id == nil)
        #expect(body(part, of: text) == "body")
    }

    @Test func `what a part says of itself has a bound`() {
        let long = String(repeating: "é", count: 4000)
        let part = structure(
            "Content-Type: text/plain; name=\"\(long)\"\r\nContent-Disposition: attachment; filename=\"\(long)\"\r\n"
                + "Content-ID: \(long)\r\nContent-Description: \(long)\r\nContent-Language: \(long)\r\n\r\nbody"
        )
        let kept = String(long.prefix(499))
        #expect(part.type.parameter("name") == kept)
        #expect(part.fileName == kept)
        #expect(part.id == kept && part.languages == [kept])
        #expect(part.encoded.count < 6 * 998)
    }

    @Test func `what all parts say of themselves has a bound`() {
        let long = String(repeating: "x", count: 2000)
        let one = "--b\r\nContent-Type: text/\(long); name=\(long)\r\nContent-Description: \(long)\r\n\r\n"
        let text = "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + String(repeating: one, count: 1200)
        let whole = structure(text)
        #expect(whole.all.count == MessageParser.partLimit)
        #expect(whole.parts.first?.description?.count == 998)
        #expect(whole.parts.last?.type.value == "application/octet-stream")
        #expect(whole.encoded.count < MessageParser.structureLimit + MessageParser.partLimit * 256)
        let read = BodyPart(encoded: whole.encoded.span)
        #expect(read == whole)
    }

    @Test func `a multipart without room for its parameters is taken apart all the same`() {
        let long = String(repeating: "x", count: 998)
        let one = "--b\r\nContent-Description: \(long)\r\n\r\n"
        let inner =
            "--b\r\nContent-Type: multipart/mixed; boundary=inner\r\n\r\n--inner\r\n\r\none\r\n--inner--\r\n--b--\r\n"
        let text = "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + String(repeating: one, count: 300) + inner
        let last = structure(text).parts.last
        #expect(last?.type == ContentField("multipart/mixed"))
        #expect(last?.parts.count == 1)
    }

    @Test func `a damaged record is refused`() {
        let record = structure("Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\nx\r\n--a--\r\n").encoded
        for index in record.indices {
            var damaged = record
            damaged[index] ^= 0xFF
            // It is refused or says something else, and never more than there is.
            let read = BodyPart(encoded: damaged.span)
            #expect(read?.all.count ?? 0 <= record.count)
        }
    }
}
