import Foundation
import InternetMessage
import MailBytes
import MailNames
import Testing

@Suite("Writing messages") struct MessageBuilderTests {
    private func lines(_ bytes: [UInt8]) -> [String] {
        String(decoding: bytes, as: UTF8.self).components(separatedBy: "\r\n")
    }

    @Test func `fields are folded, encoded and read back`() throws {
        let subject = "Über " + String(repeating: "lange Wörter ", count: 20) + "Ende"
        let mailboxes = [
            Mailbox(displayName: "Doe, \"John\" \\", localPart: "john doe", domain: "example.org"),
            Mailbox(displayName: "Plain Name", localPart: "a", domain: "example.org"),
            Mailbox(displayName: "Ørsted", localPart: "b", domain: "example.org"),
            Mailbox(localPart: "c", domain: "example.org"),
        ]
        var message = MessageBuilder()
        message.add("To", mailboxes: mailboxes)
        message.add("Subject", text: subject)
        message.add("X-Evil", text: "a\r\nBcc: b@example.org")
        let bytes = message.finish(.text("Hello\r\n"))
        #expect(lines(bytes).allSatisfy { $0.utf8.count <= 78 && $0.utf8.allSatisfy { $0 < 0x80 } })
        var scanner = HeaderScanner()
        var values: [String: Range<Int>] = [:]
        while let field = scanner.next(bytes.span) { values[bytes.span.text(field.name)] = field.value }
        #expect(values.keys.sorted() == ["Content-Type", "MIME-Version", "Subject", "To", "X-Evil"])
        let to = try #require(values["To"])
        #expect(AddressList(parsing: bytes.span.extracting(to)).mailboxes == mailboxes)
        let read = try #require(values["Subject"])
        #expect(EncodedWords.decode(bytes.span.extracting(read)) == subject)
    }

    @Test func `text that is not ASCII or has long lines is encoded`() {
        for text in ["Grüße\r\n", String(repeating: "x", count: 2000) + "\r\n", "a\0b\r\n"] {
            let bytes = MessageBuilder().finish(.text(text))
            let part = parse([bytes]).structure
            #expect(part.encoding == "quoted-printable")
            #expect(lines(bytes).allSatisfy { $0.utf8.count <= 76 })
            let decoded = TransferEncoding.decode(bytes.span.extracting(part.body), part.encoding)
            #expect(String(decoding: decoded, as: UTF8.self) == text)
        }
    }

    @Test func `an attachment is read back with its name`() throws {
        let octets = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 7) }
        let bytes = MessageBuilder().finish(
            .multipart(
                subtype: "mixed",
                parts: [
                    .text("See below\r\n"),
                    .data(
                        octets,
                        type: ContentField("image/png"),
                        disposition: ContentField(
                            "attachment",
                            parameters: [.init(name: "filename", value: "Bäum \"1\".png")]
                        )
                    ),
                ]
            )
        )
        let structure = parse([bytes]).structure
        let attachment = try #require(structure.parts.last)
        #expect(structure.parts.count == 2)
        #expect(attachment.fileName == "Bäum \"1\".png")
        #expect(TransferEncoding.decode(bytes.span.extracting(attachment.body), attachment.encoding) == octets)
    }

    @Test func `a boundary is in none of the parts`() {
        let inner = MessageBuilder().finish(.multipart(subtype: "mixed", parts: [.text("a\r\n")]))
        let report = MultipartReport(
            reportType: "delivery-status",
            explanation: "Sorry\r\n",
            fields: "Reporting-MTA: dns; mx.example.org\r\n",
            returned: .message(inner + Array("--=_martlet_0_1--\r\n--=_martlet_0_0\r\n".utf8)),
            isInternationalized: false
        )
        let structure = parse([MessageBuilder().finish(report.content)]).structure
        #expect(structure.parts.map(\.type.value) == ["text/plain", "message/delivery-status", "message/rfc822"])
        #expect(structure.type.parameter("report-type") == "delivery-status")
        #expect(structure.parts.last?.parts.first?.parts.count == 1)
    }

    @Test func `a report with internationalized addresses has the types of RFC 6533`() {
        let report = MultipartReport(
            reportType: "delivery-status",
            explanation: "Leider\r\n",
            fields: "Final-Recipient: utf-8; жанна@почта.рф\r\n",
            returned: .header(Array("Subject: ü".utf8)),
            isInternationalized: true
        )
        #expect(report.content.isEightBit)
        let structure = parse([MessageBuilder().finish(report.content)]).structure
        #expect(structure.type.parameter("report-type") == "global-delivery-status")
        #expect(
            structure.parts.map(\.type.value)
                == ["text/plain", "message/global-delivery-status", "message/global-headers"]
        )
        #expect(structure.parts.dropFirst().allSatisfy { $0.encoding == "8bit" })
    }
}
