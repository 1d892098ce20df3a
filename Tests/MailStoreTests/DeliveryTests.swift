import Foundation
import MailBytes
import MailStore
import NIOCore
import Synchronization
import Testing

@Suite("Deliveries into the store")
struct DeliveryTests {
    struct Broken: Error {}

    @Test func `a message comes to lie in INBOX with its prefix`() async throws {
        try await StoreFixture.with { fixture in
            let delivered = try await fixture.store.deliver(message(1), to: 7)
            #expect(delivered == DeliveredMessage(mailbox: "INBOX", uid: 1, isRepeated: false))
            let maildrop = try await fixture.store.maildrop(7)
            let text = "Return-Path: <>\r\nSubject: one\r\n\r\nHello\r\n"
            #expect(maildrop.messages.map(\.size) == [text.utf8.count])
            #expect(try await maildrop.whole(1) == (text, false))
            #expect(FileManager.default.fileExists(atPath: fixture.folder + "/07/7.db"))
        }
    }

    @Test func `a repeated delivery is not stored again`() async throws {
        try await StoreFixture.with { fixture in
            let first = try await fixture.store.deliver([message(1), message(1, to: "b@example.test")], to: 300)
            let repeated = try await fixture.store.deliver([message(1), message(2), message(2)], to: 300)
            #expect(first.map(\.isRepeated) == [false, false])
            #expect(repeated.map(\.isRepeated) == [true, false, true])
            #expect(repeated.map(\.uid) == [1, 3, 3])
            #expect(try await fixture.store.maildrop(300).messages.map(\.uid) == [1, 2, 3])
        }
    }

    @Test(arguments: [false, true])
    func `a large body lies in a file`(inPieces: Bool) async throws {
        try await StoreFixture.with { fixture in
            let text = "Subject: large\r\n\r\n" + String(repeating: "0123456789abcd\r\n", count: 40_000)
            var item = message(1, text)
            if inPieces {
                let body = ByteBuffer(string: text)
                item.content = .pieces(prefix: Array("Return-Path: <>\r\n".utf8), count: 11) { index in
                    let start = index * 60_000
                    return body.getSlice(at: start, length: min(60_000, body.readableBytes - start)) ?? ByteBuffer()
                }
            }
            _ = try await fixture.store.deliver(item, to: 255)
            let again = try await fixture.store.deliver(item, to: 255)
            #expect(again.isRepeated)
            let bodies = fixture.folder + "/ff/255.bodies"
            #expect(try FileManager.default.contentsOfDirectory(atPath: bodies).count == 1)
            let maildrop = try await fixture.store.maildrop(255)
            #expect(try await maildrop.whole(1) == ("Return-Path: <>\r\n" + text, true))
            try await maildrop.remove([1])
            #expect(try FileManager.default.contentsOfDirectory(atPath: bodies).isEmpty)
        }
    }

    @Test func `small pieces lie in the database`() async throws {
        try await StoreFixture.with { fixture in
            var item = message(1)
            item.content = .pieces(prefix: [], count: 3) { ByteBuffer(string: "\($0)\r\n") }
            _ = try await fixture.store.deliver(item, to: 1)
            #expect(try await fixture.store.maildrop(1).whole(1) == ("0\r\n1\r\n2\r\n", false))
        }
    }

    @Test func `content that cannot be read fails alone`() async throws {
        try await StoreFixture.with { fixture in
            var item = message(1)
            item.content = .pieces(prefix: [], count: 3) { _ in throw Broken() }
            let failed = await #expect(throws: MailStoreError.self) {
                try await fixture.store.deliver([item, message(2)], to: 1)
            }
            #expect(failed?.reason == .contentUnreadable)
            let other = try await fixture.store.deliver(message(2), to: 1)
            #expect(other.isRepeated)
        }
    }

    @Test func `2,000 concurrent deliveries arrive once each`() async throws {
        try await StoreFixture.with { fixture in
            let uids = try await withThrowingTaskGroup(of: UInt32.self) { group in
                for index in 0..<2000 {
                    group.addTask {
                        try await fixture.store.deliver(message(UInt64(index), "X: \(index)\r\n\r\n"), to: 5).uid
                    }
                }
                return try await group.reduce(into: Set<UInt32>()) { $0.insert($1) }
            }
            #expect(uids == Set(1...2000))
            #expect(try await fixture.store.maildrop(5).messages.map(\.uid) == Array(1...2000))
        }
    }

    @Test func `more accounts than stay open are all written`() async throws {
        try await StoreFixture.with { fixture in
            for round in 1...2 {
                try await withThrowingTaskGroup { group in
                    for account in 0..<80 {
                        group.addTask {
                            _ = try await fixture.store.deliver(message(UInt64(round)), to: Int64(account))
                        }
                    }
                    try await group.waitForAll()
                }
            }
            for account in 0..<80 {
                #expect(try await fixture.store.maildrop(Int64(account)).messages.count == 2)
            }
        }
    }

    @Test func `a closed store refuses`() async throws {
        try await StoreFixture.with { fixture in
            await fixture.store.close()
            let refused = await #expect(throws: MailStoreError.self) {
                try await fixture.store.deliver(message(1), to: 1)
            }
            #expect(refused?.reason == .closed)
        }
    }

    @Test func `what was delivered is there after opening anew`() async throws {
        try await StoreFixture.with { fixture in
            _ = try await fixture.store.deliver([message(1), message(2)], to: 1)
            let name = try await fixture.store.maildrop(1).uniqueID(2)
            let reopened = try await fixture.reopened()
            #expect(try await reopened.store.deliver(message(1), to: 1).isRepeated)
            #expect(try await reopened.store.deliver(message(3), to: 1).uid == 3)
            #expect(try await reopened.store.maildrop(1).uniqueID(2) == name)
            await reopened.store.close()
        }
    }
}
