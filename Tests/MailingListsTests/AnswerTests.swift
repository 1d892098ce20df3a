import MailBytes
import MailNames
import Testing

@testable import MailingLists

@Suite("What a list writes") struct ListAnswerTests {
    private func written(_ kind: ListAnswer.Kind) throws -> String {
        let answer = ListAnswer(
            list: try Fixture.list(name: "The News"),
            recipient: try Fixture.address("bob@x.test"),
            kind: kind,
            inReplyTo: "<1@x.test>"
        )
        return String(decoding: answer.compose(unique: "u1", now: Fixture.now).bytes, as: UTF8.self)
    }

    @Test func `a question is answered to the address that has its token`() throws {
        let text = try written(.confirmSubscription(token: "s0token"))
        #expect(text.contains("Reply-To: <news-confirm+s0token@lists.test>\r\n"))
        #expect(text.contains("To: <bob@x.test>\r\n"))
        #expect(text.contains("From: The News <news-request@lists.test>\r\n"))
        #expect(text.contains("In-Reply-To: <1@x.test>\r\n"))
        #expect(text.contains("Auto-Submitted: auto-replied\r\n"))
    }

    @Test func `the owner sees the post and both ways to answer`() throws {
        let post = ListAnswer.HeldPost(
            queueID: "ABCDEFGHJKMNP",
            from: "eve@x.test\r\nBcc: all@x.test",
            subject: "Buy",
            reason: "the owner looks first",
            approveToken: "a1",
            rejectToken: "r1",
            content: Array("From: eve@x.test\r\n\r\nBuy.\r\n".utf8),
            isWhole: true
        )
        let text = try written(.held(post))
        #expect(text.contains("Reply-To: <news-approve+a1@lists.test>\r\n"))
        #expect(text.contains("news-reject+r1@lists.test"))
        #expect(text.contains("Content-Type: message/rfc822"))
        #expect(text.contains("From: eve@x.test  Bcc: all@x.test\r\n"))
        #expect(text.contains("martlet list approve ABCDEFGHJKMNP"))
    }

    @Test func `no line is longer than what every host takes`() throws {
        let member = ListAnswer.SuspendedMember(
            address: try Fixture.address("bob@x.test"),
            reason: String(repeating: "long ", count: 500)
        )
        let kinds: [ListAnswer.Kind] = [
            .confirmUnsubscription(token: "t"), .welcome, .goodbye, .alreadyMember, .notMember, .closed, .invalidToken,
            .help, .nothingHeld, .suspended([member]), .rejected(subject: String(repeating: "x", count: 5000)),
        ]
        for kind in kinds {
            let text = try written(kind)
            #expect(text.split(separator: "\r\n").allSatisfy { $0.utf8.count <= 998 }, "\(kind)")
            #expect(!text.replacing("\r\n", with: "").contains { $0.isNewline })
        }
    }
}
