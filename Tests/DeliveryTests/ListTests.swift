import DeliveryScheduler
import Directory
import Foundation
import MailBytes
import MailEvents
import MailNames
import MailingLists
import SMTPProtocol
import Testing

@testable import Delivery

@Suite("Mailing lists", .timeLimit(.minutes(15))) struct ListTests {
    private static let id = ListID(7)
    private let lists = FakeLists()

    /// A house with the list `news@home.test`, whose owner is alice.
    private func house(
        members: [String],
        posting: ListSettings.Posting = .anyone,
        bounceLimit: Int = 1,
        folder: String? = nil,
        _ change: (inout DeliveryOptions, Int) -> Void = { _, _ in }
    ) async throws -> House {
        let settings = ListSettings(
            address: try EmailAddress(parsing: "news@home.test"),
            owner: try EmailAddress(parsing: "alice@home.test"),
            posting: posting,
            bounceLimit: bounceLimit
        )
        lists.set(Self.id, settings, members: try members.map { try EmailAddress(parsing: $0) })
        let directory = FakeDirectory()
        directory.list("news@home.test", Self.id)
        return try await House(folder: folder, directory: directory, lists: lists, change)
    }

    private func paths(_ house: House) -> [String] {
        house.server.messages.map(\.transaction.reversePath.description).sorted()
    }

    private static let post =
        "Received: by a\r\nFrom: dan@far.test\r\nSubject: Hi\r\nList-Post: <mailto:x@y>\r\n\r\nHello.\r\n"

    @Test func `each member gets a copy with the list's header and a reverse-path of its own`() async throws {
        let house = try await house(members: ["bob@home.test", "eve@far.test", "dan@far.test"])
        try await house.submit(from: "dan@far.test", to: "news@home.test", content: Self.post)
        await house.recorder.wait { entries in
            entries.count { $0.event.kind == .delivered } == 1
                && entries.filter { $0.event.kind == .relayed }.flatMap { $0.event.all(.recipient) }.count == 2
        }
        let left = await house.end()
        #expect(left == 0)
        #expect(
            paths(house) == [
                "<news-bounces+dan=far.test@home.test>", "<news-bounces+eve=far.test@home.test>",
            ]
        )
        let copy = try #require(house.server.messages.first)
        #expect(copy.content.contains("List-Id: <news.home.test>\r\n"))
        #expect(copy.content.contains("List-Unsubscribe: <mailto:news-unsubscribe@home.test>\r\n"))
        #expect(copy.content.hasSuffix("Received: by a\r\nFrom: dan@far.test\r\nSubject: Hi\r\n\r\nHello.\r\n"))
        let local = try #require(house.mailboxes.written.first?.text)
        #expect(
            local.hasPrefix("Return-Path: <news-bounces+bob=home.test@home.test>\r\nDelivered-To: bob@home.test\r\n")
        )
        #expect(local.contains("List-Id: <news.home.test>\r\n"))
        let told = try #require(house.recorder.events(.distributed).first)
        #expect(told[.reason] == "sent on to 3 members")
    }

    @Test func `a page for leaving with one click is named in each copy, with the member in it`() async throws {
        let house = try await house(members: ["eve@far.test"]) { options, _ in
            options.unsubscribePage = "https://home.test/leave"
        }
        try await house.submit(from: "dan@far.test", to: "news@home.test", content: Self.post)
        await house.recorder.wait(for: .relayed)
        _ = await house.end()
        let copy = try #require(house.server.messages.first?.content)
        let seal = try await lists.listSeal()
        let found = try #require(copy.firstMatch(of: /List-Unsubscribe: <https:\/\/home\.test\/leave\/([^>]+)>,/))
        let member = OneClickUnsubscription.member(String(found.1), seal: seal)
        #expect(member?.member.description == "eve@far.test")
        #expect(copy.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"))
        #expect(copy.components(separatedBy: "List-Unsubscribe: ").count == 2)
    }

    @Test func `a stranger's post to members is refused, and the stranger is told`() async throws {
        let house = try await house(members: ["bob@home.test"], posting: .members)
        try await house.submit(
            from: "alice@home.test",
            to: "news@home.test",
            content: "From: stranger@far.test\r\n\r\nBuy.\r\n"
        )
        await house.recorder.wait(for: .delivered)
        let left = await house.end()
        #expect(left == 0)
        #expect(house.mailboxes.written.map(\.recipient) == ["alice@home.test"])
        #expect(house.mailboxes.written.first?.text.contains("Status: 5.7.2") == true)
    }

    @Test func `what was sent before a restart is not sent again, and the rest is`() async throws {
        let members = (0..<300).map { "m\($0)@far.test" }
        let first = try await house(members: members)
        for member in members where member.hasSuffix("7@far.test") {
            first.server.refuse(member, SMTPReply(450, EnhancedStatus(4, 2, 0), "later"))
        }
        try await first.submit(from: "dan@far.test", to: "news@home.test", content: Self.post)
        await first.recorder.wait { entries in
            entries.filter { $0.event.kind == .relayed }.reduce(0) { $0 + $1.event.all(.recipient).count } == 270
                && entries.filter { $0.event.kind == .deferred }.reduce(0) { $0 + $1.event.all(.recipient).count } == 30
        }
        var left = await first.end(removing: false)
        #expect(left == 1)
        #expect(first.server.messages.count == 270)
        #expect(first.server.connections > 1)
        let second = try await house(members: members, folder: first.folder)
        await second.service.flush()
        await second.recorder.wait { entries in
            entries.filter { $0.event.kind == .relayed }.reduce(0) { $0 + $1.event.all(.recipient).count } == 30
        }
        left = await second.end()
        #expect(left == 0)
        #expect(second.server.messages.count == 30)
        #expect(Set(paths(first) + paths(second)).count == 300)
    }

    @Test func `ten thousand members are steps, not their square`() async throws {
        let members = (0..<10_000).map { "m\($0)@d\($0 % 300).far.test" }
        let house = try await house(members: members) { options, _ in options.outbound = .hold }
        try await house.submit(from: "dan@far.test", to: "news@home.test", content: Self.post)
        await house.recorder.wait(for: .held, count: 300)
        let left = await house.end()
        #expect(left == 1)
    }

    @Test func `people join and leave by answering a question`() async throws {
        let house = try await house(members: [])
        for (role, subject) in [("news-subscribe", "x"), ("news-request", "unsubscribe")] {
            let before = house.server.messages.count
            let request = "From: Eve <eve@far.test>\r\nSubject: \(subject)\r\n\r\n\r\n"
            try await house.submit(from: "eve@far.test", to: "\(role)@home.test", content: request)
            await house.recorder.wait(for: .relayed, count: before + 1)
            let question = try #require(house.server.messages.last?.content)
            #expect(house.server.messages.last?.transaction.reversePath == .null)
            let answerTo = try #require(question.firstMatch(of: /Reply-To: <([^>]+)>/)).1
            // Somebody else cannot answer it.
            let stranger = "From: mallory@far.test\r\nSubject: Re: x\r\n\r\nyes\r\n"
            try await house.submit(from: "mallory@far.test", to: String(answerTo), content: stranger)
            await house.recorder.wait(for: .relayed, count: before + 2)
            #expect(house.server.messages.last?.content.contains("came to nothing") == true)
            let answer = "From: eve@far.test\r\nSubject: Re: x\r\n\r\nyes\r\n"
            try await house.submit(from: "eve@far.test", to: String(answerTo), content: answer)
            await house.recorder.wait(for: .relayed, count: before + 3)
            #expect(lists.members(Self.id) == (role == "news-subscribe" ? ["eve@far.test"] : []))
        }
        let left = await house.end()
        #expect(left == 0)
    }

    @Test func `whoever asks in another's name does not flood them with questions`() async throws {
        let house = try await house(members: [])
        let request = "From: victim@far.test\r\nSubject: x\r\n\r\n\r\n"
        for _ in 0..<5 { try await house.submit(from: "victim@far.test", to: "news-join@home.test", content: request) }
        await house.recorder.wait(for: .listCommand, count: 5)
        await house.recorder.wait(for: .relayed)
        let left = await house.end()
        #expect(left == 0)
        #expect(house.server.messages.count == 1)
    }

    @Test func `programs are not answered`() async throws {
        let house = try await house(members: [])
        let automatic = "From: eve@far.test\r\nAuto-Submitted: auto-replied\r\nSubject: away\r\n\r\n\r\n"
        try await house.submit(from: "eve@far.test", to: "news-request@home.test", content: automatic)
        try await house.submit(from: "", to: "news-subscribe@home.test", content: "From: x@far.test\r\n\r\n")
        await house.recorder.wait(for: .listCommand, count: 2)
        let left = await house.end()
        #expect(left == 0)
        #expect(house.server.messages.isEmpty)
    }

    @Test(arguments: [true, false])
    func `a post to a moderated list waits for its owner, who answers by mail or by command`(byMail: Bool) async throws
    {
        let house = try await house(members: ["eve@far.test"], posting: .moderated)
        let id = try await house.submit(from: "dan@far.test", to: "news@home.test", content: Self.post)
        await house.recorder.wait(for: .held)
        await house.recorder.wait(for: .delivered)
        let notice = try #require(house.mailboxes.written.first)
        #expect(notice.recipient == "alice@home.test")
        #expect(house.server.messages.isEmpty)
        let posts = await house.service.heldPosts()
        #expect(posts.map(\.id) == [id])
        #expect(posts.first?.from == "dan@far.test")
        if byMail {
            let answerTo = try #require(notice.text.firstMatch(of: /Reply-To: <([^>]+)>/)).1
            #expect(answerTo.hasPrefix("news-approve+"))
            let away = "From: alice@home.test\r\nAuto-Submitted: auto-replied\r\n\r\nI am away.\r\n"
            try await house.submit(from: "alice@home.test", to: String(answerTo), content: away)
            await house.recorder.wait(for: .listCommand)
            #expect(house.server.messages.isEmpty)
            let answer = "From: alice@home.test\r\nSubject: Re: x\r\n\r\nfine\r\n"
            try await house.submit(from: "alice@home.test", to: String(answerTo), content: answer)
        } else {
            let isDone = await house.service.approvePost(id)
            #expect(isDone)
        }
        await house.recorder.wait(for: .relayed)
        let again = await house.service.approvePost(id)
        #expect(!again)
        let left = await house.end()
        #expect(left == 0)
        #expect(paths(house) == ["<news-bounces+eve=far.test@home.test>"])
    }

    @Test func `a held post waits through a restart, and is rejected`() async throws {
        let first = try await house(members: ["eve@far.test"], posting: .moderated)
        let id = try await first.submit(from: "dan@far.test", to: "news@home.test", content: Self.post)
        await first.recorder.wait(for: .held)
        await first.recorder.wait(for: .delivered)
        var left = await first.end(removing: false)
        #expect(left == 1)
        let second = try await house(members: ["eve@far.test"], posting: .moderated, folder: first.folder)
        let posts = await second.service.heldPosts()
        #expect(posts.map(\.id) == [id])
        let isDone = await second.service.rejectPost(id)
        #expect(isDone)
        await second.recorder.wait(for: .relayed)
        left = await second.end()
        #expect(left == 0)
        #expect(second.mailboxes.written.isEmpty)
        #expect(
            second.server.messages.map { $0.transaction.recipients.map(\.address.description) } == [["dan@far.test"]]
        )
        #expect(second.server.messages.first?.content.contains("was not let through") == true)
    }

    @Test func `others whom a held post is for do not wait`() async throws {
        let house = try await house(members: ["eve@far.test"], posting: .moderated)
        try await house.submit(from: "dan@far.test", to: "news@home.test", "bob@home.test", content: Self.post)
        await house.recorder.wait(for: .held)
        await house.recorder.wait(for: .delivered, count: 2)
        let posts = await house.service.heldPosts()
        #expect(posts.count == 1)
        #expect(house.mailboxes.written.map(\.recipient).sorted() == ["alice@home.test", "bob@home.test"])
        let left = await house.end()
        #expect(left == 1)
    }

    @Test func `a member whose mail comes back is suspended, and the owner is told`() async throws {
        let house = try await house(members: ["eve@far.test", "dan@far.test", "kim@far.test"])
        house.server.refuse("eve@far.test", SMTPReply(550, EnhancedStatus(5, 1, 1), "no such user"))
        try await house.submit(from: "dan@far.test", to: "news@home.test", content: Self.post)
        await house.recorder.wait(for: .delivered)
        var left = await house.end(removing: false)
        #expect(left == 0)
        #expect(lists.suspended == ["eve@far.test"])
        let notice = try #require(house.mailboxes.written.first)
        #expect(notice.recipient == "alice@home.test")
        #expect(notice.text.contains("<eve@far.test>"))
        #expect(notice.text.contains("5.1.1"))
        let second = try await self.house(
            members: ["eve@far.test", "dan@far.test", "kim@far.test"],
            folder: house.folder
        )
        let report = "Return-Path: <>\r\nSubject: Undeliverable\r\n\r\nno report for programs\r\n"
        try await second.submit(from: "", to: "news-bounces+kim=far.test@home.test", content: report)
        await second.recorder.wait(for: .listCommand)
        left = await second.end()
        #expect(left == 0)
        // Half of the limit: nobody could tell what the matter was.
        #expect(lists.suspended == ["eve@far.test"])
    }

    @Test func `a post that went through the list before goes no further`() async throws {
        let house = try await house(members: ["eve@far.test"])
        try await house.submit(
            from: "dan@far.test",
            to: "news@home.test",
            content: "List-Id: <news.home.test>\r\n" + Self.post
        )
        await house.recorder.wait(for: .listCommand)
        let left = await house.end()
        #expect(left == 0)
        #expect(house.server.messages.isEmpty)
    }
}
