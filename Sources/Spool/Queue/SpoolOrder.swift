import MailEvents

/// What an operator orders of many messages at once. It is one record on disk for each `messagesPerRecord` of them, not one for each
/// message: an order about a million messages is 8 MB, written at once.
public struct SpoolOrder: Sendable {
    public enum Change: Sendable, Hashable {
        case hold, release
        /// Another next hop than the domains'; `nil` for these again.
        case route(String?)
        /// Nothing is left to do for them: the spool forgets them.
        case done

        /// Whether it is in the index as soon as the spool is told, and not only when it is written.
        var countsAtOnce: Bool { self != .done }
    }

    /// Messages that one record names.
    package static let messagesPerRecord = 32_768

    public var change: Change
    public var messages: [QueueID]

    public init(_ change: Change, of messages: [QueueID]) {
        self.change = change
        self.messages = messages
    }
}

extension Spool {
    /// Messages that the index is changed for under one hold of its lock.
    private static let changedAtOnce = 8192

    /// Records an order. When `then` is called, on the writer's thread, it is on stable storage, or could not be written.
    ///
    /// What it changes counts at once for whoever asks; that messages are forgotten, when it is written. Of a message that is not in the
    /// queue it says nothing. A crash before the end may leave it carried out for some of the messages.
    public func record(_ order: SpoolOrder, then: @escaping @Sendable (Result<Void, SpoolError>) -> Void) {
        var position = 0
        while position < order.messages.count {
            let part = order.messages[position..<min(position + Self.changedAtOnce, order.messages.count)]
            position += part.count
            if order.change.countsAtOnce {
                index.with { index in for id in part { index.apply(order.change, to: id.rawValue) } }
            } else {
                for id in part { recent.forget(id.rawValue) }
            }
        }
        if !hand(.order(order, then)) { then(.failure(SpoolError(.closed))) }
    }
}
