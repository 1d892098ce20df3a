import MailBytes
import MailEvents
import MailNames
import Testing

@testable import Delivery

@Suite("Return paths that mail leaves with", .timeLimit(.minutes(15))) struct ReturnPathTests {
    private static func submit(
        _ house: House,
        from sender: String = "alice@home.test",
        door: MessageOrigin.Door = .submission,
        to recipient: String = "x@far.test",
        terms: DeliveryTerms = .plain
    ) async throws -> String {
        let before = house.server.messages.count
        try await house.submit(from: sender, to: recipient) {
            $0.origin.door = door
            $0.terms = terms
        }
        await house.recorder.wait(for: .relayed, count: before + 1)
        let path = try #require(house.server.messages.last).transaction.reversePath
        return try #require(path.address).description
    }

    @Test func `mail that was submitted here leaves signed, and so does that of programs`() async throws {
        let house = try await House { options, _ in options.signsReturnPaths = true }
        for door in [MessageOrigin.Door.submission, .sendmail] {
            let path = try EmailAddress(parsing: try await Self.submit(house, door: door))
            #expect(SignedReturnPath.original(of: path)?.description == "alice@home.test")
            #expect(house.returnPaths.isValid(path, now: WallClock.system.now()))
        }
        #expect(await house.end() == 0)
    }

    @Test func `mail of other hosts, of other domains and where nothing is signed leaves as it came`() async throws {
        let house = try await House { options, _ in options.signsReturnPaths = true }
        #expect(try await Self.submit(house, door: .smtp) == "alice@home.test")
        #expect(try await Self.submit(house, from: "carol@elsewhere.test") == "carol@elsewhere.test")
        #expect(await house.end() == 0)
        let plain = try await House()
        #expect(try await Self.submit(plain) == "alice@home.test")
        #expect(await plain.end() == 0)
    }

    @Test func `a path for each recipient is signed where there is room, and mailboxes here see none of it`()
        async throws
    {
        let house = try await House { options, _ in options.signsReturnPaths = true }
        let terms = DeliveryTerms(hasPathPerRecipient: true)
        let path = try EmailAddress(parsing: try await Self.submit(house, terms: terms))
        #expect(SignedReturnPath.original(of: path)?.description == "alice+x=far.test@home.test")
        let long = String(repeating: "l", count: 40) + "@far.test"
        #expect(
            try await Self.submit(house, to: long, terms: terms) == "alice+\(long.replacing("@", with: "="))@home.test"
        )
        try await house.submit(to: "bob@home.test") { $0.origin.door = .submission }
        await house.recorder.wait(for: .delivered)
        #expect(try #require(house.mailboxes.written.first).text.hasPrefix("Return-Path: <alice@home.test>\r\n"))
        #expect(await house.end() == 0)
    }
}
