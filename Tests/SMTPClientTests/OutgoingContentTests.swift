import MailBytes
import MailNames
import SMTPProtocol
import Testing

@testable import SMTPClient

@Suite("What a server gets of a message") struct OutgoingContentTests {
    private static let message = Array(
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nü\r\n"
            .utf8
    )

    @Test func `what was converted is not called by the name of what was not, RFC 1845 section 3`() throws {
        let name = TransactionIdentifier(local: "7", domain: "c.example")
        let request = SMTPClient.Request(transactionID: name)
        var content = OutgoingContent(Self.message)
        var offered = SMTPServerExtensions()
        for isOffered in [true, false, true] {
            offered.eightBitMIME = isOffered
            content.fit(to: offered)
            let delivery = content.delivery(from: nil, to: [], asking: request)
            #expect(delivery.bodyType == (isOffered ? .eightBitMIME : .sevenBit))
            #expect(delivery.transactionID == (isOffered ? name : nil))
        }
    }
}
