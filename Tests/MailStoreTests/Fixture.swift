import Foundation
import MailBytes
import MailStore
import NIOCore

/// A store in a folder of its own.
struct StoreFixture {
    static let clock = WallClock { Timestamp(seconds: 1_800_000_000) }

    let folder: String
    let store: MailStore

    init(folder: String? = nil) throws {
        let path = folder ?? NSTemporaryDirectory() + "martlet-store-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        self.folder = path
        self.store = MailStore(folder: path, clock: Self.clock)
    }

    static func with(_ body: (StoreFixture) async throws -> Void) async throws {
        let fixture = try StoreFixture()
        do {
            try await body(fixture)
        } catch {
            await fixture.end()
            throw error
        }
        await fixture.end()
    }

    private func end() async {
        await store.close()
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// The same folder, opened anew.
    func reopened() async throws -> StoreFixture {
        await store.close()
        return try StoreFixture(folder: folder)
    }
}

func message(
    _ queueID: UInt64,
    _ text: String = "Subject: one\r\n\r\nHello\r\n",
    to recipient: String = "a@example.test"
) -> LocalDelivery {
    LocalDelivery(
        queueID: queueID,
        recipient: recipient,
        content: .whole(prefix: Array("Return-Path: <>\r\n".utf8), body: ByteBuffer(string: text)),
        received: Timestamp(seconds: 1_799_999_999)
    )
}

extension Maildrop {
    /// All of a message, and whether it came in pieces.
    func whole(_ uid: UInt32) async throws -> (text: String, isChunked: Bool) {
        switch try await content(uid) {
        case .whole(let buffer): return (String(buffer: buffer), false)
        case .chunks(let chunks):
            var all = ByteBuffer()
            while var piece = try await chunks.next() { all.writeBuffer(&piece) }
            return (String(buffer: all), true)
        }
    }
}
