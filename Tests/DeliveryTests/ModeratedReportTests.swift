import Directory
import MailEvents
import MailNames
import MailingLists
import Testing

@testable import Delivery

/// What a sender hears who asked to be told of success, and wrote to a list whose owner looks first: RFC 3461 section 5.2.7.1.
@Suite("Success, and lists with an owner who looks first", .timeLimit(.minutes(5))) struct ModeratedReportTests {
    private static let post = "From: bob@home.test\r\nSubject: Hi\r\n\r\nHello.\r\n"

    private func house() async throws -> House {
        let settings = ListSettings(
            address: try EmailAddress(parsing: "news@home.test"),
            owner: try EmailAddress(parsing: "alice@home.test"),
            posting: .moderated,
            bounceLimit: 1
        )
        let lists = FakeLists()
        lists.set(ListID(7), settings, members: [try EmailAddress(parsing: "eve@far.test")])
        let directory = FakeDirectory()
        directory.list("news@home.test", ListID(7))
        directory.alias("club@home.test", "news@home.test")
        directory.alias("all@home.test", "news@home.test", "carol@home.test")
        directory.account("carol@home.test", 3)
        return try await House(directory: directory, lists: lists)
    }

    /// Hands a post in, and waits until the owner is asked.
    private func post(_ house: House, to recipients: String..., deliveries: Int = 1) async throws -> QueueID {
        let parsed = try recipients.map { EnvelopeRecipient(address: try EmailAddress(parsing: $0), notify: .success) }
        try await house.submit(from: "bob@home.test", to: recipients[0], content: Self.post) { $0.recipients = parsed }
        await house.recorder.wait(for: .held)
        await house.recorder.wait(for: .delivered, count: deliveries)
        return try #require(await house.service.heldPosts().first?.id)
    }

    private func reports(_ house: House) -> [String] {
        house.mailboxes.written.filter { $0.text.contains("delivery-status") }.map(\.text)
    }

    @Test func `a post is reported as delivered when the owner lets it through, not before`() async throws {
        let house = try await house()
        let id = try await post(house, to: "news@home.test")
        #expect(house.recorder.events(.reported).isEmpty)
        #expect(await house.service.approvePost(id))
        await house.recorder.wait(for: .reported)
        await house.recorder.wait(for: .delivered, count: 2)
        await house.recorder.wait(for: .relayed)
        #expect(await house.end() == 0)
        #expect(reports(house).count == 1)
        #expect(
            reports(house).first?.contains("Final-Recipient: rfc822; news@home.test\r\nAction: delivered\r\n") == true
        )
    }

    @Test func `a post that is rejected is never reported as delivered`() async throws {
        let house = try await house()
        let id = try await post(house, to: "news@home.test")
        #expect(await house.service.rejectPost(id))
        await house.recorder.wait(for: .delivered, count: 2)
        #expect(await house.end() == 0)
        #expect(house.recorder.events(.reported).isEmpty && reports(house).isEmpty)
        #expect(
            house.mailboxes.written.contains {
                $0.recipient == "bob@home.test" && $0.text.contains("was not let through")
            }
        )
    }

    @Test func `a post for others too is reported for them at once, and for the list when the owner lets it through`()
        async throws
    {
        let house = try await house()
        // Carol's copy, the question to the owner, and the report about Carol.
        let id = try await post(house, to: "news@home.test", "carol@home.test", deliveries: 3)
        #expect(reports(house).count == 1)
        #expect(reports(house).first?.contains("carol@home.test\r\nAction: delivered") == true)
        #expect(reports(house).first?.contains("Final-Recipient: rfc822; news@home.test") == false)
        #expect(await house.service.approvePost(id))
        await house.recorder.wait(for: .delivered, count: 4)
        await house.recorder.wait(for: .relayed)
        #expect(await house.end() == 0)
        #expect(reports(house).count == 2)
        #expect(
            reports(house).last?.contains("Final-Recipient: rfc822; news@home.test\r\nAction: delivered\r\n") == true
        )
    }

    @Test func `a post by an alias of the list alone is reported as one to the alias, when it is let through`()
        async throws
    {
        let house = try await house()
        let id = try await post(house, to: "club@home.test")
        #expect(house.recorder.events(.reported).isEmpty)
        #expect(await house.service.approvePost(id))
        await house.recorder.wait(for: .delivered, count: 2)
        await house.recorder.wait(for: .relayed)
        #expect(await house.end() == 0)
        #expect(reports(house).count == 1)
        #expect(reports(house).first?.contains("Original-Recipient: rfc822; club@home.test\r\n") == true)
    }

    @Test func `a post by an alias for others too is reported as expanded, once`() async throws {
        let house = try await house()
        let id = try await post(house, to: "all@home.test", deliveries: 3)
        #expect(reports(house).count == 1)
        #expect(reports(house).first?.contains("all@home.test\r\nAction: expanded") == true)
        #expect(await house.service.approvePost(id))
        await house.recorder.wait(for: .relayed)
        #expect(await house.end() == 0)
        #expect(house.recorder.events(.reported).count == 1 && reports(house).count == 1)
    }
}
