import DeliveryScheduler
import MailEvents
import MailNames
import Testing

@testable import Delivery

@Suite("Messages for hosts that lack what they were sent with", .timeLimit(.minutes(15))) struct DowngradeTests {
    private func house(
        _ server: PlainServer,
        _ change: (inout DeliveryOptions) -> Void = { _ in }
    ) async throws -> House {
        let port = try await server.start(House.group)
        return try await House { options, _ in
            options.outboundPort = port
            change(&options)
        }
    }

    private static let eightBit = "Content-Type: text/plain; charset=utf-8\r\nMIME-Version: 1.0\r\n\r\nGrüße\r\n"

    @Test func `8-bit content is encoded for a host without 8BITMIME, and SIZE is that of what is sent`() async throws {
        let server = PlainServer(PlainServer.Ways(offered: ["SIZE 1000"]))
        let house = try await house(server)
        try await house.submit(to: "x@far.test", content: Self.eightBit) { $0.bodyType = .eightBitMIME }
        await house.recorder.wait(for: .relayed)
        #expect(await house.end() == 0)
        let expected =
            "Content-Transfer-Encoding: quoted-printable\nContent-Type: text/plain; charset=utf-8\nMIME-Version: 1.0\n\n"
            + "Gr=C3=BC=C3=9Fe\n"
        #expect(server.content == expected)
        let size = expected.replacing("\n", with: "\r\n").utf8.count
        #expect(server.commands.contains("MAIL FROM:<alice@home.test> SIZE=\(size)"))
    }

    @Test func `a large one is encoded piece by piece`() async throws {
        let server = PlainServer()
        let house = try await house(server)
        let line = "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich.\r\n"
        let content = Self.eightBit + String(repeating: line, count: 60_000)
        try await house.submit(to: "x@far.test", content: content) { $0.bodyType = .eightBitMIME }
        await house.recorder.wait(for: .relayed)
        #expect(await house.end() == 0)
        #expect(server.content.utf8.allSatisfy { $0 < 0x80 })
        #expect(server.content.split(separator: "=C3=B6").count == 60_001)
    }

    @Test func `binary content becomes base64 for a host without BINARYMIME`() async throws {
        let server = PlainServer(PlainServer.Ways(offered: ["8BITMIME"]))
        let house = try await house(server)
        let content =
            "MIME-Version: 1.0\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\na\nb\u{0}c"
        try await house.submit(to: "x@far.test", content: content) { $0.bodyType = .binaryMIME }
        await house.recorder.wait(for: .relayed)
        #expect(await house.end() == 0)
        #expect(server.content.hasSuffix("Content-Transfer-Encoding: base64\n\nYQpiAGM=\n"))
        #expect(server.commands.contains("MAIL FROM:<alice@home.test>"))
    }

    @Test func `a signed message goes back unless it may be broken`() async throws {
        let signed = "DKIM-Signature: v=1\r\n" + Self.eightBit
        let strict = PlainServer()
        let house = try await house(strict)
        try await house.submit(from: "bob@home.test", to: "x@far.test", content: signed) { $0.bodyType = .eightBitMIME }
        await house.recorder.wait(for: .delivered)
        #expect(await house.end() == 0)
        #expect(strict.messages == 0)
        #expect(house.recorder.events(.failed).first?[.status] == "5.6.3")
        let loose = PlainServer()
        let other = try await self.house(loose) { $0.convertsSigned = true }
        try await other.submit(to: "x@far.test", content: signed) { $0.bodyType = .eightBitMIME }
        await other.recorder.wait(for: .relayed)
        #expect(await other.end() == 0)
        #expect(loose.messages == 1)
    }

    @Test func `SMTPUTF8 is left out where nothing needs it, RFC 6531 section 3.2`() async throws {
        let server = PlainServer()
        let house = try await house(server)
        house.lookup.mx("grüße.test", (10, "mx.far.test"))
        house.lookup.mx("xn--gre-goa8g.test", (10, "mx.far.test"))
        try await house.submit(to: "x@far.test") { $0.isInternationalized = true }
        await house.recorder.wait(for: .relayed)
        #expect(await house.end() == 0)
        #expect(server.commands.contains("MAIL FROM:<alice@home.test>"))
    }

    @Test(arguments: ["Subject: Grüße\r\n\r\n\r\n", "Subject: x\r\n\r\n\r\n"])
    func `what needs SMTPUTF8 goes back with 5.6.7`(content: String) async throws {
        let server = PlainServer(PlainServer.Ways(offered: ["8BITMIME"]))
        let house = try await house(server)
        let recipient = content.contains("Grüße") ? "x@far.test" : "grüße@far.test"
        try await house.submit(from: "bob@home.test", to: recipient, content: content) {
            $0.isInternationalized = true
            $0.bodyType = .eightBitMIME
        }
        await house.recorder.wait(for: .delivered)
        #expect(await house.end() == 0)
        #expect(server.messages == 0)
        #expect(house.recorder.events(.failed).first?[.status] == "5.6.7")
    }
}
