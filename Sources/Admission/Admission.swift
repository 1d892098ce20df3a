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
        /// Whether the hosts of relay domains are asked about recipients.
        public var verifying: Verifying
        /// Networks whose hosts get full answers to VRFY and EXPN, as who logged in does.
        public var lookupNetworks: [IPNetwork] = []
        /// How much an account may send.
        public var pace: AccountPace.Limits
        /// Domains whose mail is taken for their hosts to fetch: RFC 2645.
        public var onDemand: Set<Domain> = []

        public init(
            relay: RelayControl = RelayControl(),
            hops: Int = 100,
            verifying: Verifying = .off,
            pace: AccountPace.Limits = AccountPace.Limits()
        ) {
            self.relay = relay
            self.hops = hops
            self.verifying = verifying
            self.pace = pace
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
        /// The certificate that its TLS handshake proved to be its own.
        public var certificate: CertificateFingerprint?

        public init(
            peer: IPAddress?,
            account: String?,
            isSubmission: Bool,
            certificate: CertificateFingerprint? = nil
        ) {
            self.peer = peer
            self.account = account
            self.isSubmission = isSubmission
            self.certificate = certificate
        }

        var relaying: RelayControl.Client {
            RelayControl.Client(peer: peer, account: account, certificate: certificate)
        }
    }

    let directory: any Directory
    let options: Mutex<Options>
    private let authenticator: Authenticator
    private let verifier: (any RecipientVerifier)?
    /// Whose members EXPN tells; `nil` where there are no lists.
    let lists: (any ListDirectory)?
    let pace: Mutex<AccountPace>
    /// Who signs return paths; `nil` where nobody does.
    let returnPaths: ReturnPathSigner?
    let clock: WallClock

    /// - Parameters:
    ///   - authenticator: judges log-ins; one without tokens where it is left out.
    ///   - verifier: asks the hosts of relay domains; `nil` where nobody can.
    ///   - lists: whose members EXPN tells; `nil` where there are no lists.
    ///   - returnPaths: who signs return paths; `nil` where nobody does.
    public init(
        directory: any Directory,
        options: Options,
        authenticator: Authenticator? = nil,
        verifier: (any RecipientVerifier)? = nil,
        lists: (any ListDirectory)? = nil,
        returnPaths: ReturnPathSigner? = nil,
        clock: WallClock = .system
    ) {
        self.lists = lists
        self.returnPaths = returnPaths
        self.clock = clock
        self.directory = directory
        self.authenticator = authenticator ?? Authenticator(directory: directory, clock: .system)
        self.options = Mutex(options)
        self.verifier = verifier
        self.pace = Mutex(AccountPace(limits: options.pace))
    }

    /// Other policies from now on.
    public func setOptions(_ options: Options) {
        self.options.withLock { $0 = options }
        pace.withLock { $0.limits = options.pace }
    }

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
            // Tags are for us to give.
            guard ReturnPathSigner.original(of: address) == nil else {
                return Verdict(
                    "sender",
                    .refuse(.notYourAddress),
                    because: "\(address) has the tag of a signed return path"
                )
            }
            let login = try? EmailAddress(parsing: name)
            // Whose mail goes elsewhere still writes as who it was.
            if let login, login == address, case .moved = try await directory.answer(for: login) {
                return Verdict("sender", .accept, because: "\(address) is the account itself, which has moved")
            }
            guard let login, case .account(let id) = try await directory.answer(for: login),
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
        let known = directory.cachedAnswer(for: address)
        if let known, known != .relayDomain { return .now(verdicts(known, address, client)) }
        let promise = loop.makePromise(of: [Verdict].self)
        promise.completeWithTask { [self] in
            do {
                let answer: RecipientAnswer
                if let known { answer = known } else { answer = try await directory.answer(for: address) }
                return await checked(verdicts(answer, address, client), answer, address)
            } catch {
                return [Verdict("recipient", .refuse(.directoryUnavailable), because: "\(error)")]
            }
        }
        return .later(promise.futureResult)
    }

    /// With the verdict of the recipient's own host, where it is to be asked.
    private func checked(
        _ verdicts: [Verdict],
        _ answer: RecipientAnswer,
        _ address: EmailAddress
    ) async -> [Verdict] {
        let verifying = options.withLock(\.verifying)
        guard answer == .relayDomain, verifying != .off, let verifier,
            verdicts.allSatisfy({ $0.decision == .accept })
        else { return verdicts }
        return verdicts + [await verified(address, verifying, verifier)]
    }

    /// What was decided about a recipient that was accepted, again from memory: for the trace. `nil` when it is not there
    /// any more.
    public func explain(_ address: EmailAddress, _ client: Client) -> [Verdict]? {
        directory.cachedAnswer(for: address).map { verdicts($0, address, client) }
    }

    private func verdicts(_ answer: RecipientAnswer, _ address: EmailAddress, _ client: Client) -> [Verdict] {
        if let verdict = judgeTag(of: address, answer) { return [verdict] }
        switch answer {
        case .account, .alias, .mixedAlias, .list:
            return [Verdict("recipient", .accept, because: "\(address) is here")]
        case .unknownRecipient:
            return [Verdict("recipient", .refuse(.unknownRecipient), because: "nobody here is called \(address)")]
        case .moved(let new, let way): return [Self.moved(address, to: new, way)]
        case .disabled:
            return [Verdict("recipient", .refuse(.mailboxDisabled), because: "the account \(address) is switched off")]
        case .relayDomain, .notLocal:
            let (relay, onDemand) = options.withLock { ($0.relay, $0.onDemand) }
            let isFetched = address.domain.map(onDemand.contains) ?? false
            let isListed = answer == .relayDomain || isFetched
            let (allowed, reason) = relay.mayRelay(client.relaying, to: address, isListed: isListed)
            let denied: SMTPReply = isListed ? .routingDenied : .relayingDenied
            let why = allowed && isFetched ? "its mail is fetched from here (odmr.domains)" : reason
            return [Verdict("relay", allowed ? .accept : .refuse(denied), because: why)]
        }
    }

    /// Refuses a signed return path whose tag is not ours or over (bounce address tag validation); `nil` where there is nothing
    /// against it. In domains that are not ours such a name is somebody else's business.
    private func judgeTag(of address: EmailAddress, _ answer: RecipientAnswer) -> Verdict? {
        guard ReturnPathSigner.original(of: address) != nil, let returnPaths else { return nil }
        switch answer {
        case .relayDomain, .unknownRecipient, .notLocal: return nil
        case .account, .alias, .mixedAlias, .list, .moved, .disabled: break
        }
        guard !returnPaths.isValid(address, now: clock.now()) else { return nil }
        let why = "the tag of \(address) was not made here, or its time is over"
        return Verdict("return-path", .refuse(.returnPathInvalid), because: why)
    }

    /// Somebody who has another address now: RFC 5321 section 3.4.
    ///
    /// An address in UTF-8 is not told to clients that may not understand it: RFC 6531 section 3.7.4.2.
    static func moved(_ address: EmailAddress, to new: EmailAddress, _ way: Forwarding) -> Verdict {
        let isTold = !new.isInternationalized
        switch way {
        case .forward:
            let decision: Verdict.Decision = isTold ? .acceptTelling(.willForward(to: new)) : .accept
            return Verdict("recipient", decision, because: "mail for \(address) goes on to \(new)")
        case .tell:
            let reply: SMTPReply = isTold ? .tryInstead(new) : .mailboxDisabled
            return Verdict("recipient", .refuse(reply), because: "\(address) has moved to \(new)")
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
