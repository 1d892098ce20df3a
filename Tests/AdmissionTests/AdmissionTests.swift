import Admission
import Directory
import MailNames
import MailPolicy
import NIOCore
import NIOPosix
import SASL
import SMTPProtocol
import Testing

/// example.test with alice (1), her alias sales, and bob (2); knows `cached` at once, and nothing at all when it is down.
private struct SmallDirectory: Directory {
    var isDown = false
    var cached: Set<String> = []

    func cachedAnswer(for address: EmailAddress) -> RecipientAnswer? {
        cached.contains(address.description) ? known(address) : nil
    }

    func answer(for address: EmailAddress) async throws(DirectoryError) -> RecipientAnswer {
        if isDown { throw DirectoryError(.unavailable) }
        return known(address)
    }

    private func known(_ address: EmailAddress) -> RecipientAnswer {
        switch address.description {
        case "alice@example.test", "sales@example.test": .account(AccountID(1))
        case "bob@example.test": .account(AccountID(2))
        case let text where text.hasSuffix("@example.test"): .unknownRecipient
        default: .notLocal
        }
    }

    func isLocal(_ domain: Domain) async throws(DirectoryError) -> Bool { domain.ascii == "example.test" }

    func authenticate(_ credentials: PasswordCredentials) async throws(DirectoryError) -> Account? {
        if isDown { throw DirectoryError(.unavailable) }
        guard Password("alice-secret").map({ $0 == credentials.password }) == true,
            let address = try? EmailAddress(parsing: credentials.authenticationIdentity)
        else { return nil }
        return Account(id: AccountID(1), address: address, isEnabled: true)
    }

    func account(_ id: AccountID) async throws(DirectoryError) -> Account? { nil }

    func account(_ id: AccountID, maySendAs address: EmailAddress) async throws(DirectoryError) -> Bool {
        known(address) == .account(id)
    }
}

@Suite("What is decided about a transaction") struct AdmissionTests {
    private static let loop = MultiThreadedEventLoopGroup.singleton.any()

    private static func verdict(_ judging: Admission.Judging) async throws -> (verdict: Verdict?, atOnce: Bool) {
        switch judging {
        case .now(let verdicts): (verdicts.first, true)
        case .later(let future): (try await future.get().first, false)
        }
    }

    private static func reply(_ verdict: Verdict?) -> SMTPReply? {
        if case .refuse(let reply) = verdict?.decision { reply } else { nil }
    }

    private static func admission(_ directory: SmallDirectory = SmallDirectory(), relay: String...) throws -> Admission
    {
        let networks = try relay.map { try #require(IPNetwork($0)) }
        return Admission(directory: directory, options: .init(relay: RelayControl(networks: networks)))
    }

    private static func client(_ peer: String = "192.0.2.1", account: String? = nil) -> Admission.Client {
        Admission.Client(peer: IPAddress(peer), account: account, isSubmission: account != nil)
    }

    private static func recipient(
        _ address: String,
        _ client: Admission.Client? = nil,
        of admission: Admission
    ) async throws -> Verdict? {
        try await verdict(
            admission.judgeRecipient(try EmailAddress(parsing: address), client ?? Self.client(), on: loop)
        ).verdict
    }

    // MARK: Recipients

    @Test func `a stranger may send to who is here and to nobody else`() async throws {
        let admission = try Self.admission()
        #expect(try await Self.recipient("alice@example.test", of: admission)?.decision == .accept)
        let unknown = try await Self.recipient("nobody@example.test", of: admission)
        #expect(Self.reply(unknown) == .unknownRecipient)
        let elsewhere = try await Self.recipient("alice@example.org", of: admission)
        #expect(Self.reply(elsewhere) == .relayingDenied)
        #expect(elsewhere?.policy == "relay")
    }

    @Test func `no way of writing an address makes us a relay`() async throws {
        let admission = try Self.admission()
        for address in [
            "user%example.org@example.test", "\"user@example.org\"@example.test", "example.org!user@example.test",
            "user@[192.0.2.9]", "\"user@example.test\"@example.org",
        ] {
            #expect(Self.reply(try await Self.recipient(address, of: admission)) != nil, "\(address)")
        }
    }

    @Test func `who logged in or comes from an allowed network may send elsewhere, but not to who is not here`()
        async throws
    {
        let admission = try Self.admission(relay: "192.0.2.0/28")
        for client in [Self.client("192.0.2.1"), Self.client("198.51.100.1", account: "alice@example.test")] {
            #expect(try await Self.recipient("x@example.org", client, of: admission)?.decision == .accept)
            #expect(
                Self.reply(try await Self.recipient("nobody@example.test", client, of: admission)) == .unknownRecipient
            )
        }
        let other = try await Self.recipient("x@example.org", Self.client("192.0.2.16"), of: admission)
        #expect(Self.reply(other) == .relayingDenied)
    }

    @Test func `other networks hold from the next recipient on`() async throws {
        let admission = try Self.admission(relay: "192.0.2.0/24")
        #expect(try await Self.recipient("x@example.org", of: admission)?.decision == .accept)
        admission.setOptions(.init())
        #expect(Self.reply(try await Self.recipient("x@example.org", of: admission)) == .relayingDenied)
    }

    @Test func `what is in memory is answered at once, else later`() async throws {
        let admission = try Self.admission(SmallDirectory(cached: ["alice@example.test"]))
        for (address, atOnce) in [("alice@example.test", true), ("bob@example.test", false)] {
            let address = try EmailAddress(parsing: address)
            let found = try await Self.verdict(admission.judgeRecipient(address, Self.client(), on: Self.loop))
            #expect(found.atOnce == atOnce)
            #expect(found.verdict?.decision == .accept)
            #expect((admission.explain(address, Self.client()) != nil) == atOnce)
        }
    }

    @Test func `a directory that is down defers, and never refuses for good`() async throws {
        let admission = try Self.admission(SmallDirectory(isDown: true), relay: "192.0.2.0/24")
        for address in ["alice@example.test", "x@example.org"] {
            let reply = Self.reply(try await Self.recipient(address, of: admission))
            #expect(reply == .directoryUnavailable)
            #expect(reply?.isPermanent == false)
        }
        let sender = try EmailAddress(parsing: "alice@example.test")
        let judging = admission.judgeSender(.address(sender), Self.client(account: "alice@example.test"), on: Self.loop)
        #expect(Self.reply(try await Self.verdict(judging).verdict) == .directoryUnavailable)
    }

    // MARK: Senders

    @Test func `an account sends as its own addresses alone, RFC 6409 section 6.1`() async throws {
        let admission = try Self.admission()
        let alice = Self.client(account: "alice@example.test")
        func reply(_ sender: String) async throws -> SMTPReply? {
            let path = ReversePath.address(try EmailAddress(parsing: sender))
            return Self.reply(try await Self.verdict(admission.judgeSender(path, alice, on: Self.loop)).verdict)
        }
        #expect(try await reply("alice@example.test") == nil)
        #expect(try await reply("sales@example.test") == nil)
        for sender in ["bob@example.test", "nobody@example.test", "alice@example.org"] {
            #expect(try await reply(sender) == .notYourAddress, "\(sender)")
        }
    }

    @Test func `the null reverse-path is nobody's, and a transfer's sender is not asked about`() async throws {
        let admission = try Self.admission()
        let submission = admission.judgeSender(.null, Self.client(account: "alice@example.test"), on: Self.loop)
        #expect(try await Self.verdict(submission).verdict == nil)
        let foreign = ReversePath.address(try EmailAddress(parsing: "bob@example.test"))
        #expect(try await Self.verdict(admission.judgeSender(foreign, Self.client(), on: Self.loop)).verdict == nil)
    }

    @Test func `an account whose name is in no directory sends as nobody`() async throws {
        let admission = try Self.admission()
        let path = ReversePath.address(try EmailAddress(parsing: "alice@example.test"))
        for name in ["gone@example.test", "no address"] {
            let judging = admission.judgeSender(path, Self.client(account: name), on: Self.loop)
            #expect(Self.reply(try await Self.verdict(judging).verdict) == .notYourAddress, "\(name)")
        }
    }

    // MARK: Loops and log-ins

    @Test func `a message that passed more hosts than allowed is in a loop, RFC 5321 section 6.3`() throws {
        let admission = try Self.admission()
        #expect(admission.judgeHops(0).decision == .accept)
        #expect(admission.judgeHops(100).decision == .accept)
        #expect(admission.judgeHops(101).decision == .refuse(.loopDetected))
    }

    @Test func `a log-in gives the account's address, nothing, or that nobody can tell`() async throws {
        func credentials(_ password: String) throws -> SASLCredentials {
            let password = try #require(Password(password))
            return .password(PasswordCredentials(authenticationIdentity: "alice@example.test", password: password))
        }
        let admission = try Self.admission()
        guard case .accepted(let account) = try await admission.authenticate(try credentials("alice-secret")) else {
            Issue.record("alice was not let in")
            return
        }
        #expect(account.address.description == "alice@example.test")
        let refused = try await admission.authenticate(try credentials("alice-public"))
        #expect(refused == .refused(reason: "wrong name or password"))
        let down = try Self.admission(SmallDirectory(isDown: true))
        await #expect(throws: DirectoryError.self) { try await down.authenticate(try credentials("alice-secret")) }
    }
}
