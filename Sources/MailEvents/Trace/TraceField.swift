/// What an event says beside its kind. The raw value is the field's number in stored traces and is never given anew.
public enum TraceField: UInt8, Sendable, CaseIterable, Hashable {
    case sender = 1
    case recipient = 2
    case messageID = 3
    case peer = 4
    case helo = 5
    case account = 6
    case transmission = 7
    case tls = 8
    case size = 9
    case verdict = 10
    case reply = 11
    case reason = 12
    case command = 13
    case destination = 14
    case host = 15
    case address = 16
    case answers = 17
    case dialogue = 18
    case duration = 19
    case mailbox = 20
    case nextAttempt = 21
    case otherQueueID = 22
    case attempts = 23
    case target = 24
    case status = 25
    case door = 26
    case domain = 27
    case subject = 28
    /// ENVID, of a message that its sender may track.
    case envelopeID = 29
    /// The hash of the secret that the sender kept: RFC 3885.
    case certifier = 30

    /// The name in JSON and in detailed listings.
    public var name: String {
        switch self {
        case .sender: "sender"
        case .recipient: "recipient"
        case .messageID: "message-id"
        case .peer: "peer"
        case .helo: "helo"
        case .account: "account"
        case .transmission: "transmission"
        case .tls: "tls"
        case .size: "size"
        case .verdict: "verdict"
        case .reply: "reply"
        case .reason: "reason"
        case .command: "command"
        case .destination: "destination"
        case .host: "host"
        case .address: "address"
        case .answers: "answers"
        case .dialogue: "dialogue"
        case .duration: "duration"
        case .mailbox: "mailbox"
        case .nextAttempt: "next-attempt"
        case .otherQueueID: "other-queue-id"
        case .attempts: "attempts"
        case .target: "target"
        case .status: "status"
        case .door: "door"
        case .domain: "domain"
        case .subject: "subject"
        case .envelopeID: "envelope-id"
        case .certifier: "certifier"
        }
    }

    /// Whether a message can be found by it.
    public var isLookupKey: Bool {
        switch self {
        case .sender, .recipient, .messageID, .peer, .account, .target, .otherQueueID, .envelopeID: true
        default: false
        }
    }
}
