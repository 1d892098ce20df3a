import Admission
import Directory
import MailEvents
import SASL
import SMTPChannels
import SMTPProtocol

// Log-ins: who they are judged by, and what is written of them.
extension Reception {
    public func judgeCredentials(
        _ credentials: SASLCredentials,
        _ client: SMTPClientDescription
    ) async -> SMTPServerSession.CredentialsJudgement {
        do {
            switch try await admission.authenticate(credentials) {
            case .accepted(let account): return .accepted(account: account.address.description)
            case .refused(let reason):
                let event = TraceEvent(
                    .authenticationFailed,
                    [
                        .account: credentials.claimedIdentity.map(Redaction.peerText) ?? "-",
                        .peer: client.peer?.description, .door: "submission", .reason: Redaction.peerText(reason),
                    ]
                )
                record(nil, event)
                logger.notice("\(event.sentence)")
                return .rejected
            }
        } catch {
            logger.error("a log-in could not be judged: \(error)")
            return .unavailable
        }
    }

    public func scramChallenge(
        for identity: SCRAMIdentity,
        _ client: SMTPClientDescription
    ) async -> SCRAMChallenge? {
        do {
            return try await admission.scramChallenge(for: identity)
        } catch {
            logger.error("a log-in could not be judged: \(error)")
            return nil
        }
    }
}
