/// The maildrop as a session sees it: a snapshot taken when it was locked, and the marks of this session.
///
/// Sizes and unique-ids alone, no body is read for it: RFC 1939 section 5 wants the message-numbers fixed for the whole
/// session. A message costs 25 octets here while its unique-id has at most 15.
public struct POPMaildrop: Equatable, Sendable {
    /// One message of the maildrop.
    public struct Message: Equatable, Sendable {
        /// Octets of the message with CR LF line ends: RFC 1939 section 11.
        public let size: Int
        /// 1 to 70 characters from 0x21 to 0x7E, the same in every session: RFC 1939 section 7.
        public let uniqueID: String
        /// Whether header fields hold UTF-8, so that a client outside of UTF-8 mode gets a surrogate: RFC 6856 section 2.1.
        public let needsUTF8: Bool

        /// A message. The caller answers for the form of `uniqueID`.
        public init(size: Int, uniqueID: String, needsUTF8: Bool = false) {
            self.size = size
            self.uniqueID = uniqueID
            self.needsUTF8 = needsUTF8
        }
    }

    /// In the order of message-numbers: the first has number 1.
    public let messages: [Message]
    private var isDeleted: [Bool]
    /// Messages that are not marked as deleted.
    public private(set) var count: Int
    /// Their octets.
    public private(set) var octets: Int

    /// A maildrop with nothing marked.
    public init(messages: [Message]) {
        self.messages = messages
        self.isDeleted = Array(repeating: false, count: messages.count)
        self.count = messages.count
        self.octets = messages.reduce(0) { $0 + $1.size }
    }

    /// What `LIST`, `RETR` and the others find under a message-number.
    enum Lookup {
        case message(Message)
        case deleted
        case none
    }

    func look(up number: POPMessageNumber) -> Lookup {
        guard number.position < self.messages.count else { return .none }
        return self.isDeleted[number.position] ? .deleted : .message(self.messages[number.position])
    }

    mutating func delete(_ number: POPMessageNumber) {
        guard number.position < self.messages.count, !self.isDeleted[number.position] else { return }
        self.isDeleted[number.position] = true
        self.count -= 1
        self.octets -= self.messages[number.position].size
    }

    mutating func reset() { self = POPMaildrop(messages: self.messages) }

    /// Positions in `messages` that are marked as deleted, in order.
    var deletions: [Int] { self.isDeleted.indices.filter { self.isDeleted[$0] } }

    /// The position of the first message at or after `position` that is not marked.
    func remaining(from position: Int) -> Int? {
        self.isDeleted[min(position, self.isDeleted.count)...].firstIndex(of: false)
    }
}
