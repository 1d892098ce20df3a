import MailBytes

/// Where a record lies.
struct RecordLocation: Hashable {
    var segment: UInt64
    var offset: UInt32
    var metadataLength: UInt32
    var bodyLength: UInt32

    var length: Int { RecordHead.length(metadata: Int(metadataLength), body: Int(bodyLength)) }
}

/// A message as the index in memory has it: 40 octets for most, since there may be a million.
struct MessageEntry {
    var location: RecordLocation
    var recipients: UInt32
    var isHeld = false
    /// What few messages have, none or one: an empty array takes no memory, and a change is made in place.
    private var details: [Details] = []

    private struct Details {
        var chunks: [RecordLocation]?
        var progress: [(key: UInt32, state: RecipientState)] = []
        var route: String?
    }

    init(location: RecordLocation, recipients: UInt32, chunks: [RecordLocation]? = nil) {
        self.location = location
        self.recipients = recipients
        self.chunks = chunks
    }

    private mutating func change(_ body: (inout Details) -> Void) {
        if details.isEmpty { details.append(Details()) }
        body(&details[0])
    }

    /// Where the chunks of a large message lie; `nil` when its body is in the record.
    var chunks: [RecordLocation]? {
        get { details.first?.chunks }
        set { if newValue != nil || !details.isEmpty { change { $0.chunks = newValue } } }
    }

    /// Another next hop than the domain's, by an operator's word.
    var route: String? {
        get { details.first?.route }
        set { if newValue != nil || !details.isEmpty { change { $0.route = newValue } } }
    }

    /// The states of recipients that are not as at the beginning, in the order of their numbers.
    var progress: [(key: UInt32, state: RecipientState)] { details.first?.progress ?? [] }

    mutating func set(_ state: RecipientState, of recipient: UInt32) {
        change { details in
            var low = 0
            var high = details.progress.count
            while low < high {
                let middle = (low + high) / 2
                if details.progress[middle].key < recipient { low = middle + 1 } else { high = middle }
            }
            if low < details.progress.count, details.progress[low].key == recipient {
                details.progress[low].state = state
            } else {
                details.progress.insert((recipient, state), at: low)
            }
        }
    }

    /// Takes over another place for the same message.
    mutating func move(to location: RecordLocation, chunks: [RecordLocation]?) {
        self.location = location
        self.chunks = chunks
    }

    var contentSize: Int {
        chunks.map { $0.reduce(0) { $0 + Int($1.bodyLength) } } ?? Int(location.bodyLength)
    }
}

/// How far one recipient has come.
public enum RecipientState: Hashable, Sendable {
    /// To be tried; so often tried before, next at that time, and what was the matter last.
    case waiting(attempts: UInt16, nextAttempt: Timestamp, lastError: String?)
    /// Delivered, relayed, failed and reported, or deleted: nothing is left to do.
    case finished
}
