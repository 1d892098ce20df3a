import MailNames
import MailPolicy
import SMTPProtocol

/// Asks a recipient's own host whether it takes mail for the recipient, without sending any: call-forward.
public protocol RecipientVerifier: Sendable {
    func verify(_ address: EmailAddress) async -> RecipientVerification
}

/// What came of asking.
public enum RecipientVerification: Sendable, Equatable {
    case exists
    /// The host refuses the recipient for good, and said so with this.
    case refused(SMTPReply)
    /// Nobody could tell, for this reason.
    case unknown(String)
}

extension Admission {
    /// How recipients of relay domains are checked while the client waits.
    public enum Verifying: Sendable, Hashable {
        case off
        /// Refused where their host refuses them, and taken where it cannot be asked.
        case whereReachable
        /// Taken where their host takes them, and put off where it cannot be asked.
        case required
    }

    /// The verdict of the recipient's own host.
    func verified(_ address: EmailAddress, _ verifying: Verifying, _ verifier: any RecipientVerifier) async -> Verdict {
        switch await verifier.verify(address) {
        case .exists: return Verdict("verify", .accept, because: "the host of \(address) takes it")
        case .refused(let reply):
            // The host's own words, in one line of bounded length.
            let said = String(reply.lines.joined(separator: " ").prefix(200))
            let status = reply.status.flatMap { $0.category == 5 ? $0 : nil } ?? EnhancedStatus(5, 1, 1)
            return Verdict(
                "verify",
                .refuse(SMTPReply(550, status, "The recipient's host refuses it: \(said)")),
                because: "the host of \(address) said: \(reply.oneLine)"
            )
        case .unknown(let reason):
            let decision: Verdict.Decision = verifying == .required ? .refuse(.nextHopUnavailable) : .accept
            return Verdict("verify", decision, because: "\(address) could not be checked: \(reason)")
        }
    }
}
