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
            #expect(ReturnPathSigner.original(of: path)?.description == "alice@home.test")
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

    @Test func `a path for each recipient is signed where there is room`()
        async throws
    {
        let house = try await House { options, _ in options.signsReturnPaths = true }
        let terms = DeliveryTerms(hasPathPerRecipient: true)
        let path = try EmailAddress(parsing: try await Self.submit(house, terms: terms))
        #expect(ReturnPathSigner.original(of: path)?.description == "alice+x=far.test@home.test")
        let long = String(repeating: "l", count: 40) + "@far.test"
        #expect(
            try await Self.submit(house, to: long, terms: terms) == "alice+\(long.replacing("@", with: "="))@home.test"
        )
        #expect(await house.end() == 0)
    }

    @Test func `mail into mailboxes here has no tag`() async throws {
        let house = try await House { options, _ in options.signsReturnPaths = true }
        try await house.submit(to: "bob@home.test") { $0.origin.door = .submission }
        await house.recorder.wait(for: .delivered)
        #expect(try #require(house.mailboxes.written.first).text.hasPrefix("Return-Path: <alice@home.test>\r\n"))
        #expect(await house.end() == 0)
    }

    @Test func `a sender who is called as a list's bounces gets no fields of a list`() async throws {
        let house = try await House()
        let terms = DeliveryTerms(hasPathPerRecipient: true)
        let path = try await Self.submit(house, from: "news-bounces@home.test", terms: terms)
        #expect(path == "news-bounces+x=far.test@home.test")
        #expect(house.server.messages.first?.content == House.message)
        #expect(await house.end() == 0)
    }

    @Test func `the tag is the same at each attempt of a week, and holds two weeks more at least`() throws {
        let signer = ReturnPathSigner { [UInt8]($0.suffix(8)) }
        let path = ReversePath.address(try EmailAddress(parsing: "alice@home.test"))
        let received = Timestamp(seconds: 1_800_000_000)
        let day: Int64 = 86_400
        for (hours, isFirst) in [(0, true), (100, true), (167, true), (168, false), (5000, false)] as [(Int64, Bool)] {
            let now = received + .seconds(hours * 3600)
            let signed = signer.signed(path, since: received, now: now)
            #expect((signed == signer.signed(path, since: received, now: received)) == isFirst, "\(hours)")
            let address = try #require(signed.address)
            #expect(signer.isValid(address, now: now) && signer.isValid(address, now: now + .seconds(14 * day)))
        }
        // Whose clock went back.
        #expect(
            signer.isValid(
                try #require(signer.signed(path, since: received, now: received - .seconds(day)).address),
                now: received - .seconds(day)
            )
        )
    }
}
