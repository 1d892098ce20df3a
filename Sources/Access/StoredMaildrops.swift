import Directory
import MailStore
import POPChannels
import POPProtocol

/// Maildrops that are the INBOX of the mail store.
public struct StoredMaildrops: MaildropSource {
    private let store: MailStore

    public init(store: MailStore) {
        self.store = store
    }

    public func open(_ account: Account) async throws -> (POPMaildrop, any POPMailAccess) {
        let maildrop = try await self.store.maildrop(account.id.rawValue)
        let messages = maildrop.messages.map { message in
            POPMaildrop.Message(
                size: message.size,
                uniqueID: maildrop.uniqueID(message.uid),
                needsUTF8: message.hasUTF8Header
            )
        }
        return (POPMaildrop(messages: messages), StoredMailAccess(maildrop: maildrop))
    }
}

/// A session's access to its maildrop; positions are those of the listing. `MaildropAuthority` has the lock.
private struct StoredMailAccess: POPMailAccess {
    let maildrop: Maildrop

    func content(at position: Int, asSurrogate: Bool) async throws -> POPMessageContent {
        let content: POPMessageContent =
            switch try await self.maildrop.content(self.maildrop.messages[position].uid) {
            case .whole(let buffer): .whole(buffer)
            case .chunks(let chunks): .chunks { try await chunks.next() }
            }
        return asSurrogate ? SurrogateContent.of(content) : content
    }

    func remove(_ positions: [Int]) async throws {
        try await self.maildrop.remove(positions.map { self.maildrop.messages[$0].uid })
    }

    func release() {}
}
