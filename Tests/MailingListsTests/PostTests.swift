import MailBytes
import MailNames
import Testing

@testable import MailingLists

@Suite("Who may post") struct PostDecisionTests {
    private func decide(
        _ header: String,
        posting: ListSettings.Posting = .anyone,
        from sender: String? = "bob@x.test",
        account: String? = nil,
        isMember: Bool = false
    ) throws -> PostDecision {
        .of(
            Fixture.post(header),
            to: try Fixture.list(posting: posting),
            reversePath: try sender.map { .address(try Fixture.address($0)) } ?? .null,
            account: account,
            isMember: isMember
        )
    }

    @Test func `anybody may where anybody may`() throws {
        #expect(try decide("From: bob@x.test") == .distribute)
    }

    @Test func `members may where members may, and others are told`() throws {
        #expect(try decide("From: bob@x.test", posting: .members, isMember: true) == .distribute)
        guard case .refuse(let status, let text) = try decide("From: bob@x.test", posting: .members) else {
            Issue.record("it was not refused")
            return
        }
        #expect(status.description == "5.7.2")
        #expect(text.contains("news@lists.test"))
    }

    @Test func `a moderated list holds everything but what its owner logged in for`() throws {
        guard
            case .hold = try decide(
                "From: owner@lists.test",
                posting: .moderated,
                from: "owner@lists.test",
                isMember: true
            )
        else {
            Issue.record("a From field was believed")
            return
        }
        #expect(try decide("From: x@y.test", posting: .moderated, account: "Owner@lists.test") == .distribute)
        guard case .hold = try decide("From: x@y.test", posting: .moderated, account: "bob@lists.test") else {
            Issue.record("somebody else's log-in was taken for the owner's")
            return
        }
    }

    @Test(arguments: [
        "List-Id: <news.lists.test>", "List-ID: The News <NEWS.lists.test>", "X-Loop: <news.lists.test>",
        "List-Id: <other.test>\r\nX-Loop: <news.lists.test>", "List-Id: <news .lists.\r\n test>",
    ])
    func `what went through the list before goes no further`(header: String) throws {
        guard case .discard = try decide("From: bob@x.test\r\n" + header) else {
            Issue.record("it goes in circles")
            return
        }
    }

    @Test(arguments: [
        "Auto-Submitted: auto-replied", "Auto-Submitted: auto-replied (vacation); owner-email=x", "Precedence: junk",
    ])
    func `answers of programs are for nobody`(header: String) throws {
        guard case .discard = try decide("From: bob@x.test\r\n" + header) else {
            Issue.record("it was not dropped")
            return
        }
    }

    @Test(arguments: [
        "Auto-Submitted: auto-generated", "Auto-Submitted: no", "Precedence: bulk", "List-Id: <other.lists.test>",
    ])
    func `what programs write first, and what other lists send, is a post`(header: String) throws {
        #expect(try decide("From: bob@x.test\r\n" + header) == .distribute)
    }

    @Test func `reports are no posts`() throws {
        guard case .discard = try decide("From: mailer-daemon@x.test", from: nil) else {
            Issue.record("it was not dropped")
            return
        }
    }
}

@Suite("The header of a post, RFC 2369 and RFC 2919") struct ListHeaderTests {
    private func rewritten(_ message: String, _ list: ListSettings) -> String {
        let bytes = Array(message.utf8)
        let (header, rest) = ListHeader.rewritten(bytes.span, for: list)
        return String(decoding: header + bytes[rest...], as: UTF8.self)
    }

    @Test func `the list's fields stand in front, the author's behind, and the body is as it was`() throws {
        let list = try Fixture.list(name: "The News")
        let post = "Received: by mx\r\nFrom: bob@x.test\r\nSubject: Hi\r\n there\r\n\r\nList-Id: no field\r\n"
        #expect(
            rewritten(post, list) == """
                List-Id: The News <news.lists.test>\r
                List-Help: <mailto:news-help@lists.test>\r
                List-Unsubscribe: <mailto:news-unsubscribe@lists.test>\r
                List-Subscribe: <mailto:news-subscribe@lists.test>\r
                List-Post: <mailto:news@lists.test>\r
                List-Owner: <mailto:news-owner@lists.test>\r
                Precedence: list\r
                X-Loop: <news.lists.test>\r
                \(post)
                """
        )
    }

    /// RFC 2369 section 3, as another list would have written them.
    static let parents = """
        List-Help: <mailto:list@host.com?subject=help> (List Instructions)\r
        List-Unsubscribe: (Use this command to get off the list)\r
             <mailto:list-manager@host.com?body=unsubscribe%20list>\r
        List-Subscribe: <mailto:list-request@host.com?subject=subscribe>\r
        List-Post: NO (posting not allowed on this list)\r
        List-Owner: <mailto:listmom@host.com> (Contact Person for Help)\r
        List-Archive: <http://www.host.com/list/archive/> (Web Archive)\r
        List-Unsubscribe-Post: List-Unsubscribe=One-Click\r
        List-Id: List Header Mailing List <list-header.nisto.com>\r

        """

    @Test func `of a list above, the archive alone stays`() throws {
        let text = rewritten(Self.parents + "From: bob@x.test\r\n\r\n", try Fixture.list())
        #expect(!text.contains("host.com?") && !text.contains("listmom") && !text.contains("nisto"))
        #expect(!text.contains("One-Click"))
        #expect(text.contains("List-Archive: <http://www.host.com/list/archive/> (Web Archive)\r\n"))
        var own = try Fixture.list()
        own.archive = "https://lists.test/news/"
        let other = rewritten(Self.parents + "From: bob@x.test\r\n\r\n", own)
        #expect(!other.contains("Web Archive"))
        #expect(other.contains("List-Archive: <https://lists.test/news/>\r\n"))
    }

    @Test func `members' programs are not made to tell the author`() throws {
        let post =
            "Return-Path: <bob@x.test>\r\nDisposition-Notification-To: bob@x.test\r\nReturn-Receipt-To: bob@x.test\r\n"
            + "Errors-To: bob@x.test\r\nPrecedence: bulk\r\nFrom: bob@x.test\r\n\r\n"
        let text = rewritten(post, try Fixture.list())
        #expect(text.split(separator: "bob@x.test", omittingEmptySubsequences: false).count == 2)
        #expect(text.split(separator: "Precedence:", omittingEmptySubsequences: false).count == 2)
    }

    @Test(arguments: [
        "From: bob@x.test\r\n", "", "no field\r\n", "From: bob@x.test\r\nno field\r\nmore\r\n", "\r\n\r\n",
    ])
    func `whatever comes, a header and an empty line come out, and no octet of the body is lost`(message: String) throws
    {
        let bytes = Array(message.utf8)
        let (header, rest) = ListHeader.rewritten(bytes.span, for: try Fixture.list())
        let text = String(decoding: header, as: UTF8.self)
        let whole = text + String(decoding: bytes[rest...], as: UTF8.self)
        #expect(whole.contains("\r\n\r\n"))
        if message.contains("no field") { #expect(whole.contains("\r\n\r\nno field")) }
    }

    @Test(arguments: [
        ("The News", "The News"), ("News, old", "\"News, old\""), ("a\"b", "\"a\\\"b\""), ("N\u{FC}s", "=?utf-8?"),
    ])
    func `a name is a phrase`(name: String, phrase: String) {
        #expect(ListHeader.phrase(name).lowercased().hasPrefix(phrase.lowercased()))
    }

    @Test func `what a URL may not have is encoded`() throws {
        #expect(ListHeader.mailto(try Fixture.address("a%b&c=d@lists.test")) == "mailto:a%25b%26c%3Dd@lists.test")
    }

    @Test func `a list's identifier is a label under its host`() throws {
        #expect(try Fixture.list("My.News!x@lists.test").identifier == "my-news-x.lists.test")
    }
}

@Suite("Commands") struct ListCommandTests {
    @Test(arguments: [
        ("subscribe", "", ListCommand.subscribe), ("Re: UNSUBSCRIBE me", "", .unsubscribe), ("help", "", .help),
        ("", "\r\n subscribe\r\n", .subscribe), ("confirm s0abc", "", .confirm("s0abc")), ("confirm", "", .help),
        ("hello", "I\r\nwant\r\nto\r\nleave it\r\nall\r\nunsubscribe", .help), ("", "", .help),
    ])
    func `the subject is looked at first, then the first line of the text`(
        subject: String,
        text: String,
        command: ListCommand
    ) {
        #expect(ListCommand.of(.request, subject: subject, text: text) == command)
    }

    @Test func `an address that says it all needs no words`() {
        #expect(ListCommand.of(.subscribe, subject: "unsubscribe", text: "") == .subscribe)
        #expect(ListCommand.of(.confirm("t"), subject: "help", text: "") == .confirm("t"))
    }
}
