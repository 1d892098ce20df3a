import Directory
import Logging
import MailBytes
import MailEvents
import MailNames
import NIOCore
import POPChannels
import POPProtocol
import SASL
import Synchronization

/// Where maildrops come from: see `StoredMaildrops`.
public protocol MaildropSource: Sendable {
    /// The listing of an account's maildrop and the access to it. Called while nobody else has the maildrop open.
    func open(_ account: Account) async throws -> (POPMaildrop, any POPMailAccess)
}

/// Judges POP3 log-ins against the directory, and lends each maildrop to one session at a time.
///
/// The lock is this process's: RFC 1939 section 4 wants it so that message-numbers stay what they are; delivery goes on
/// meanwhile, and what it brings is seen by the next session.
public final class MaildropAuthority: POPAuthority {
    private struct State {
        var inUse: Set<AccountID> = []
        var lastLogin: [AccountID: Timestamp] = [:]
    }

    private let authenticator: Authenticator
    private let maildrops: any MaildropSource
    private let loginDelay: Duration?
    private let recorder: any TraceRecorder
    private let clock: WallClock
    private let logger: Logger
    private let state = Mutex(State())

    /// Accounts whose last log-in is remembered for `loginDelay`; beyond, all are forgotten at once.
    private static let rememberedLogins = 100_000

    /// An authority.
    ///
    /// - Parameters:
    ///   - authenticator: judges log-ins; one without tokens where it is left out.
    ///   - loginDelay: the time that has to pass between two good log-ins of an account (RFC 2449 section 6.5); the same as
    ///     in `POPServerConfiguration`.
    public init(
        directory: any Directory,
        authenticator: Authenticator? = nil,
        maildrops: any MaildropSource,
        loginDelay: Duration? = nil,
        recorder: any TraceRecorder,
        clock: WallClock,
        logger: Logger
    ) {
        self.authenticator = authenticator ?? Authenticator(directory: directory, clock: clock)
        self.maildrops = maildrops
        self.loginDelay = loginDelay
        self.recorder = recorder
        self.clock = clock
        self.logger = logger
    }

    /// Judges, locks and lists; every answer but a maildrop in use or too early leaves an entry in the trace.
    public func logIn(_ credentials: SASLCredentials, from connection: POPConnection) async -> POPLogin {
        let name = credentials.claimedIdentity.map(Redaction.peerText) ?? "-"
        let account: Account
        do throws(DirectoryError) {
            switch try await self.authenticator.judge(credentials) {
            case .accepted(let found): account = found
            case .refused(let reason):
                self.failed(name, connection, Redaction.peerText(reason))
                return .refused(.rejected)
            }
        } catch {
            self.failed(name, connection, "\(error)")
            return .refused(.unavailable)
        }
        if let refusal = self.lock(account.id) { return .refused(refusal) }
        do {
            let (maildrop, access) = try await self.maildrops.open(account)
            self.record(.authenticated, name, connection, nil)
            return .accepted(maildrop, LentMaildrop(access: access) { self.unlock(account.id) })
        } catch {
            self.unlock(account.id)
            self.logger.error(
                "maildrop cannot be opened",
                metadata: ["account": "\(account.address)", "error": "\(error)"]
            )
            return .refused(.unavailable)
        }
    }

    /// What a SCRAM exchange is challenged with; `nil` when the directory cannot be read.
    public func scramChallenge(for identity: SCRAMIdentity) async -> SCRAMChallenge? {
        do throws(DirectoryError) {
            return try await self.authenticator.challenge(for: identity)
        } catch {
            self.logger.error("a log-in could not be judged: \(error)")
            return nil
        }
    }

    private func lock(_ id: AccountID) -> POPLoginRefusal? {
        let now = self.clock.now()
        return self.state.withLock { state in
            guard !state.inUse.contains(id) else { return .maildropInUse }
            if let delay = self.loginDelay {
                if let last = state.lastLogin[id], now < last + delay { return .tooSoon }
                if state.lastLogin.count >= Self.rememberedLogins { state.lastLogin.removeAll() }
                state.lastLogin[id] = now
            }
            state.inUse.insert(id)
            return nil
        }
    }

    private func unlock(_ id: AccountID) {
        self.state.withLock { _ = $0.inUse.remove(id) }
    }

    private func failed(_ name: String, _ connection: POPConnection, _ reason: String) {
        self.record(.authenticationFailed, name, connection, reason)
    }

    private func record(
        _ kind: TraceEvent.Kind,
        _ name: String,
        _ connection: POPConnection,
        _ reason: String?
    ) {
        let event = TraceEvent(
            kind,
            [
                .account: name, .peer: connection.peer?.ipAddress,
                .transmission: connection.isEncrypted ? "POP3S" : "POP3",
                .door: "pop3", .reason: reason,
            ]
        )
        self.recorder.record(TraceEntry(queueID: nil, time: self.clock.now(), event: event))
        if kind == .authenticationFailed { self.logger.notice("\(event.sentence)") }
    }
}

/// A maildrop that goes back to the authority when its session ends.
private struct LentMaildrop: POPMailAccess {
    let access: any POPMailAccess
    let giveBack: @Sendable () -> Void

    init(access: any POPMailAccess, giveBack: @escaping @Sendable () -> Void) {
        self.access = access
        self.giveBack = giveBack
    }

    func content(at position: Int, asSurrogate: Bool) async throws -> POPMessageContent {
        try await self.access.content(at: position, asSurrogate: asSurrogate)
    }

    func remove(_ positions: [Int]) async throws { try await self.access.remove(positions) }

    func release() {
        self.access.release()
        self.giveBack()
    }
}
