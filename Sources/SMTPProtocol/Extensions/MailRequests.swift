import MailBytes
import MailNames

/// What MAIL asked for beyond the plain envelope, as it was said: intervals are not yet moments.
struct MailRequests: Hashable, Sendable {
    var deliverBy: DeliverByExtension.Request?
    var hold: FutureReleaseExtension.Request?
    var priority: MessagePriority?
    var requiresTLS = false
    var tracking: TrackingExtension.Request?
    var solicitation: String?
    /// TRANSID: RFC 1845.
    var transaction: TransactionIdentifier?

    /// The same with moments in the place of intervals.
    ///
    /// - Parameter now: when MAIL arrived.
    func terms(now: Timestamp) -> DeliveryTerms {
        DeliveryTerms(
            deliverBy: deliverBy?.terms(now: now),
            holdUntil: hold?.time(now: now),
            priority: priority ?? .normal,
            requiresTLS: requiresTLS,
            tracking: tracking?.terms(now: now),
            solicitation: solicitation
        )
    }

    /// Why this cannot be had, where it cannot.
    func refusal(_ offer: SMTPServiceOffer, envelopeID: String?, now: Timestamp) -> SMTPReply? {
        if let by = deliverBy, by.mode == .return, by.seconds < offer.shortestDeliverBy.components.seconds {
            // RFC 2852 section 4: what is right and cannot be honoured for good is 555.
            return SMTPReply(555, EnhancedStatus(5, 5, 4), "BY asks for less time than delivery may take here")
        }
        if let hold {
            let time = hold.time(now: now)
            // RFC 4865 section 4.2 items 7 and 8.
            guard time <= now + offer.longestHold else { return .heldTooLong }
            // RFC 4865 section 5.2.2.
            if let by = deliverBy, time > by.terms(now: now).time { return .heldBeyondDelivery }
        }
        // RFC 3885 section 3.2.
        if tracking != nil && envelopeID == nil { return .trackingNeedsIdentifier }
        if let solicitation, let keywords = NoSolicitingExtension.keywords(solicitation) {
            let refused = NoSolicitingExtension.refused(of: keywords, by: offer.refusedSolicitations)
            if !refused.isEmpty { return .solicitationRefused(refused) }
        }
        return nil
    }
}

extension SMTPReply {
    static let heldTooLong = SMTPReply(501, EnhancedStatus(5, 5, 4), "The message would be held longer than is allowed")
    static let heldBeyondDelivery = SMTPReply(
        501,
        EnhancedStatus(5, 5, 4),
        "The message would be held beyond the time by which it is to be delivered"
    )
    static let trackingNeedsIdentifier = SMTPReply(501, EnhancedStatus(5, 5, 4), "MTRK goes with ENVID")
    static let verboseOk = SMTPReply(250, EnhancedStatus(2, 0, 0), "Ok, it changes nothing")
}
