import MailBytes

/// One thing that happened to a message, or to a client before it had one.
public struct TraceEvent: Hashable, Sendable {
    /// What happened. The raw value is its number in stored traces and is never given anew.
    public enum Kind: UInt8, Sendable, CaseIterable {
        case received = 1
        case refused = 2
        case smuggling = 3
        case authenticated = 4
        case authenticationFailed = 5
        case expanded = 6
        case routed = 7
        case attempted = 8
        case delivered = 9
        case relayed = 10
        case deferred = 11
        case failed = 12
        case reported = 13
        case expired = 14
        case loop = 15
        case held = 16
        case released = 17
        case rerouted = 18
        case deleted = 19
        case caught = 20
        case flushed = 21
        case damaged = 22
        case checkpoint = 23
        case distributed = 40
        case listCommand = 41
    }

    /// A field and its text.
    public struct Entry: Hashable, Sendable {
        public var field: TraceField
        public var text: String

        public init(_ field: TraceField, _ text: String) {
            self.field = field
            self.text = text
        }
    }

    public var kind: Kind
    /// In the order in which they are told; a field may come several times.
    public var fields: [Entry]

    public init(_ kind: Kind, _ fields: [Entry]) {
        self.kind = kind
        self.fields = fields
    }

    /// An event of the fields that have a value.
    public init(_ kind: Kind, _ fields: KeyValuePairs<TraceField, String?>) {
        self.kind = kind
        self.fields = []
        self.fields.reserveCapacity(fields.count)
        for (field, text) in fields {
            if let text { self.fields.append(Entry(field, text)) }
        }
    }

    /// The first text of a field.
    public subscript(field: TraceField) -> String? {
        fields.first { $0.field == field }?.text
    }

    /// All texts of a field.
    public func all(_ field: TraceField) -> [String] {
        fields.filter { $0.field == field }.map(\.text)
    }
}

/// An event with its time and, once there is one, its message.
public struct TraceEntry: Hashable, Sendable {
    /// `nil` for what happened before a message was accepted.
    public var queueID: QueueID?
    public var time: Timestamp
    public var event: TraceEvent

    public init(queueID: QueueID?, time: Timestamp, event: TraceEvent) {
        self.queueID = queueID
        self.time = time
        self.event = event
    }
}

/// Takes what happens. Cheap, never blocks, and bounded: under too much it counts what it leaves out.
public protocol TraceRecorder: Sendable {
    func record(_ entry: TraceEntry)
}

/// Forgets everything.
public struct DiscardingTraceRecorder: TraceRecorder {
    public init() {}
    public func record(_ entry: TraceEntry) {}
}
