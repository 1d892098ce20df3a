import MailBytes
import MailEvents

/// Who waits behind a destination that cannot be reached: each is told of once.
extension DeliveryScheduler {
    /// The most entries that are looked at in one go.
    private static let waitingLooks = 10_000

    /// Until when an entry waits because its destination cannot be reached; `nil` when it does not, or was told of before.
    public mutating func beganToWait(_ id: EntryID) -> Timestamp? {
        guard let slot = slot(id), entries[Int(slot)].state == .ready, !entries[Int(slot)].isToldWaiting else {
            return nil
        }
        let queue = Int(entries[Int(slot)].destination)
        guard queues[queue].isDead, let until = queues[queue].blockedUntil else { return nil }
        entries[Int(slot)].flags.insert(.toldWaiting)
        return until
    }

    /// When a destination is tried again that could not be reached; `nil` when it can.
    public func blockedUntil(_ destination: DestinationID) -> Timestamp? {
        queueIndex(destination).flatMap { queues[Int($0)].isDead ? queues[Int($0)].blockedUntil : nil }
    }

    /// The messages that are ready for a destination and wait since it could not be reached, each told once.
    ///
    /// - Parameter limit: at most so many; others are not told.
    public mutating func beganToWait(for destination: DestinationID, limit: Int) -> [QueueID] {
        guard let index = queueIndex(destination), queues[Int(index)].isDead else { return [] }
        var found: [QueueID] = []
        for priority in PriorityClass.allCases {
            var slot = queues[Int(index)].ready[priority].first
            for _ in 0..<Self.waitingLooks where slot >= 0 {
                if !entries[Int(slot)].isToldWaiting {
                    guard found.count < limit else { return found }
                    entries[Int(slot)].flags.insert(.toldWaiting)
                    found.append(entries[Int(slot)].message)
                }
                slot = entries[Int(slot)].next
            }
        }
        return found
    }
}
