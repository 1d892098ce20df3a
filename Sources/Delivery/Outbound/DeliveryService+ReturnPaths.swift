import Directory
import MailBytes
import MailNames

/// The reverse-paths that messages leave with.
extension DeliveryService {
    /// What signs the return path of a message: for mail that was submitted here in the name of one of our addresses, on its way to
    /// hosts that are not mailboxes of ours; `nil` where it leaves as it is.
    func returnPathSigner(for attempt: Attempt) async -> SignedReturnPath? {
        guard options.signsReturnPaths, let returnPaths else { return nil }
        let envelope = attempt.message.envelope
        switch envelope.origin.door {
        case .submission, .sendmail: break
        case .smtp, .lmtp, .report, .list: return nil
        }
        if case .lmtp = attempt.destination { return nil }
        guard let address = envelope.reversePath.address,
            let answer = try? await directory.answer(for: address)
        else { return nil }
        switch answer {
        case .account, .alias, .mixedAlias: return returnPaths
        case .list, .moved, .disabled, .relayDomain, .unknownRecipient, .notLocal: return nil
        }
    }
}

extension SignedReturnPath {
    /// The path signed, or as it is where that cannot be done.
    func signed(_ path: ReversePath, now: Timestamp) -> ReversePath {
        guard let address = path.address, let signed = sign(address, now: now) else { return path }
        return .address(signed)
    }
}
