import Directory
import MailBytes
import MailNames

/// The reverse-paths that messages leave with.
extension DeliveryService {
    /// What signs the return path of a message: for mail that was submitted here in the name of one of our addresses, on its way to
    /// hosts that are not mailboxes of ours; `nil` where it leaves as it is.
    func returnPathSigner(for attempt: Attempt) async -> ReturnPathSigner? {
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

extension ReturnPathSigner {
    private static let week: Int64 = 7 * 86_400_000_000

    /// The path signed, or as it is where that cannot be done. The tag is the same for a week, so that each attempt names the same
    /// sender, and new for what was held longer.
    ///
    /// - Parameter received: when the message came.
    func signed(_ path: ReversePath, since received: Timestamp, now: Timestamp) -> ReversePath {
        let weeks = (now.microseconds - received.microseconds) / Self.week
        let begun = min(now, Timestamp(microseconds: received.microseconds + max(0, weeks) * Self.week))
        guard let address = path.address, let signed = sign(address, now: begun) else { return path }
        return .address(signed)
    }
}
