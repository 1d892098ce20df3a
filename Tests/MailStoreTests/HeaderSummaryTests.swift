import Testing

@testable import MailStore

@Suite("Header summary")
struct HeaderSummaryTests {
    @Test func `fields are found, unfolded, and the first counts`() {
        let text =
            "RECEIVED: a\r\n b\r\nsubject : Hello\r\n  world\r\nMessage-ID:<1@x>\r\nFrom: A <a@b>\r\nSubject: no\r\n\r\nFrom: c\r\n"
        let summary = HeaderSummary(Array(text.utf8).span)
        #expect(summary.subject == "Hello  world")
        #expect(summary.messageID == "<1@x>")
        #expect(summary.from == "A <a@b>")
        #expect(!summary.hasUTF8)
    }

    @Test(arguments: ["", "\r\n", "x", ":", " \r\n", "Subject", "Subject:", "\n\nFrom: a"])
    func `odd headers give nothing`(text: String) {
        let summary = HeaderSummary(Array(text.utf8).span)
        #expect((summary.subject ?? "") == "")
        #expect(summary.from == nil)
    }

    @Test func `a long field is cut`() {
        let text = "Subject: " + String(repeating: "x", count: 5000) + "\r\n y\r\nFrom: a\r\n"
        let summary = HeaderSummary(Array(text.utf8).span)
        #expect(summary.subject?.utf8.count == 997)
        #expect(summary.from == "a")
    }
}
