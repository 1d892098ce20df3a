import MailBytes
import MailNames
import MailingLists
import Testing

@testable import Directory

@Suite("Lists in the directory") struct ListTests {
    private func settings(_ address: String = "News@example.test") throws -> ListSettings {
        ListSettings(
            address: try EmailAddress(parsing: address),
            owner: try EmailAddress(parsing: "owner@far.test"),
            name: "The News",
            posting: .moderated
        )
    }

    private func addresses(_ texts: String...) throws -> [EmailAddress] {
        try texts.map { try EmailAddress(parsing: $0) }
    }

    /// A house with the list `News@example.test`.
    private func withList(_ body: (DirectoryFixture, ListID) async throws -> Void) async throws {
        try await DirectoryFixture.with { house in
            try await house.domain("example.test")
            try await house.directory.addList(try settings())
            let (id, _) = try await house.directory.list(addressed: try EmailAddress(parsing: "news@EXAMPLE.test"))
            try await body(house, id)
        }
    }

    @Test func `each of a list's addresses is answered with its role, and others are not`() async throws {
        try await withList { house, id in
            let expected: [(String, ListRole)] = [
                ("news@example.test", .post), ("NEWS-request@example.test", .request),
                ("news-join@example.test", .subscribe),
                ("news-bounces+Bob=x.test@example.test", .bounces("Bob=x.test")),
                ("news-confirm+T0@example.test", .confirm("T0")),
            ]
            for (address, role) in expected {
                #expect(try await house.answer(address) == .list(ListTarget(id, role)), "\(address)")
            }
            let owner = try addresses("owner@far.test")
            #expect(try await house.answer("news-owner@example.test") == .alias(owner))
            #expect(try await house.answer("other-request@example.test") == .unknownRecipient)
            #expect(try await house.answer("news-x@example.test") == .unknownRecipient)
            let list = try EmailAddress(parsing: "news@example.test")
            #expect(house.directory.cachedAnswer(for: list) != nil)
            // An address for one member does not push others out.
            let personal = try EmailAddress(parsing: "news-bounces+Bob=x.test@example.test")
            #expect(house.directory.cachedAnswer(for: personal) == nil)
        }
    }

    @Test func `a list is read back as it was made, and changed`() async throws {
        try await withList { house, id in
            let made = try settings()
            #expect(try await house.directory.list(id) == made)
            let changed = try await house.directory.changeList(try EmailAddress(parsing: "news@example.test")) { list in
                list.name = nil
                list.posting = .anyone
                list.archive = "https://example.test/"
            }
            #expect(changed.posting == .anyone)
            #expect(try await house.directory.list(id) == changed)
            let lists = try await house.directory.lists()
            #expect(lists.map(\.members) == [0])
        }
    }

    @Test func `an address has one owner`() async throws {
        try await withList { house, _ in
            try await house.account("alice@example.test")
            await #expect(throws: DirectoryError.self) { try await house.directory.addList(try settings()) }
            await #expect(throws: DirectoryError.self) {
                try await house.directory.addList(try settings("alice@example.test"))
            }
            await #expect(throws: DirectoryError.self) { try await house.account("news@example.test") }
            await #expect(throws: DirectoryError.self) { try await house.alias("news@example.test", "x@y.test") }
            await #expect(throws: DirectoryError.self) { try await house.directory.addList(try settings("n@far.test")) }
            await #expect(throws: DirectoryError.self) {
                try await house.directory.addList(try settings("news-request@example.test"))
            }
            try await house.directory.removeAccount(try EmailAddress(parsing: "alice@example.test"))
            await #expect(throws: DirectoryError.self) {
                try await house.directory.removeDomain(try Domain(parsing: "example.test"))
            }
            try await house.directory.removeList(try EmailAddress(parsing: "news@example.test"))
            try await house.directory.removeDomain(try Domain(parsing: "example.test"))
        }
    }

    @Test func `members come and go, each once whatever the case of letters`() async throws {
        try await withList { house, id in
            let directory = house.directory
            let three = try addresses("bob@x.test", "BOB@x.test", "eve@x.test")
            #expect(try await directory.addMembers(three, to: id) == 2)
            let eve = try addresses("nobody@x.test", "Eve@X.test")
            #expect(try await directory.addMembers([eve[1]], to: id) == 0)
            #expect(try await directory.isMember(eve, of: id))
            #expect(try await !directory.isMember([eve[0]], of: id))
            let bob = try addresses("Bob@x.test", "nobody@x.test")
            #expect(try await directory.removeMembers(bob, from: id) == 1)
            #expect(try await directory.recipients(of: id).map(\.description) == ["eve@x.test"])
        }
    }

    @Test func `who is suspended gets no posts until added anew`() async throws {
        try await withList { house, id in
            let directory = house.directory
            let members = try addresses("bob@x.test", "eve@x.test")
            try await directory.addMembers(members, to: id)
            let bounce = ListBounce(member: members[0], severity: .permanent, reason: "gone")
            var suspended: [ListBounce] = []
            var days = 0
            while suspended.isEmpty, days < 30 {
                suspended = try await directory.countBounces([bounce, bounce], of: id)
                house.time.pass(86_400)
                days += 1
            }
            #expect((5...9).contains(days))
            #expect(suspended == [bounce])
            #expect(try await directory.recipients(of: id) == [members[1]])
            #expect(try await directory.members(of: id).map { $0.suspended != nil } == [true, false])
            // Nothing more is counted or told.
            #expect(try await directory.countBounces([bounce], of: id).isEmpty)
            try await directory.addMembers([members[0]], to: id)
            #expect(try await directory.recipients(of: id) == members)
            #expect(try await directory.members(of: id).allSatisfy { $0.bounceScore == 0 })
        }
    }

    @Test func `tokens hold for as long as the directory is`() async throws {
        try await withList { house, _ in
            let first = house.directory.listSeal()
            let again = try SQLDirectory(path: house.path, clock: house.time.clock, hashParameters: .forTests)
            let second = again.listSeal()
            await again.close()
            #expect(first([1, 2, 3]) == second([1, 2, 3]))
            #expect(first([1, 2, 3]) != first([1, 2, 4]))
            #expect(first([]).count >= 16)
        }
    }

    @Test func `many answers at once are the same as one by one`() async throws {
        try await withList { house, _ in
            try await house.account("alice@example.test")
            let asked = try addresses(
                "alice@example.test",
                "a@far.test",
                "b@far.test",
                "no@example.test",
                "news@example.test"
            )
            let answers = try await house.directory.answers(for: asked)
            for address in asked {
                #expect(try await house.directory.answer(for: address) == answers[address])
                #expect(house.directory.cachedAnswer(for: address) != nil)
            }
        }
    }
}
