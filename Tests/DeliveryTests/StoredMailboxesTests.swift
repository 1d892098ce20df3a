import Directory
import Foundation
import MailBytes
import MailEvents
import MailStore
import NIOCore
import Testing

@testable import Delivery

@Suite("Mailboxes on disk") struct StoredMailboxesTests {
    @Test func `a message that is handed over twice is written once, and that is told`() async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/martlet-\(UUID().uuidString)"
        let store = MailStore(folder: folder, clock: .system)
        let mailboxes = StoredMailboxes(store: store)
        let message = LocalDelivery(
            queueID: 7,
            recipient: "alice@home.test",
            content: .whole(
                prefix: Array("Return-Path: <>\r\n".utf8),
                body: ByteBuffer(string: "Subject: x\r\n\r\ny\r\n")
            ),
            received: Timestamp(seconds: 1_800_000_000)
        )
        let first = await mailboxes.write([message], to: AccountID(1))
        let second = await mailboxes.write([message], to: AccountID(1))
        let texts = (first + second).map { outcome in
            switch outcome {
            case .written(let mailbox): mailbox
            case .failed(let failure): failure.text
            }
        }
        #expect(texts == ["INBOX, UID 1", "INBOX, UID 1, where it was already"])
        await store.close()
        try? FileManager.default.removeItem(atPath: folder)
    }

    @Test func `one message that cannot be read does not hold up the others`() async throws {
        struct Broken: Error {}
        let folder = FileManager.default.temporaryDirectory.path + "/martlet-\(UUID().uuidString)"
        let store = MailStore(folder: folder, clock: .system)
        let mailboxes = StoredMailboxes(store: store)
        let good = LocalContent.whole(prefix: [], body: ByteBuffer(string: "Subject: x\r\n\r\ny\r\n"))
        let bad = LocalContent.pieces(prefix: [], count: 2) { _ in throw Broken() }
        let messages = [good, bad, good].enumerated().map { number, content in
            LocalDelivery(
                queueID: UInt64(number),
                recipient: "alice@home.test",
                content: content,
                received: Timestamp(seconds: 1_800_000_000)
            )
        }
        let outcomes = await mailboxes.write(messages, to: AccountID(1))
        let isWritten = outcomes.map { if case .written = $0 { true } else { false } }
        #expect(isWritten == [true, false, true])
        await store.close()
        try? FileManager.default.removeItem(atPath: folder)
    }
}
