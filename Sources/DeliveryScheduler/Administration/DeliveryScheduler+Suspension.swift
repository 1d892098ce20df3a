import MailBytes

/// Why nothing is tried at a destination, and since when.
public struct Suspension: Hashable, Sendable {
    /// What the operator wrote; may be empty.
    public var reason: String
    public var since: Timestamp

    public init(reason: String, since: Timestamp) {
        self.reason = reason
        self.since = since
    }
}

/// Destinations where nothing is tried until the operator resumes them. Messages for them wait, and expire when their time is over.
extension DeliveryScheduler {
    /// Tries nothing more at a destination; what is being tried ends.
    public mutating func suspend(_ destination: Destination, _ suspension: Suspension) {
        suspensions[destination] = suspension
        guard let index = queueIndexes[destination] else { return }
        queues[Int(index)].isSuspended = true
        refreshRing(index)
    }

    /// Lets a destination be tried again, at once.
    ///
    /// - Returns: whether it was suspended.
    @discardableResult
    public mutating func resume(_ destination: Destination, now: Timestamp) -> Bool {
        guard suspensions.removeValue(forKey: destination) != nil else { return false }
        if let index = queueIndexes[destination] {
            queues[Int(index)].isSuspended = false
            wake(index, now: now)
        }
        return true
    }

    /// All that are suspended.
    public var suspended: [Destination: Suspension] { suspensions }

    /// Gives destinations bounds of their own, those that are there already too.
    public mutating func setOwnLimits(_ limits: @escaping @Sendable (Destination) -> DestinationLimits?) {
        ownLimits = limits
        for index in queues.indices where !queues[index].isFree {
            queues[index].limits = limits(queues[index].destination)
            refreshRing(Int32(index))
        }
    }
}
