import MailBytes
import NIOCore

/// A message for one recipient with a mailbox here.
public struct LocalDelivery: Sendable {
    /// Together with `recipient`, what tells a repeated delivery from a new one.
    public var queueID: UInt64
    public var recipient: String
    public var content: LocalContent
    public var received: Timestamp

    public init(queueID: UInt64, recipient: String, content: LocalContent, received: Timestamp) {
        self.queueID = queueID
        self.recipient = recipient
        self.content = content
        self.received = received
    }
}

/// A message with CR LF line ends. The prefix is lines that are put in front of it: Return-Path and Delivered-To.
public enum LocalContent: Sendable {
    case whole(prefix: [UInt8], body: ByteBuffer)
    /// `read` gives piece 0, then 1, and so on up to `count - 1`; it may wait and is called on the store's threads,
    /// once for each piece.
    case pieces(prefix: [UInt8], count: Int, read: @Sendable (Int) throws -> ByteBuffer)

    /// About what it takes in memory while it is written.
    var cost: Int {
        switch self {
        case .whole(let prefix, let body): prefix.count + body.readableBytes
        case .pieces(_, let count, _): min(count, 1 << 20) * (256 << 10)
        }
    }
}

/// Where a message has come to lie.
public struct DeliveredMessage: Hashable, Sendable {
    public var mailbox: String
    public var uid: UInt32
    /// It had been delivered before and was not stored again.
    public var isRepeated: Bool

    public init(mailbox: String, uid: UInt32, isRepeated: Bool) {
        self.mailbox = mailbox
        self.uid = uid
        self.isRepeated = isRepeated
    }
}
