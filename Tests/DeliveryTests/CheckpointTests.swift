import MailBytes
import MailEvents
import MailNames
import SMTPProtocol
import Testing

@testable import Delivery

@Suite("What transactions are called on the way out, RFC 1845", .timeLimit(.minutes(5))) struct CheckpointTests {
    private static func delivery(
        _ recipients: [String],
        size: Int = 10,
        from sender: String = "a@c.example"
    ) throws
        -> SMTPDelivery
    {
        SMTPDelivery(
            reversePath: .address(try EmailAddress(parsing: sender)),
            recipients: try recipients.map { EnvelopeRecipient(address: try EmailAddress(parsing: $0)) },
            size: size
        )
    }

    private static let host = "mx.home.test"

    private static func name(_ delivery: SMTPDelivery, _ id: UInt64 = 7) throws -> String {
        try #require(delivery.identifier(of: QueueID(rawValue: id), at: try Domain(parsing: host))).text
    }

    @Test func `the same message to the same recipients has one name, at every attempt`() throws {
        let name = try Self.name(try Self.delivery(["x@far.test", "y@far.test"]))
        #expect(name == (try Self.name(try Self.delivery(["y@far.test", "x@far.test"]))))
        #expect(name.hasPrefix("<\(QueueID(rawValue: 7)).") && name.hasSuffix("@mx.home.test>"))
        // Over restarts and versions too: what is begun with one name must not go on with another.
        #expect(name == "<0000000000007.2b8860d07276239f8c91@mx.home.test>")
    }

    @Test func `another message, recipient, sender or size has another name`() throws {
        let both = ["x@far.test", "y@far.test"]
        let names = [
            try Self.name(try Self.delivery(both)), try Self.name(try Self.delivery(both), 8),
            try Self.name(try Self.delivery(["x@far.test"])), try Self.name(try Self.delivery(both, size: 11)),
            try Self.name(try Self.delivery(both, from: "b@c.example")),
            try Self.name(try Self.delivery(["x@far.testy@far.test".replacing("y@far.test", with: "")])),
        ]
        #expect(Set(names).count == 5)
    }

    @Test(arguments: [SMTPExtensions.checkpoint, []])
    func `a host that offers it is told, and no other`(offer: SMTPExtensions) async throws {
        let house = try await House(offer: SMTPServiceOffer(offer))
        house.lookup.mx("far.test", (10, "smart.test"))
        house.lookup.host("smart.test", "127.0.0.1")
        try await house.submit(from: "bob@home.test", to: "x@far.test")
        await house.recorder.wait(for: .relayed)
        #expect(await house.end() == 0)
        let message = try #require(house.server.messages.first)
        #expect((message.transaction.checkpoint != nil) == !offer.isEmpty)
    }

    @Test func `a host that does not take all recipients gets the others without a name`() async throws {
        let house = try await House(offer: SMTPServiceOffer(.checkpoint))
        house.lookup.mx("far.test", (10, "smart.test"))
        house.lookup.host("smart.test", "127.0.0.1")
        house.server.refuse("no@far.test", SMTPReply(550, EnhancedStatus(5, 1, 1), "no"))
        try await house.submit(from: "bob@home.test", to: "x@far.test", "no@far.test")
        await house.recorder.wait(for: .relayed)
        await house.recorder.wait(for: .failed)
        // The sender's report.
        await house.recorder.wait(for: .delivered)
        #expect(await house.end() == 0)
        let message = try #require(house.server.messages.first)
        #expect(message.transaction.recipients.map(\.address.description) == ["x@far.test"])
        #expect(message.transaction.checkpoint == nil)
    }
}
