import MailNames

/// LMTP: after the content each recipient has its own reply. RFC 2033 sections 4.2 and 4.3.
extension SMTPServerSession {
    /// How often the outcome of content is told.
    enum Told: Sendable {
        case once
        case each([EnvelopeRecipient])
    }

    /// How the answer to a chunk, or to the content's end, is told.
    ///
    /// - Parameter isLast: whether no more content follows. Before that one reply is enough also in LMTP.
    func told(_ isLast: Bool, _ transaction: SMTPTransaction?) -> Told {
        isLast && configuration.role == .delivery ? .each(transaction?.recipients ?? []) : .once
    }

    /// Gives every recipient the reply, with its address in it.
    func tell(_ told: Told, _ action: Action) -> Action {
        guard case .each(let recipients) = told, case .send(let reply) = action else { return action }
        return .sendEach(
            recipients.map { recipient in
                let lines = ["<\(recipient.address)> \(reply.lines[0])"] + reply.lines.dropFirst()
                return SMTPReply(reply.code, reply.status, lines: lines)
            }
        )
    }
}
