import Foundation
import GRDB
import NIOCore
import NIOPosix
import SQLDatabase

/// An account's INBOX as it was when it was listed; what arrives later is not seen.
public final class Maildrop: Sendable {
    /// One message of the listing.
    public struct Message: Hashable, Sendable {
        public let uid: UInt32
        /// Octets with CR LF line ends.
        public let size: Int
        /// Header fields hold octets beyond ASCII: RFC 6532.
        public let hasUTF8Header: Bool
    }

    struct Listing: Sendable {
        let uidValidity: UInt32
        let messages: [Message]
    }

    /// The messages in the order of their UIDs.
    public var messages: [Message] { listing.messages }

    private let store: MailStore
    private let account: Int64
    private let listing: Listing

    init(store: MailStore, account: Int64, listing: Listing) {
        self.store = store
        self.account = account
        self.listing = listing
    }

    /// What names a message for ever: `<UIDVALIDITY>.<UID>`, both in base 36, at most 15 characters.
    public func uniqueID(_ uid: UInt32) -> String {
        "\(String(listing.uidValidity, radix: 36)).\(String(uid, radix: 36))"
    }

    /// A message's content.
    ///
    /// - Throws: `MailStoreError` with `.messageGone` where it has been removed meanwhile.
    public func content(_ uid: UInt32) async throws -> MaildropContent {
        let body = try await store.use(account) { try $0.body(uid) }
        switch body {
        case .whole(let buffer): return .whole(buffer)
        case .file(let file, let size): return .chunks(MaildropChunks(file: file, size: size, threads: store.threads))
        }
    }

    /// Removes messages, all in one transaction; durable on return. Those that are gone already do no harm.
    public func remove(_ uids: [UInt32]) async throws {
        guard !uids.isEmpty else { return }
        try await store.use(account) { try $0.remove(uids) }
    }
}

/// A message on its way out.
public enum MaildropContent: Sendable {
    /// All of a small one.
    case whole(ByteBuffer)
    /// A large one, piece after piece.
    case chunks(MaildropChunks)
}

/// The pieces of a large message. It stays readable when the message is removed meanwhile.
public struct MaildropChunks: Sendable {
    private let file: BodyFile
    /// Octets in all.
    public let size: Int
    private let threads: NIOThreadPool

    init(file: BodyFile, size: Int, threads: NIOThreadPool) {
        self.file = file
        self.size = size
        self.threads = threads
    }

    /// The next piece, up to 128 KiB; `nil` at the end.
    public func next() async throws -> ByteBuffer? {
        try await threads.runIfActive { [file, size] in try file.next(of: size) }
    }
}

extension AccountStore {
    enum Body: Sendable {
        case whole(ByteBuffer)
        case file(BodyFile, size: Int)
    }

    func list() throws -> Maildrop.Listing {
        try database().readBlocking { database in
            let inbox = try Row.fetchOne(
                database.cachedStatement(
                    sql: "SELECT id, uid_validity FROM mailbox WHERE name = '\(AccountSchema.inbox)'"
                )
            )
            guard let inbox else { throw MailStoreError(.damaged(account: id)) }
            let mailbox: Int64 = inbox[0]
            // The index `message_listing` has all of it.
            let statement = try database.cachedStatement(
                sql: "SELECT uid, size, utf8_header FROM message WHERE mailbox = ? ORDER BY uid"
            )
            var messages: [Maildrop.Message] = []
            let rows = try Row.fetchCursor(statement, arguments: [mailbox])
            while let row = try rows.next() {
                messages.append(Maildrop.Message(uid: row[0], size: row[1], hasUTF8Header: row[2]))
            }
            return Maildrop.Listing(uidValidity: inbox[1], messages: messages)
        }
    }

    func body(_ uid: UInt32) throws -> Body {
        try database().readBlocking { database in
            let row = try Row.fetchOne(
                database.cachedStatement(
                    sql: """
                        SELECT body.size, body.file, body.content FROM message JOIN body ON body.id = message.body
                        WHERE message.mailbox = (SELECT id FROM mailbox WHERE name = '\(AccountSchema.inbox)')
                            AND message.uid = ?
                        """
                ),
                arguments: [uid]
            )
            guard let row else { throw MailStoreError(.messageGone(uid: uid)) }
            if let number: Int64 = row[1] {
                return .file(try BodyFile(reading: bodies.path(number)), size: row[0])
            }
            guard let content: Data = row[2] else { throw MailStoreError(.damaged(account: id)) }
            return .whole(ByteBuffer(bytes: content))
        }
    }

    func remove(_ uids: [UInt32]) throws {
        let files = try database().writeBlocking { database in
            let inbox = try Row.fetchOne(
                database,
                sql: "SELECT id, highest_modseq FROM mailbox WHERE name = ?",
                arguments: [AccountSchema.inbox]
            )
            guard let inbox else { throw MailStoreError(.damaged(account: id)) }
            let mailbox: Int64 = inbox[0]
            let modseq: Int64 = inbox[1] + 1
            let now = clock.now().microseconds
            let find = try database.cachedStatement(sql: "SELECT id, body FROM message WHERE mailbox = ? AND uid = ?")
            let removeMessage = try database.cachedStatement(sql: "DELETE FROM message WHERE id = ?")
            let expunge = try database.cachedStatement(
                sql: "INSERT INTO expunged (mailbox, modseq, uid, time) VALUES (?, ?, ?, ?)"
            )
            let countUses = try database.cachedStatement(sql: "SELECT count(*) FROM message WHERE body = ?")
            let findFile = try database.cachedStatement(sql: "SELECT file FROM body WHERE id = ?")
            let removeBody = try database.cachedStatement(sql: "DELETE FROM body WHERE id = ?")
            var files: [Int64] = []
            for uid in uids {
                guard let row = try Row.fetchOne(find, arguments: [mailbox, uid]) else { continue }
                let message: Int64 = row[0]
                let body: Int64 = row[1]
                try removeMessage.execute(arguments: [message])
                try expunge.execute(arguments: [mailbox, modseq, uid, now])
                guard try Int.fetchOne(countUses, arguments: [body]) == 0 else { continue }
                if let file = try Int64?.fetchOne(findFile, arguments: [body]) ?? nil { files.append(file) }
                try removeBody.execute(arguments: [body])
            }
            try database.execute(
                sql: "UPDATE mailbox SET highest_modseq = ? WHERE id = ?",
                arguments: [modseq, mailbox]
            )
            return files
        }
        for file in files { bodies.remove(file) }
    }
}
