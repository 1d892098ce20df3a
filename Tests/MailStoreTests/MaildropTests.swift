import MailBytes
import MailStore
import NIOCore
import Testing

@Suite("The maildrop")
struct MaildropTests {
    @Test func `a UID is never given out twice`() async throws {
        try await StoreFixture.with { fixture in
            _ = try await fixture.store.deliver([message(1), message(2), message(3)], to: 1)
            let maildrop = try await fixture.store.maildrop(1)
            try await maildrop.remove([2, 3, 3, 99])
            #expect(try await fixture.store.maildrop(1).messages.map(\.uid) == [1])
            let reopened = try await fixture.reopened()
            #expect(try await reopened.store.deliver(message(4), to: 1).uid == 4)
            #expect(
                try await reopened.store.deliver(message(3), to: 1) == .init(mailbox: "INBOX", uid: 3, isRepeated: true)
            )
            await reopened.store.close()
        }
    }

    @Test func `a removed message is gone, the listing stays`() async throws {
        try await StoreFixture.with { fixture in
            _ = try await fixture.store.deliver([message(1), message(2)], to: 1)
            let maildrop = try await fixture.store.maildrop(1)
            try await maildrop.remove([1])
            #expect(maildrop.messages.count == 2)
            let gone = await #expect(throws: MailStoreError.self) { try await maildrop.content(1) }
            #expect(gone?.reason == .messageGone(uid: 1))
            #expect(try await maildrop.whole(2).text.contains("Hello"))
        }
    }

    @Test func `unique ids are short`() async throws {
        try await StoreFixture.with { fixture in
            let maildrop = try await fixture.store.maildrop(1)
            #expect(maildrop.messages.isEmpty)
            #expect(maildrop.uniqueID(35) == "tro8w0.z")
            #expect(maildrop.uniqueID(.max).utf8.count <= 15)
        }
    }

    @Test func `a header beyond ASCII is told`() async throws {
        try await StoreFixture.with { fixture in
            _ = try await fixture.store.deliver(
                [message(1, "Subject: é\r\n\r\n"), message(2, "Subject: e\r\n\r\né\r\n")],
                to: 1
            )
            #expect(try await fixture.store.maildrop(1).messages.map(\.hasUTF8Header) == [true, false])
        }
    }
}
