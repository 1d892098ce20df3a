import Directory
import MailBytes
import MailEvents
import MailNames
import MailPolicy
import NIOCore
import SASL
import SMTPProtocol
import Synchronization

/// The policies joined: what is decided about senders, recipients and log-ins, and why.
///
/// Answers come at once when the directory has them in memory, else from its threads.
public final class Admission: Sendable {
    /// What can be changed while the server runs.
    public struct Options: Sendable, Hashable {
        public var relay: RelayControl
        /// Received fields that a message may have: RFC 5321 section 6.3 says at least 100.
        public var hops: Int

        public init(relay: RelayControl = RelayControl(), hops: Int = 100) {
            self.relay = relay
            self.hops = hops
        }
    }

    /// An answer at once, or later.
    public enum Judging: Sendable {
        case now([Verdict])
        case later(EventLoopFuture<[Verdict]>)
    }

    /// Who asks.
    public struct Client: Sendable {
        public var peer: IPAddress?
        public var account: String?
        public var isSubmission: Bool

        public init(peer: IPAddress?, account: String?, isSubmission: Bool) {
            self.peer = peer
            self.account = account
            self.isSubmission = isSubmission
        }
    }

    private let directory: any Directory
    private let authenticator: Authenticator
    private let options: Mutex<Options>

    /// - Parameter authenticator: judges log-ins; one without tokens where it is left out.
    public init(directory: any Directory, options: Options, authenticator: Authenticator? = nil) {
        self.directory = directory
        self.authenticator = authenticator ?? Authenticator(directory: directory, clock: .system)
        self.options = Mutex(options)
    }

    /// Other policies from now on.
    public func setOptions(_ options: Options) { self.options.withLock { $0 = options } }

    // MARK: Sender

    /// Whether the sender may be used: on submission the account's own addresses alone (RFC 6409 section 6.1).
    public func judgeSender(_ path: ReversePath, _ client: Client, on loop: any EventLoop) -> Judging {
        guard client.isSubmission, let name = client.account, let address = path.address else { return .now([]) }
        let promise = loop.makePromise(of: [Verdict].self)
        promise.completeWithTask { [directory] in
            [await Self.ownAddress(address, of: name, directory)]
        }
        return .later(promise.futureResult)
    }

    private static func ownAddress(
        _ address: EmailAddress,
        of name: String,
        _ directory: any Directory
    ) async -> Verdict {
        do {
            guard let login = try? EmailAddress(parsing: name),
                case .account(let id) = try await directory.answer(for: login),
                try await directory.account(id, maySendAs: address)
            else {
                return Verdict("sender", .refuse(.notYourAddress), because: "\(address) does not belong to \(name)")
            }
            return Verdict("sender", .accept, because: "\(address) belongs to \(name)")
        } catch {
            return Verdict("sender", .refuse(.directoryUnavailable), because: "\(error)")
        }
    }

    // MARK: Recipient

    /// Whether mail for the recipient is taken from this client.
    public func judgeRecipient(_ address: EmailAddress, _ client: Client, on loop: any EventLoop) -> Judging {
        if let answer = directory.cachedAnswer(for: address) { return .now(verdicts(answer, address, client)) }
        let promise = loop.makePromise(of: [Verdict].self)
        promise.completeWithTask { [self] in
            do {
                return verdicts(try await directory.answer(for: address), address, client)
            } catch {
                return [Verdict("recipient", .refuse(.directoryUnavailable), because: "\(error)")]
            }
        }
        return .later(promise.futureResult)
    }

    /// What was decided about a recipient that was accepted, again from memory: for the trace. `nil` when it is not there
    /// any more.
    public func explain(_ address: EmailAddress, _ client: Client) -> [Verdict]? {
        directory.cachedAnswer(for: address).map { verdicts($0, address, client) }
    }

    private func verdicts(_ answer: RecipientAnswer, _ address: EmailAddress, _ client: Client) -> [Verdict] {
        switch answer {
        case .account, .alias, .list:
            return [Verdict("recipient", .accept, because: "\(address) is here")]
        case .unknownRecipient:
            return [Verdict("recipient", .refuse(.unknownRecipient), because: "nobody here is called \(address)")]
        case .notLocal:
            let relay = options.withLock(\.relay)
            let (allowed, reason) = relay.mayRelay(
                RelayControl.Client(peer: client.peer, isAuthenticated: client.account != nil)
            )
            return [Verdict("relay", allowed ? .accept : .refuse(.relayingDenied), because: reason)]
        }
    }

    // MARK: Content

    /// Whether a message that passed so many hosts is taken.
    public func judgeHops(_ count: Int) -> Verdict {
        let limit = options.withLock(\.hops)
        guard count > limit else {
            return Verdict("hops", .accept, because: "\(count) of at most \(limit) hosts passed")
        }
        return Verdict("hops", .refuse(.loopDetected), because: "\(count) Received fields, more than \(limit)")
    }

    // MARK: Log-in

    /// The account that the credentials belong to, or why they belong to none.
    ///
    /// - Throws: `DirectoryError` when it cannot be told now.
    public func authenticate(
        _ credentials: SASLCredentials
    ) async throws(DirectoryError) -> Authenticator.Judgement { try await authenticator.judge(credentials) }

    /// What a SCRAM exchange is challenged with.
    ///
    /// - Throws: `DirectoryError` when it cannot be told now.
    public func scramChallenge(for identity: SCRAMIdentity) async throws(DirectoryError) -> SCRAMChallenge {
        try await authenticator.challenge(for: identity)
    }
}
