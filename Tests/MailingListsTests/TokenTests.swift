import MailBytes
import MailNames
import Testing

@testable import MailingLists

@Suite("Tokens") struct TokenTests {
    private func purpose(
        _ text: String,
        list: String = "news@lists.test",
        subject: String = "bob@x.test",
        now: Timestamp = Fixture.now
    ) throws -> ListToken.Purpose? {
        ListToken.purpose(
            of: text,
            list: try Fixture.address(list),
            subject: subject,
            now: now,
            seal: Fixture.seal
        )
    }

    private func token(_ purpose: ListToken.Purpose = .subscribe) throws -> String {
        ListToken(
            purpose,
            list: try Fixture.address("news@lists.test"),
            subject: "Bob@x.test",
            expires: Fixture.now + .seconds(3 * 86_400),
            seal: Fixture.seal
        ).text
    }

    @Test(arguments: [ListToken.Purpose.subscribe, .unsubscribe, .approve, .reject])
    func `a token allows what it was made for, in any case of letters`(wanted: ListToken.Purpose) throws {
        let text = try token(wanted)
        #expect(text.utf8.count == ListToken.length)
        #expect(try purpose(text) == wanted)
        #expect(try purpose(text.uppercased(), subject: "BOB@X.TEST") == wanted)
    }

    @Test func `it is of no use to another address or list, or after its time`() throws {
        let text = try token()
        #expect(try purpose(text, subject: "eve@x.test") == nil)
        #expect(try purpose(text, list: "other@lists.test") == nil)
        #expect(try purpose(text, now: Fixture.now + .seconds(3 * 86_400 - 1)) == .subscribe)
        #expect(try purpose(text, now: Fixture.now + .seconds(3 * 86_400 + 3600)) == nil)
    }

    @Test func `a changed letter makes it none`() throws {
        let text = Array(try token().utf8)
        for index in text.indices {
            var changed = text
            changed[index] = changed[index] == UInt8(ascii: "z") ? UInt8(ascii: "y") : UInt8(ascii: "z")
            #expect(try purpose(String(decoding: changed, as: UTF8.self)) == nil, "at \(index)")
        }
    }

    @Test(arguments: ["", "s", String(repeating: "s", count: 22), String(repeating: "\u{FC}", count: 11)])
    func `what was never a token is none`(text: String) throws { #expect(try purpose(text) == nil) }
}

@Suite("One-click unsubscription, RFC 8058") struct OneClickTests {
    @Test func `the URL leads back to list and member`() throws {
        let (list, member) = (try Fixture.address("news@lists.test"), try Fixture.address("bob@x.test"))
        let front = "https://lists.test/unsubscribe"
        let url = OneClickUnsubscription.url(front, list: list, member: member, seal: Fixture.seal)
        #expect(url.hasPrefix(front + "/"))
        let opaque = String(url.dropFirst(front.count + 1))
        #expect(opaque.utf8.allSatisfy { $0.isASCIIAlphanumeric || $0 == .hyphen || $0 == .dot || $0 == 0x5F })
        let found = try #require(OneClickUnsubscription.member(opaque, seal: Fixture.seal))
        #expect(found.list == list)
        #expect(found.member == member)
    }

    @Test func `the fields are those of section 8, on lines of their own`() throws {
        let url = "https://example.com/unsubscribe/opaquepart"
        let fields = String(
            decoding: OneClickUnsubscription.fields(url, list: try Fixture.address("news@lists.test")),
            as: UTF8.self
        )
        #expect(
            fields == """
                List-Unsubscribe: <https://example.com/unsubscribe/opaquepart>,\r
                 <mailto:news-unsubscribe@lists.test>\r
                List-Unsubscribe-Post: List-Unsubscribe=One-Click\r

                """
        )
    }

    @Test(arguments: ["", ".", "a.b", "bmV3cw.0000", String(repeating: "a", count: 5000)])
    func `what we did not write unsubscribes nobody`(opaque: String) {
        #expect(OneClickUnsubscription.member(opaque, seal: Fixture.seal) == nil)
    }

    @Test func `a changed letter unsubscribes nobody`() throws {
        let url = OneClickUnsubscription.url(
            "https://l.test/",
            list: try Fixture.address("news@lists.test"),
            member: try Fixture.address("bob@x.test"),
            seal: Fixture.seal
        )
        let opaque = Array(url.utf8.dropFirst(15))
        for index in opaque.indices {
            var changed = opaque
            changed[index] = changed[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            // The last digit of base64 may have bits that say nothing: then it is the same subject.
            guard
                let found = OneClickUnsubscription.member(String(decoding: changed, as: UTF8.self), seal: Fixture.seal)
            else { continue }
            #expect(found.member.description == "bob@x.test")
        }
    }
}
