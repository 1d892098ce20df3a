import InternetMessage
import Testing

@Suite("Previews, RFC 8970") struct PreviewTests {
    private func preview(_ text: String) -> String { parse([Array(text.utf8)]).preview }

    @Test func `plain text is preferred and put in one line`() {
        let text =
            "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>HTML</p>\r\n"
            + "--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
            + "Hall=C3=B6chen,\r\n\r\n\twie geht=\r\n's?\r\n--b--\r\n"
        #expect(preview(text) == "Hallöchen, wie geht's?")
    }

    @Test func `HTML is shown without what nobody sees`() {
        let html = """
            Content-Type: text/html; charset=utf-8\r
            \r
            <!DOCTYPE html><html><head><title>No</title><style>p { color: red }</style></head>
            <body><!-- no --><script>if (a < b) {}</script><p title="a > b">Tom &amp; J<b>err</b>y &#8364;&#x20AC; 1 < 2</p>\
            <div>\u{200C}\u{200B}\u{034F}next</div>&unknown; &#xD800;</body></html>
            """
        #expect(preview(html) == "Tom & Jerry €€ 1 < 2 next &unknown; &#xD800;")
    }

    @Test func `it has 200 characters at most and does not end inside of one`() {
        let family = "👨‍👩‍👧‍👦"
        let text = "Content-Type: text/plain; charset=utf-8\r\n\r\n" + String(repeating: family, count: 300)
        let found = preview(text)
        #expect(found.count <= 200)
        #expect(!found.isEmpty)
        #expect(found == String(repeating: family, count: found.count))
    }

    @Test func `attachments are not shown`() {
        #expect(preview("Content-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nsecret") == "")
    }
}
