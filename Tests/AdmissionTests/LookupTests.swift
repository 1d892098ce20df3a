import Admission
import Directory
import MailNames
import MailPolicy
import NIOCore
import NIOPosix
import SASL
import SMTPProtocol
import Testing

/// a.test and b.test with smith in both, team, box and moved names in a.test; backup.test is taken on.
private struct NamesDirectory: Directory {
    var isDown = false

    func cachedAnswer(for address: EmailAddress) -> RecipientAnswer? { nil }

    func answer(for address: EmailAddress) async throws(DirectoryError) -> RecipientAnswer {
        if isDown { throw DirectoryError(.unavailable) }
        return known(address)
    }

    private func known(_ address: EmailAddress) -> RecipientAnswer {
        switch address.description {
        case "smith@a.test": return .account(AccountID(1))
        case "smith@b.test": return .account(AccountID(2))
        case "жанна@a.test": return .account(AccountID(3))
        case "team@a.test":
            return .alias(["smith@a.test", "x@elsewhere.test"].compactMap { try? EmailAddress(parsing: $0) })
        case "box@a.test":
            return .mixedAlias(["/var/mail/box", "smith@a.test"].compactMap { try? AliasTarget(parsing: $0) })
        case "file@a.test": return .mixedAlias([.file("/var/mail/box")])
        case "gone@a.test":
            return (try? EmailAddress(parsing: "gone@new.test")).map { .moved(to: $0, .tell) } ?? .notLocal
        case "goes@a.test":
            return (try? EmailAddress(parsing: "goes@new.test")).map { .moved(to: $0, .forward) } ?? .notLocal
        case "wide@a.test":
            return (try? EmailAddress(parsing: "жанна@new.test")).map { .moved(to: $0, .tell) } ?? .notLocal
        case "off@a.test": return .disabled
        case let text where text.hasSuffix("@backup.test"): return .relayDomain
        case let text where text.hasSuffix("@a.test") || text.hasSuffix("@b.test"): return .unknownRecipient
        default: return .notLocal
        }
    }

    func addresses(named name: LocalPart, limit: Int) async throws(DirectoryError) -> [EmailAddress] {
        if isDown { throw DirectoryError(.unavailable) }
        let all = ["smith@a.test", "smith@b.test", "team@a.test", "box@a.test"]
        return all.compactMap { try? EmailAddress(parsing: $0) }.filter { $0.localPart == name }
    }

    func isLocal(_ domain: Domain) async throws(DirectoryError) -> Bool { true }
    func authenticate(_ credentials: PasswordCredentials) async throws(DirectoryError) -> Account? { nil }
    func account(_ id: AccountID) async throws(DirectoryError) -> Account? { nil }
    func account(_ id: AccountID, maySendAs address: EmailAddress) async throws(DirectoryError) -> Bool { false }
}

/// Answers as it was told.
private struct FixedVerifier: RecipientVerifier {
    var answer: RecipientVerification

    func verify(_ address: EmailAddress) async -> RecipientVerification { answer }
}

@Suite("VRFY, EXPN, moved accounts and the hosts of relay domains") struct LookupTests {
    private static let loop = MultiThreadedEventLoopGroup.singleton.any()
    private static let friend = Admission.Client(peer: nil, account: "smith@a.test", isSubmission: true)
    private static let stranger = Admission.Client(peer: IPAddress("192.0.2.1"), account: nil, isSubmission: false)

    private static func admission(isDown: Bool = false) -> Admission {
        Admission(directory: NamesDirectory(isDown: isDown), options: .init())
    }

    @Test(arguments: [
        ("smith@a.test", "250 2.1.5 <smith@a.test>"), ("<smith@a.test>", "250 2.1.5 <smith@a.test>"),
        ("Joe Smith <smith@a.test>", "250 2.1.5 <smith@a.test>"), ("team", "250 2.1.5 <team@a.test>"),
        ("smith", "553 5.1.4 Ambiguous; Possibilities are <smith@a.test> <smith@b.test>"),
        ("nobody", "550 5.1.1 No such user here"), ("nobody@a.test", "550 5.1.1 No such user here"),
        ("gone@a.test", "551 5.1.6 User not local; please try <gone@new.test>"),
        ("goes@a.test", "251 2.1.5 User not local; will forward to <goes@new.test>"),
        ("off@a.test", "550 5.2.1 The mailbox takes no mail"), ("box@a.test", "250 2.1.5 <box@a.test>"),
        ("a b@c", "501 5.1.3 That is neither a name nor an address"),
        ("@", "501 5.1.3 That is neither a name nor an address"),
    ])
    func `VRFY, RFC 5321 section 3.5`(text: String, answer: String) async {
        let reply = await Self.admission().lookUp(SMTPLookup(.verify, text), Self.friend)
        #expect(reply.oneLine == answer)
    }

    @Test(arguments: [
        ("team@a.test", "250 2.1.5 <smith@a.test> <x@elsewhere.test>"), ("box", "250 2.1.5 <smith@a.test>"),
        ("smith@a.test", "250 2.1.5 <smith@a.test>"), ("nobody@a.test", "550 5.1.1 No such user here"),
    ])
    func `EXPN tells addresses, never files or commands`(text: String, answer: String) async {
        let reply = await Self.admission().lookUp(SMTPLookup(.expand, text), Self.friend)
        #expect(reply.oneLine == answer)
    }

    @Test func `what cannot be told is 252`() async {
        let admission = Self.admission()
        for lookup in [
            SMTPLookup(.expand, "file@a.test"), SMTPLookup(.verify, "x@backup.test"), SMTPLookup(.verify, "x@y.test"),
        ] {
            let code = await admission.lookUp(lookup, Self.friend).code
            #expect(code == 252, "\(lookup)")
        }
        let wide = await admission.lookUp(SMTPLookup(.verify, "жанна@a.test"), Self.friend)
        #expect(wide.status == EnhancedStatus(2, 6, 8))
        let asked = await admission.lookUp(SMTPLookup(.verify, "жанна@a.test", takesUTF8: true), Self.friend)
        #expect(asked.oneLine == "250 2.1.5 <жанна@a.test>")
    }

    @Test func `strangers are told nothing, unless their network is listed`() async throws {
        let admission = Self.admission()
        for text in ["smith@a.test", "nobody@a.test", "smith", "@"] {
            for command in [SMTPLookup.Command.verify, .expand] {
                let reply = await admission.lookUp(SMTPLookup(command, text), Self.stranger)
                #expect(reply == .cannotVerify)
            }
        }
        var options = Admission.Options()
        options.lookupNetworks = [try #require(IPNetwork("192.0.2.0/24"))]
        admission.setOptions(options)
        let told = await admission.lookUp(SMTPLookup(.verify, "nobody@a.test"), Self.stranger)
        #expect(told.code == 550)
        let elsewhere = await admission.lookUp(SMTPLookup(.verify, "x@y.test"), Self.stranger)
        #expect(elsewhere == .relayingDenied)
    }

    @Test func `a directory that is down is told as such`() async {
        for text in ["smith", "smith@a.test"] {
            let reply = await Self.admission(isDown: true).lookUp(SMTPLookup(.verify, text), Self.friend)
            #expect(reply.isTransient)
        }
    }

    // MARK: Recipients

    private static func judged(_ address: String, _ admission: Admission) async throws -> [Verdict] {
        switch admission.judgeRecipient(try EmailAddress(parsing: address), stranger, on: loop) {
        case .now(let verdicts): verdicts
        case .later(let future): try await future.get()
        }
    }

    @Test func `RCPT tells where somebody is now, RFC 5321 section 3.4`() async throws {
        let admission = Self.admission()
        func decision(_ address: String) async throws -> Verdict.Decision? {
            try await Self.judged(address, admission).last?.decision
        }
        #expect(
            try await decision("goes@a.test")
                == .acceptTelling(.willForward(to: try EmailAddress(parsing: "goes@new.test")))
        )
        #expect(try await decision("gone@a.test") == .refuse(.tryInstead(try EmailAddress(parsing: "gone@new.test"))))
        // Not in a reply that may have ASCII alone: RFC 6531 section 3.7.4.2.
        #expect(try await decision("wide@a.test") == .refuse(.mailboxDisabled))
        #expect(try await decision("off@a.test") == .refuse(.mailboxDisabled))
    }

    @Test func `an account that has moved still writes as who it was`() async throws {
        let gone = Admission.Client(peer: nil, account: "gone@a.test", isSubmission: true)
        func decision(_ sender: String) async throws -> Verdict.Decision? {
            let path = ReversePath.address(try EmailAddress(parsing: sender))
            switch Self.admission().judgeSender(path, gone, on: Self.loop) {
            case .now(let verdicts): return verdicts.first?.decision
            case .later(let future): return try await future.get().first?.decision
            }
        }
        #expect(try await decision("gone@a.test") == .accept)
        #expect(try await decision("smith@a.test") == .refuse(.notYourAddress))
    }

    @Test func `the host of a relay domain has the last word where it can be asked`() async throws {
        let refusal = SMTPReply(550, EnhancedStatus(5, 1, 1), "nobody")
        func reply(_ answer: RecipientVerification, _ verifying: Admission.Verifying) async throws -> SMTPReply? {
            let admission = Admission(
                directory: NamesDirectory(),
                options: .init(verifying: verifying),
                verifier: FixedVerifier(answer: answer)
            )
            let verdicts = try await Self.judged("x@backup.test", admission)
            return verdicts.lazy.compactMap { if case .refuse(let reply) = $0.decision { reply } else { nil } }.first
        }
        for verifying in [Admission.Verifying.off, .whereReachable, .required] {
            #expect(try await reply(.exists, verifying) == nil)
        }
        #expect(try await reply(.refused(refusal), .off) == nil)
        #expect(
            try await reply(.refused(refusal), .required)?.oneLine
                == "550 5.1.1 The recipient's host refuses it: nobody"
        )
        #expect(try await reply(.unknown("down"), .whereReachable) == nil)
        #expect(try await reply(.unknown("down"), .required) == .nextHopUnavailable)
    }

    @Test func `routes through a relay domain are refused before its host is asked`() async throws {
        let admission = Admission(
            directory: NamesDirectory(),
            options: .init(verifying: .required),
            verifier: FixedVerifier(answer: .exists)
        )
        for local in ["user%elsewhere.test", "elsewhere.test!user", "\"user@elsewhere.test\""] {
            let verdicts = try await Self.judged("\(local)@backup.test", admission)
            #expect(verdicts.map(\.decision) == [.refuse(.routingDenied)], "\(local)")
        }
    }
}
