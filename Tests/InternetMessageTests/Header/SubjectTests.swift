import InternetMessage
import Testing

@Suite("Base subjects, RFC 5256 section 2.1") struct BaseSubjectTests {
    @Test(arguments: [
        ("Hello", "Hello", false), ("Re: Hello", "Hello", true), ("RE: re : Re[2]: Hello", "Hello", true),
        ("Fwd: Hello", "Hello", true), ("FW: Hello (fwd)", "Hello", true), ("[list] Re: [list] Hello", "Hello", true),
        ("[Fwd: Re: Hello]", "Hello", true), ("[list] Hello", "Hello", false), ("[alone]", "[alone]", false),
        ("Hello  \t world ", "Hello world", false), ("Reply", "Reply", false), ("", "", false), ("Re:", "", true),
        ("Re: [x]", "[x]", true), ("[a][b] Re: c", "c", true), ("[un closed", "[un closed", false),
    ])
    func `what was put around it is taken away`(_ subject: String, _ base: String, _ isReply: Bool) {
        let found = BaseSubject.of(subject)
        #expect(found.text == base)
        #expect(found.isReply == isReply)
    }
}

@Suite("Message identifiers, RFC 5322 section 3.6.4") struct MessageIdentifierTests {
    @Test func `identifiers are found between what is none`() {
        let value = Array("<a@b> (comment)\r\n\t<c\r\n d@e>junk<\"x>y\"@z> <> <unended@x".utf8)
        #expect(MessageIdentifiers.parse(value.span) == ["<a@b>", "<cd@e>", "<\"x>y\"@z>"])
    }

    @Test func `of too many the first and the last are kept`() {
        let value = Array((0..<500).map { "<\($0)@x>" }.joined(separator: " ").utf8)
        let found = MessageIdentifiers.parse(value.span, limit: 3)
        #expect(found == ["<0@x>", "<498@x>", "<499@x>"])
    }
}

@Suite("Header fields") struct HeaderScannerTests {
    private func fields(_ text: String) -> (names: [String], end: Int) {
        let bytes = Array(text.utf8)
        var scanner = HeaderScanner()
        var names: [String] = []
        while let field = scanner.next(bytes.span) { names.append(bytes.span.text(field.name)) }
        return (names, scanner.end)
    }

    @Test(arguments: [
        ("A: b\r\nC: d\r\n\r\nE: f", ["A", "C"], 12), ("A: b\n folded\nC:\n\n", ["A", "C"], 16),
        ("A : b\r\nno field\r\nC: d\r\n", ["A"], 7), ("\r\nA: b\r\n", [], 0), ("A: b", ["A"], 4), ("", [], 0),
        ("From x Mon Jan 1\r\nA: b\r\n\r\n", ["A"], 24), ("From : x@y\r\n", ["From"], 12), (": b\r\n", [], 0),
        (" A: b\r\n", [], 0), ("A:\r\n \r\n b\r\n\r\n", ["A"], 11),
    ])
    func `a header ends at its empty line or at what is no field`(_ text: String, _ names: [String], _ end: Int) {
        let found = fields(text)
        #expect(found.names == names)
        #expect(found.end == end)
    }

    @Test func `what admission wants is read`() {
        let message = Array("Received: a\r\nreceived: b\r\nMessage-Id:\r\n <x@y>\r\nFrom: a\r\n\r\nDate: no\r\n".utf8)
        let header = ArrivingHeader(message.span)
        #expect(header.messageID == "<x@y>")
        #expect(header.receivedCount == 2)
        #expect(header.hasFrom)
        #expect(!header.hasDate)
    }
}
