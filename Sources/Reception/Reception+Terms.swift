import InternetMessage
import MailBytes
import MailEvents
import MailNames
import MailPolicy
import NIOCore
import SMTPChannels
import SMTPProtocol

/// What senders ask for beyond the plain envelope.
extension Reception {
    /// A sender that is accepted gets the priority that it may have: RFC 6710 section 4.1.
    func withPriority(
        _ judgement: SMTPServerSession.Judgement,
        _ transaction: SMTPTransaction,
        _ client: SMTPClientDescription
    ) -> SMTPServerSession.Judgement {
        guard !transaction.hasPlainTerms, judgement == .accepted else { return judgement }
        let asked = transaction.terms.priority
        let given = admission.priority(asked, for: admissionClient(client))
        return given == asked ? .accepted : .acceptedWith(given)
    }

    /// The refusal of an account that sends more than it may.
    func paceRefusal(
        _ kind: AccountPace.Kind,
        _ command: String,
        _ transaction: SMTPTransaction,
        _ recipient: EnvelopeRecipient?,
        _ client: SMTPClientDescription
    ) -> SMTPServerSession.Judgement? {
        guard client.role == .submission,
            let verdict = admission.judgePace(kind, admissionClient(client), now: clock.now()),
            case .refuse = verdict.decision
        else { return nil }
        return judgement([verdict], command, transaction, recipient, client)
    }

    /// Judges a recipient whose owner the sender wants to be the one it knew: RFC 7293 section 5.1.
    func judgeOwner(
        _ recipient: EnvelopeRecipient,
        _ transaction: SMTPTransaction,
        _ client: SMTPClientDescription,
        on loop: any EventLoop
    ) -> SMTPJudging {
        guard let ownership = recipient.requiredOwnership else { return .now(.accepted) }
        let first: EventLoopFuture<SMTPServerSession.Judgement>
        switch admission.judgeRecipient(recipient.address, admissionClient(client), on: loop) {
        case .now(let verdicts):
            first = loop.makeSucceededFuture(judgement(verdicts, "RCPT", transaction, recipient, client))
        case .later(let future):
            first = future.hop(to: loop).map { self.judgement($0, "RCPT", transaction, recipient, client) }
        }
        return .later(
            first.flatMap { judgement in
                if case .refused = judgement { return loop.makeSucceededFuture(judgement) }
                return self.admission.judgeOwnership(recipient.address, ownership, on: loop).map {
                    let owner = self.judgement([$0], "RCPT", transaction, recipient, client)
                    // Who has moved has the address no less, and the client hears of both.
                    return owner == .accepted ? judgement : owner
                }
            }
        )
    }

    /// The terms of a message, with what its header asks for (RFC 8689 section 4.1, RFC 3865 section 2.7) and what the operator
    /// wants for its sender.
    func terms(
        _ transaction: SMTPTransaction,
        _ client: SMTPClientDescription,
        _ head: ArrivingHeader
    ) -> DeliveryTerms? {
        let hasVariablePath =
            client.role == .submission && currentOptions().variablePaths.contains(transaction.reversePath)
        guard !transaction.hasPlainTerms || head.waivesTLS || head.solicitation != nil || hasVariablePath else {
            return nil
        }
        var terms = transaction.terms
        terms.hasPathPerRecipient = hasVariablePath
        // REQUIRETLS wins over the field.
        if head.waivesTLS && !terms.requiresTLS { terms.waivesTLS = true }
        if terms.solicitation == nil, let said = head.solicitation, let keywords = NoSolicitingExtension.keywords(said)
        {
            terms.solicitation = keywords.joined(separator: ",")
        }
        return terms
    }

    /// What was asked for, in a line for the trace: RFC 6710 section 4.1 item 3. `nil` where nothing was.
    static func termsLine(_ envelope: Envelope) -> String? {
        guard !envelope.hasPlainTerms else { return nil }
        let terms = envelope.terms
        var words: [String] = []
        if terms.priority != .normal { words.append("priority \(terms.priority.rawValue)") }
        if let by = terms.deliverBy {
            words.append("delivery by \(by.time.rfc3339)\(by.mode == .return ? ", or back" : "")")
        }
        if let time = terms.holdUntil { words.append("held until \(time.rfc3339)") }
        if terms.requiresTLS { words.append("TLS at each hop") }
        if terms.waivesTLS { words.append("TLS waived") }
        if terms.tracking != nil { words.append("tracking") }
        if terms.hasPathPerRecipient { words.append("a return path for each recipient") }
        if let solicitation = terms.solicitation { words.append("solicits \(solicitation)") }
        return "terms: asked for \(words.joined(separator: "; "))"
    }

    /// The classes in a message's header that are not taken here: RFC 3865 section 2.3. Without such classes nothing is looked at.
    func refusedSolicitations(_ head: ArrivingHeader) -> [String] {
        guard let said = head.solicitation, let keywords = NoSolicitingExtension.keywords(said) else { return [] }
        return NoSolicitingExtension.refused(of: keywords, by: currentOptions().refusedSolicitations)
    }
}
