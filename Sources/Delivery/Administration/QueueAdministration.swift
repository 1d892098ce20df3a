import MailBytes
import MailEvents

/// One message of the queue, as a listing shows it.
public struct QueuedMessageSummary: Codable, Hashable, Sendable {
    public var id: String
    public var sender: String
    /// Recipients that are not done; at most 20 of them.
    public var recipients: [String]
    /// How many are not done.
    public var recipientCount: Int
    /// `waiting`, `active`, `deferred`, `scheduled`, `suspended`, `held` or `caught`.
    public var state: String
    public var size: Int
    public var received: Timestamp
    public var expires: Timestamp
    /// `nil` when it is not known or there is none.
    public var nextAttempt: Timestamp?
    public var lastError: String?
}

/// One message of the queue in full.
public struct QueuedMessageDetail: Codable, Hashable, Sendable {
    /// One recipient and how far it has come.
    public struct Recipient: Codable, Hashable, Sendable {
        public var address: String
        /// `done`, or a state as in the summary.
        public var state: String
        public var attempts: Int
        public var nextAttempt: Timestamp?
        public var lastError: String?
        /// Where it waits; `nil` when it is done.
        public var destination: String?
    }

    public var summary: QueuedMessageSummary
    public var recipients: [Recipient]
    /// The next hop that the operator named; `nil` for the domain's own.
    public var route: String?
    public var envelopeID: String?
    /// Through which door it came.
    public var door: String
    public var peer: String?
    public var account: String?
}

/// One destination of the queue.
public struct QueueDestination: Codable, Hashable, Sendable {
    public var destination: String
    public var ready: Int
    public var deferred: Int
    public var held: Int
    public var inFlight: Int
    public var connections: Int
    /// When it is tried again, because it could not be reached.
    public var blockedUntil: Timestamp?
    public var lastError: String?
    /// Since when nothing is tried there by the operator's word, and why; `nil` when that is not so.
    public var suspended: Timestamp?
    public var suspensionReason: String?
}

/// Which messages an operator means.
public enum QueueSelection: Hashable, Sendable {
    case message(QueueID)
    /// Those with recipients in the domain, by its A-labels.
    case domain(String)
    case all
}
