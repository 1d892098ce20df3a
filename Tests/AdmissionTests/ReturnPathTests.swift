import Directory
import MailBytes
import MailNames
import MailPolicy
import NIOCore
import NIOPosix
import SASL
import SMTPProtocol
import Testing

@testable import Admission

/// example.test with alice, and whoever stands behind a tag.
private struct TaggedDirectory: Directory {
    func cachedAnswer(for address: EmailAddress) -> RecipientAnswer? { nil }

    func answer(for tagged: EmailAddress) async throws(DirectoryError) -> RecipientAnswer {
        let address = ReturnPathSigner.original(of: tagged) ?? tagged
        guard address.domain?.ascii == "example.test" else { return .notLocal }
        switch address.localPart.text {
        case "alice", "postmaster": return .account(AccountID(1))
        case "team": return .alias([address])
        default: return .unknownRecipient
        }
    }

    func isLocal(_ domain: Domain) async throws(DirectoryError) -> Bool { domain.ascii == "example.test" }
    func authenticate(_ credentials: PasswordCredentials) async throws(DirectoryError) -> Account? { nil }
    func account(_ id: AccountID) async throws(DirectoryError) -> Account? { nil }
    func account(_ id: AccountID, maySendAs address: EmailAddress) async throws(DirectoryError) -> Bool { false }
}

@Suite("Reports to return paths") struct ReturnPathTests {
    private static let now = Timestamp(seconds: 1_800_000_000)
    private static let paths = ReturnPathSigner { content in
        let sum = content.reduce(UInt32(17)) { ($0 &* 31) ^ UInt32($1) }
        return (0..<4).map { UInt8(truncatingIfNeeded: sum >> ($0 * 8)) }
    }

    private static func refusal(
        _ address: String,
        account: String? = nil
    ) async throws -> SMTPReply? {
        let admission = Admission(
            directory: TaggedDirectory(),
            options: .init(),
            returnPaths: paths,
            clock: WallClock { now }
        )
        let client = Admission.Client(
            peer: IPAddress("192.0.2.1"),
            account: account,
            isSubmission: account != nil
        )
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        let address = try EmailAddress(parsing: address)
        let verdicts: [Verdict]
        switch admission.judgeRecipient(address, client, on: loop) {
        case .now(let known): verdicts = known
        case .later(let future): verdicts = try await future.get()
        }
        for verdict in verdicts { if case .refuse(let reply) = verdict.decision { return reply } }
        return nil
    }

    private static func signed(_ text: String, days: Int64 = 0) throws -> String {
        let address = try EmailAddress(parsing: text)
        return try #require(paths.sign(address, now: now - .seconds(days * 86_400))).description
    }

    @Test func `a tag that holds is taken, and one that does not is refused`() async throws {
        for name in ["alice@example.test", "team@example.test"] {
            #expect(try await Self.refusal(try Self.signed(name)) == nil)
            #expect(try await Self.refusal(try Self.signed(name, days: 30)) == .returnPathInvalid)
            #expect(try await Self.refusal("prvs=0000000000=\(name)") == .returnPathInvalid)
            #expect(try await Self.refusal(name) == nil)
        }
    }

    @Test func `a tag does not make us a relay, nor a name of nobody somebody`() async throws {
        #expect(try await Self.refusal(try Self.signed("alice@example.org")) == .relayingDenied)
        #expect(try await Self.refusal(try Self.signed("nobody@example.test")) == .unknownRecipient)
    }

    @Test func `nobody writes in the name of a tag`() async throws {
        let admission = Admission(directory: TaggedDirectory(), options: .init(), returnPaths: Self.paths)
        let client = Admission.Client(peer: nil, account: "alice@example.test", isSubmission: true)
        let path = ReversePath.address(try EmailAddress(parsing: try Self.signed("alice@example.test")))
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        guard case .later(let future) = admission.judgeSender(path, client, on: loop) else {
            Issue.record("decided without asking")
            return
        }
        #expect(try await future.get().map(\.decision) == [.refuse(.notYourAddress)])
    }
}
