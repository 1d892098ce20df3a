import InternetMessage
import MailBytes
import MailNames
import Testing

@Suite("The Received field, RFC 5321 section 4.4") struct ReceivedFieldTests {
    private func field(_ helo: String?) -> ReceivedField {
        ReceivedField(
            helo: helo,
            peer: IPAddress("192.0.2.1"),
            host: "mx.example.org",
            transmissionType: "ESMTPS",
            queueName: "abc",
            tls: "TLSv1.3",
            recipient: try? EmailAddress(parsing: "a@example.org"),
            time: Timestamp(seconds: 0)
        )
    }

    @Test func `it says from whom, by whom, how and for whom`() {
        let text = String(decoding: field("client.example").bytes, as: UTF8.self)
        #expect(
            text == "Received: from client.example ([192.0.2.1])\r\n\tby mx.example.org (Martlet) with ESMTPS (TLSv1.3)"
                + " id abc\r\n\tfor <a@example.org>;\r\n\tThu, 1 Jan 1970 00:00:00 +0000\r\n"
        )
    }

    @Test(arguments: ["x\r\nEvil: field", "a (b) c;d\u{0}", String(repeating: "x", count: 5000), ""])
    func `what the client said does not break out of it`(_ helo: String) {
        let bytes = field(helo).bytes
        var scanner = HeaderScanner()
        let found = scanner.next(bytes.span)
        #expect(found?.whole == 0..<bytes.count)
        #expect(bytes.count < 600)
    }
}
