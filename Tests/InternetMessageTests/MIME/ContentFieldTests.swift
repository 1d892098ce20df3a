import InternetMessage
import Testing

@Suite("Content fields, RFC 2045 section 5.1 and RFC 2231") struct ContentFieldTests {
    private func field(_ text: String) -> ContentField {
        let bytes = Array(text.utf8)
        return ContentField(parsing: bytes.span)
    }

    @Test func `a type and its parameters are read`() {
        let type = field(
            " Text/PLAIN (comment); Charset=\"us\\-ascii\" ;\r\n\tformat=flowed; odd; =x; name=My File.txt"
        )
        #expect(type.value == "text/plain")
        #expect(type.parameters.map(\.name) == ["charset", "format", "name"])
        #expect(type.parameters.map(\.value) == ["us-ascii", "flowed", "My File.txt"])
    }

    @Test(arguments: [
        // RFC 2231 sections 3, 4 and 4.1.
        (
            "message/external-body; access-type=URL; URL*0=\"ftp://\"; URL*1=\"cs.utk.edu/pub/moore/bulk-mailer.tar\"",
            "url",
            "ftp://cs.utk.edu/pub/moore/bulk-mailer.tar"
        ),
        (
            "application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A", "title", "This is ***fun***"
        ),
        (
            "application/x-stuff; title*0*=us-ascii'en'This%20is%20even%20more%20;"
                + " title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2=\"isn't it!\"",
            "title", "This is even more ***fun*** isn't it!"
        ),
        // The same in RFC 2047's form, which is not allowed there and common.
        ("attachment; filename=\"=?utf-8?Q?=C3=BC.txt?=\"", "filename", "ü.txt"),
        ("attachment; filename*=utf-8''%e2%82%ac.txt; filename=e.txt", "filename", "€.txt"),
        ("attachment; filename=ü.txt", "filename", "ü.txt"),
        ("attachment; filename*=%zz", "filename", "%zz"),
    ])
    func `a parameter's text is put together and decoded`(_ text: String, _ name: String, _ expected: String) {
        #expect(field(text).text(name) == expected)
    }

    @Test func `a parameter that is not there has no text`() {
        #expect(field("text/plain; a=b").text("b") == nil)
    }

    @Test func `parameters have a bound`() {
        #expect(field("text/plain" + String(repeating: "; a=b", count: 10_000)).parameters.count == 64)
    }
}
