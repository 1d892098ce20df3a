import Access
import ChannelSupport
import Directory
import Logging
import MailBytes
import MailEvents
import MailNames
import NIOCore
import NIOPosix
import POPChannels
import POPProtocol
import SASL
import Synchronization

/// Knows alice (secret), bob (secret, disabled) and a name for which it fails.
struct TestDirectory: Directory {
    func cachedAnswer(for address: EmailAddress) -> RecipientAnswer? { nil }
    func answer(for address: EmailAddress) async throws(DirectoryError) -> RecipientAnswer { .notLocal }
    func isLocal(_ domain: Domain) async throws(DirectoryError) -> Bool { false }
    func account(_ id: AccountID) async throws(DirectoryError) -> Account? { nil }
    func account(_ id: AccountID, maySendAs address: EmailAddress) async throws(DirectoryError) -> Bool { false }

    func authenticate(_ credentials: PasswordCredentials) async throws(DirectoryError) -> Account? {
        if credentials.authenticationIdentity == "broken" { throw DirectoryError(.unavailable) }
        guard let secret = Password("secret"), credentials.password == secret,
            let address = try? EmailAddress(parsing: credentials.authenticationIdentity + "@example.test")
        else { return nil }
        switch credentials.authenticationIdentity {
        case "alice": return Account(id: AccountID(1), address: address, isEnabled: true)
        case "bob": return Account(id: AccountID(2), address: address, isEnabled: false)
        case "carol": return Account(id: AccountID(3), address: address, isEnabled: true)
        default: return nil
        }
    }
}

/// Maildrops in memory.
final class TestMaildrops: MaildropSource {
    struct Broken: Error {}

    let messages: [String]
    let isEndless: Bool
    let removed = Mutex<[Int]>([])

    init(_ messages: [String] = ["Subject: one\r\n\r\n.dot\r\n"], isEndless: Bool = false) {
        self.messages = messages
        self.isEndless = isEndless
    }

    func open(_ account: Account) async throws -> (POPMaildrop, any POPMailAccess) {
        guard account.id != AccountID(3) else { throw Broken() }
        let listing = self.messages.enumerated().map { index, text in
            POPMaildrop.Message(size: text.utf8.count, uniqueID: "u\(index)")
        }
        return (POPMaildrop(messages: listing), TestAccess(maildrops: self))
    }
}

private struct TestAccess: POPMailAccess {
    let maildrops: TestMaildrops

    func content(at position: Int, asSurrogate: Bool) async throws -> POPMessageContent {
        let message = self.maildrops.messages[position]
        guard self.maildrops.isEndless else { return .whole(ByteBuffer(string: message)) }
        return .chunks { ByteBuffer(repeating: UInt8(ascii: "x"), count: 16_384) }
    }

    func remove(_ positions: [Int]) async throws { self.maildrops.removed.withLock { $0 = positions } }
    func release() {}
}

/// A service on loopback with ports of the system's choice: the first for STLS, the second for implicit TLS.
struct TestService {
    let server: POPServer
    let plain: SocketAddress
    let encrypted: SocketAddress
    let recorder: CollectingTraceRecorder

    static func start(
        _ maildrops: TestMaildrops = TestMaildrops(),
        allowsPlaintext: Bool = true,
        limits: ConnectionRegister.Limits = .init(),
        loginDelay: Duration? = nil
    ) async throws -> TestService {
        let recorder = CollectingTraceRecorder()
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let authority = MaildropAuthority(
            directory: TestDirectory(),
            maildrops: maildrops,
            loginDelay: loginDelay,
            recorder: recorder,
            clock: WallClock { Timestamp(seconds: 1_800_000_000) },
            logger: logger
        )
        let any = ListeningPoint.address("127.0.0.1", port: 0)
        let tls = try TestIdentity.serverContext()
        let session = POPServerConfiguration(
            hostName: "pop.example.test",
            limits: .init(failureDelay: .milliseconds(1))
        )
        let options = POPServerOptions(
            listeners: [.init(any, security: .upgrade), .init(any, security: .implicit)],
            session: session,
            allowsPlaintextOnLoopback: allowsPlaintext,
            limits: limits
        )
        let server = POPServer(
            options: options,
            authority: authority,
            endpoint: { TLSEndpoint(context: tls) },
            group: .singletonMultiThreadedEventLoopGroup,
            logger: logger
        )
        let bound = try await server.start()
        return TestService(server: server, plain: bound[0], encrypted: bound[1], recorder: recorder)
    }

    func connect() async throws -> TestClient {
        let client = try await TestClient.connect(to: self.plain)
        _ = try await client.line()
        return client
    }

    func stop() async { await self.server.stop(within: .seconds(5)) }
}

/// Lets nobody in.
struct NobodyAuthority: POPAuthority {
    func logIn(_ credentials: SASLCredentials, from connection: POPConnection) async -> POPLogin { .refused(.rejected) }
}
