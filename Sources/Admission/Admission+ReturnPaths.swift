import Directory
import MailNames
import MailPolicy
import SMTPProtocol

/// What is made of return paths that this host signed.
public enum ReturnPathChecks: Sendable, Hashable {
    /// They are names like others.
    case none
    /// Mail to a signed path is taken where the signature is ours and holds.
    case verified
    /// And reports have to come to one: an account here that never signs gets none.
    case required
}

/// Bounce address tag validation: reports of failures come to the return paths that mail left with, and to no other.
extension Admission {
    /// Refuses a recipient whose tag is not ours or over, and, where that is wanted, a report to an address that signs what it sends.
    ///
    /// - Returns: nothing where nothing is against it.
    func judgeReturnPath(
        _ address: EmailAddress,
        _ answer: RecipientAnswer,
        _ isReport: Bool,
        _ client: Client
    ) -> [Verdict] {
        let checks = options.withLock(\.returnPaths)
        guard checks != .none, let returnPaths, !client.isSubmission else { return [] }
        switch answer {
        case .account, .alias, .mixedAlias: break
        case .list, .moved, .disabled, .relayDomain, .unknownRecipient, .notLocal: return []
        }
        let now = clock.now()
        if SignedReturnPath.original(of: address) != nil {
            guard !returnPaths.isValid(address, now: now) else { return [] }
            let why = "the tag of \(address) was not made here, or its time is over"
            return [Verdict("return-path", .refuse(.returnPathInvalid), because: why)]
        }
        // Whoever looks for help writes to the roles, and their mail may go to an account's mailbox.
        guard checks == .required, isReport, case .account = answer, !OwnedAddress.isRole(address),
            returnPaths.sign(address, now: now) != nil
        else { return [] }
        let why = "mail from \(address) leaves with a signed return path, and this report came to another"
        return [Verdict("return-path", .refuse(.returnPathUnsigned), because: why)]
    }
}
