/// What came of an order about messages of the queue.
public struct OrderResult: Hashable, Sendable {
    /// Messages that it was carried out for.
    public var messages: Int
    /// Why it is not on stable storage yet: it counts, but a start would undo it. `nil` when it is there.
    public var problem: String?
}
