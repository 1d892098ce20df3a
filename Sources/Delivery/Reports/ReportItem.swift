import MailBytes
import MailNames
import SMTPProtocol

/// What is to be told of one address in a report: the per-recipient fields of RFC 3464 section 2.3.
struct ReportItem: Sendable {
    /// RFC 3464 section 2.3.3.
    enum Action: String, Sendable {
        case failed, delayed, delivered, relayed, expanded
    }

    var action: Action
    var status: EnhancedStatus
    /// The place of the recipient in the envelope.
    var recipient: Int
    /// The spool's number of the address.
    var key: UInt32
    var finalRecipient: EmailAddress
    /// The host that said so.
    var remoteHost: String?
    /// What it said.
    var reply: String?
    /// One line for people.
    var text: String
    /// The conversation that led to it.
    var dialogue: String?
    var lastAttempt: Timestamp
    /// Until when it is tried, of a delay.
    var willRetryUntil: Timestamp?
    /// Whether it tells that the moment has passed that the sender named: RFC 2852 section 4.1.3.
    var isAsked = false

    /// Whether the sender asked to be told: RFC 3461 section 4.1. Without NOTIFY, failures and delays are told.
    static func isWanted(_ action: Action, by notify: DeliveryNotify?) -> Bool {
        switch action {
        case .failed: notify?.contains(.failure) ?? true
        case .delayed: notify?.contains(.delay) ?? true
        case .delivered, .relayed, .expanded: notify?.contains(.success) ?? false
        }
    }
}
