import NIOCore
import POPChannels
import POPProtocol
import SASL
import Synchronization

/// A maildrop in memory, and somebody at the door who knows alice.
final class TestAuthority: POPAuthority {
    let messages: [String]
    let isChunked: Bool
    let state = Mutex(State())

    struct State {
        var isLocked = false
        var removed: [Int] = []
        var released = 0
        var logins = 0
        /// Chunks that have been handed out.
        var chunks = 0
        var failAtChunk: Int?
        var encrypted: [Bool] = []
    }

    init(_ messages: [String] = ["Subject: one\r\n\r\n.dot\r\n", "Subject: two\r\n\r\n"], isChunked: Bool = false) {
        self.messages = messages
        self.isChunked = isChunked
    }

    func logIn(_ credentials: SASLCredentials, from connection: POPConnection) async -> POPLogin {
        guard case .password(let password) = credentials, let secret = Password("secret") else {
            return .refused(.unavailable)
        }
        self.state.withLock {
            $0.logins += 1
            $0.encrypted.append(connection.isEncrypted)
        }
        guard password.authenticationIdentity == "alice", password.password == secret else {
            return .refused(.rejected)
        }
        let isOurs = self.state.withLock { state in
            defer { state.isLocked = true }
            return !state.isLocked
        }
        guard isOurs else { return .refused(.maildropInUse) }
        let maildrop = POPMaildrop(
            messages: self.messages.enumerated().map { index, text in
                POPMaildrop.Message(size: text.utf8.count, uniqueID: "u\(index)")
            }
        )
        return .accepted(maildrop, TestAccess(authority: self))
    }
}

struct TestFailure: Error {}

final class Offset: Sendable {
    let octets = Mutex(0)
}

struct TestAccess: POPMailAccess {
    let authority: TestAuthority

    func content(at position: Int, asSurrogate: Bool) async throws -> POPMessageContent {
        let text = self.authority.messages[position]
        guard self.authority.isChunked else { return .whole(ByteBuffer(string: text)) }
        let octets = Array(text.utf8)
        let offset = Offset()
        return .chunks {
            let failAt = self.authority.state.withLock {
                $0.chunks += 1
                return $0.failAtChunk == $0.chunks
            }
            if failAt { throw TestFailure() }
            return offset.octets.withLock { offset in
                guard offset < octets.count else { return nil }
                let chunk = octets[offset..<min(offset + 16_384, octets.count)]
                offset += chunk.count
                return ByteBuffer(bytes: chunk)
            }
        }
    }

    func remove(_ positions: [Int]) async throws {
        self.authority.state.withLock { $0.removed = positions }
    }

    func release() {
        self.authority.state.withLock {
            $0.isLocked = false
            $0.released += 1
        }
    }
}
