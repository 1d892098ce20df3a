import DeliveryScheduler
import MailBytes
import MailNames

/// What the sender's terms mean for the time and order in which a message is tried.
extension ActiveMessage {
    /// The number under which the spool remembers that the sender was told that its moment has passed: that is told once, also over a
    /// restart. No address has it but by a chance of one to two thousand millions.
    static let deliverByTold = UInt32.max

    private var deliverBy: DeliverBy? { envelope.hasPlainTerms ? nil : envelope.terms.deliverBy }

    /// When it is given up: its lifetime is over, or the moment has come after which its sender does not want it delivered: RFC 2852
    /// section 4.1.3.
    var expires: Timestamp {
        guard let deliverBy, deliverBy.mode == .return else { return envelope.expires }
        return min(envelope.expires, deliverBy.time)
    }

    /// Whether that is by the sender's wish.
    var expiresByWish: Bool { expires < envelope.expires }

    /// When its sender is to be told that it was not delivered by the moment that was asked for; `nil` for never, or when that was told.
    var tellsDelayAt: Timestamp? {
        guard let deliverBy, deliverBy.mode == .notify, progress[Self.deliverByTold] == nil else { return nil }
        return deliverBy.time
    }

    /// Not tried before: RFC 4865.
    var holdUntil: Timestamp? { envelope.hasPlainTerms ? nil : envelope.terms.holdUntil }

    var priority: PriorityClass { envelope.hasPlainTerms ? .normal : PriorityClass(envelope.terms.priority) }
}
