import Directory
import MailBytes
import MailNames
import MailPolicy
import NIOCore
import SMTPProtocol

/// What senders ask for beyond the plain envelope, and who may.
extension Admission {
    /// The priority that a message has here: RFC 6710 section 4.1. Anybody may lower it; to raise it is for who may relay.
    public func priority(_ asked: MessagePriority, for client: Client) -> MessagePriority {
        guard asked > .normal else { return asked }
        let relay = options.withLock(\.relay)
        return relay.mayRelay(client.relaying).allowed ? asked : .normal
    }

    /// Whether the account that logged in may send one more, which is counted; `nil` where nobody did.
    public func judgePace(_ kind: AccountPace.Kind, _ client: Client, now: Timestamp) -> Verdict? {
        guard client.isSubmission, let account = client.account else { return nil }
        return pace.withLock { $0.take(kind, account: account, now: now) }
    }

    /// Whether the owner of an address is the one whom the sender means: RFC 7293 section 5.1.
    public func judgeOwnership(
        _ address: EmailAddress,
        _ ownership: RequiredOwnership,
        on loop: any EventLoop
    ) -> EventLoopFuture<Verdict> {
        let promise = loop.makePromise(of: Verdict.self)
        promise.completeWithTask { [directory] in await Self.ownership(address, ownership, directory) }
        return promise.futureResult
    }

    private static func ownership(
        _ address: EmailAddress,
        _ ownership: RequiredOwnership,
        _ directory: any Directory
    ) async -> Verdict {
        do {
            // Mail for other hosts takes the question along to them.
            switch try await directory.answer(for: address) {
            case .notLocal, .relayDomain: return Verdict("owner", .accept, because: "\(address) is not here")
            default: break
            }
            if OwnedAddress.isRole(address) {
                return Verdict("owner", .accept, because: "\(address) is a role, whoever has it (RFC 7293 section 5.1)")
            }
            guard let since = try await directory.ownedSince(address) else {
                return Verdict(
                    "owner",
                    .refuse(.ownerUnknown),
                    because: "when \(address) came to its owner is not known"
                )
            }
            guard since <= ownership.since else {
                let reason = "\(address) has its owner since \(since.rfc3339), after \(ownership.since.rfc3339)"
                return Verdict("owner", .refuse(.ownerChanged), because: reason)
            }
            return Verdict("owner", .accept, because: "\(address) has its owner since \(since.rfc3339)")
        } catch {
            return Verdict("owner", .refuse(.directoryUnavailable), because: "\(error)")
        }
    }
}
