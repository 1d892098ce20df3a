import MailBytes
import MailNames

/// What a sender asked for beyond the plain envelope, passed on to the next hop or not, as each extension's text says.
extension SMTPServerExtensions {
    /// Why a message with these terms may not go to this server, where it may not.
    ///
    /// - Parameter isReport: it comes from nobody, and REQUIRETLS does not keep it from anywhere: RFC 8689 section 5.
    func refusal(of terms: DeliveryTerms, isReport: Bool, isEncrypted: Bool, now: Timestamp) -> SMTPReply? {
        if terms.requiresTLS && !isReport {
            guard isEncrypted else { return .tlsNeeded }
            guard requireTLS else { return .requireTLSNeeded }
        }
        if let by = terms.deliverBy, by.mode == .return {
            let left = DeliverByExtension.remaining(by, now: now)
            guard left > 0 else { return .deliveryTimeOver }
            // RFC 2852 section 4.1.4.1.
            guard let shortest = deliverBy else { return .deliverByNeeded }
            guard shortest <= left else { return .deliverByTooShort }
        }
        if let time = terms.holdUntil, time > now {
            guard let longest = futureRelease, time <= now + .seconds(longest) else { return .futureReleaseNeeded }
        }
        return nil
    }

    /// The parameters of MAIL for these terms, each with a space in front.
    func parameters(for terms: DeliveryTerms, hasEnvelopeID: Bool, isEncrypted: Bool, now: Timestamp) -> String {
        var text = ""
        if let by = terms.deliverBy, deliverBy != nil { text += " BY=\(DeliverByExtension.value(by, now: now))" }
        if let time = terms.holdUntil, time > now, futureRelease != nil { text += " HOLDUNTIL=\(time.rfc3339)" }
        // Said also of a message without a priority of its own: RFC 6710 section 4.2.
        if priority { text += " MT-PRIORITY=\(terms.priority.rawValue)" }
        if terms.requiresTLS && requireTLS && isEncrypted { text += " REQUIRETLS" }
        // Without ENVID there is nothing to ask for later: RFC 3885 section 3.2.
        if tracking, hasEnvelopeID, deliveryNotification, let asked = terms.tracking,
            let value = TrackingExtension.value(asked, now: now)
        {
            text += " MTRK=\(value)"
        }
        if noSoliciting, let keywords = terms.solicitation { text += " SOLICIT=\(keywords)" }
        return text
    }

    /// Whether the sender is owed a notice of the message having been relayed: RFC 2852 sections 4.1.4 and 4.1.4.2.
    func owesRelayNotice(for terms: DeliveryTerms) -> Bool {
        guard let by = terms.deliverBy else { return false }
        return by.traces || deliverBy == nil
    }

    /// NOTIFY as the next hop is to have it. Where BY cannot be passed on, delays are asked for in its place: RFC 2852
    /// section 4.1.4.2.
    func notify(_ notify: DeliveryNotify?, for terms: DeliveryTerms) -> DeliveryNotify? {
        guard terms.deliverBy != nil, deliverBy == nil else { return notify }
        guard let notify else { return [.failure, .delay] }
        return notify == .never ? notify : notify.union(.delay)
    }

    /// Why a recipient may not be named to this server, where it may not: RFC 7293 section 5.1.1.
    func refusal(of recipient: EnvelopeRecipient) -> SMTPReply? {
        guard let ownership = recipient.requiredOwnership, !requiredOwnership, ownership.fallback == .reject else {
            return nil
        }
        return .ownershipNeeded
    }
}

extension SMTPReply {
    static let tlsNeeded = SMTPReply(550, EnhancedStatus(5, 7, 10), "the message must not go without TLS")
    static let requireTLSNeeded = SMTPReply(
        550,
        EnhancedStatus(5, 7, 30),
        "the message needs REQUIRETLS, which the next hop does not offer"
    )
    static let deliveryTimeOver = SMTPReply(550, EnhancedStatus(5, 4, 7), "the time for delivery is over")
    static let deliverByNeeded = SMTPReply(
        550,
        EnhancedStatus(5, 3, 3),
        "the message needs DELIVERBY, which the next hop does not offer"
    )
    static let deliverByTooShort = SMTPReply(
        550,
        EnhancedStatus(5, 3, 3),
        "the message has less time left than the next hop needs"
    )
    static let futureReleaseNeeded = SMTPReply(
        554,
        EnhancedStatus(5, 3, 3),
        "the server does not hold the message until its time"
    )
    static let ownershipNeeded = SMTPReply(
        550,
        EnhancedStatus(5, 7, 19),
        "the recipient's owner was to be checked (RRVS), which the next hop does not offer"
    )
}
