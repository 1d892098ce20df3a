import Admission
import Delivery
import MailNames

/// Verifies recipients of relay domains over the connections that mail for them would take.
struct ProbingVerifier: RecipientVerifier {
    let probe: RecipientProbe

    func verify(_ address: EmailAddress) async -> RecipientVerification {
        switch await probe.answer(for: address) {
        case .accepted: .exists
        case .refused(let reply): .refused(reply)
        case .unknown(let reason): .unknown(reason)
        }
    }
}
