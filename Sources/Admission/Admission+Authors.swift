import Directory
import MailNames
import MailPolicy
import NIOCore
import SMTPProtocol

extension Admission {
    /// Whether an account may write these addresses into From: its own, those it may send as, and those of aliases that lead to it
    /// among others, for a role has several people. RFC 6409 section 6.1 leaves it to the site.
    public func judgeAuthors(
        _ addresses: [EmailAddress],
        of name: String,
        on loop: any EventLoop
    ) -> EventLoopFuture<Verdict> {
        let promise = loop.makePromise(of: Verdict.self)
        promise.completeWithTask { [directory] in
            do {
                guard let login = try? EmailAddress(parsing: name),
                    case .account(let id) = try await directory.answer(for: login)
                else { return Verdict("from", .refuse(.authorIsNotYou), because: "\(name) is no account") }
                for address in addresses where try await !Self.account(id, mayWriteAs: address, directory) {
                    return Verdict("from", .refuse(.authorIsNotYou), because: "\(address) does not belong to \(name)")
                }
                return Verdict("from", .accept, because: "what From says belongs to \(name)")
            } catch {
                return Verdict("from", .refuse(.directoryUnavailable), because: "\(error)")
            }
        }
        return promise.futureResult
    }

    private static func account(
        _ id: AccountID,
        mayWriteAs address: EmailAddress,
        _ directory: any Directory
    ) async throws -> Bool {
        if try await directory.account(id, maySendAs: address) { return true }
        let targets: [EmailAddress]
        switch try await directory.answer(for: address) {
        case .alias(let addresses): targets = addresses
        case .mixedAlias(let mixed):
            targets = mixed.compactMap { target in if case .address(let address) = target { address } else { nil } }
        default: return false
        }
        for target in targets where try await directory.answer(for: target) == .account(id) { return true }
        return false
    }
}

extension SMTPReply {
    static let authorIsNotYou = SMTPReply(
        550,
        EnhancedStatus(5, 7, 1),
        "The From field has an address that does not belong to your account"
    )
}
