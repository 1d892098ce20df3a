import MailEvents

/// What the spool knows of a message without reading the disk.
public struct SpooledMessage: Sendable {
    public let id: QueueID
    /// Octets of content.
    public let size: Int
    public let recipients: Int
    public let isHeld: Bool
    public let route: String?
    /// States of recipients by their place in the envelope; who is not here was never tried.
    public let progress: [Int: RecipientState]

    init(_ id: UInt64, _ entry: MessageEntry) {
        self.id = QueueID(rawValue: id)
        self.size = entry.contentSize
        self.recipients = Int(entry.recipients)
        self.isHeld = entry.isHeld
        self.route = entry.route
        self.progress = Dictionary(uniqueKeysWithValues: entry.progress.map { (Int($0.key), $0.state) })
    }
}

/// A change of a message in the queue.
public struct SpoolProgress: Sendable {
    enum Kind: Sendable {
        case recipients([(UInt32, RecipientState)])
        case control(isHeld: Bool, route: String?)
        case done
    }

    public let id: QueueID
    let kind: Kind

    /// From here on numbers are no places in the envelope but names of addresses that an alias led to, given by delivery.
    public static let firstExpandedAddress: UInt32 = 0x8000_0000

    /// Recipients, by their place in the envelope, have come to other states.
    public static func recipients(_ states: [(Int, RecipientState)], of id: QueueID) -> SpoolProgress {
        let kept = states.map { number, state -> (UInt32, RecipientState) in
            guard case .waiting(let attempts, let nextAttempt, let lastError) = state else {
                return (UInt32(number), state)
            }
            let text = MetadataCoding.shortened(lastError)
            return (UInt32(number), .waiting(attempts: attempts, nextAttempt: nextAttempt, lastError: text))
        }
        return SpoolProgress(id: id, kind: .recipients(kept))
    }

    /// The message is held or not, and has another next hop than its domains' or not.
    public static func control(isHeld: Bool, route: String?, of id: QueueID) -> SpoolProgress {
        SpoolProgress(id: id, kind: .control(isHeld: isHeld, route: route))
    }

    /// Nothing is left to do for the message: the spool forgets it.
    public static func done(_ id: QueueID) -> SpoolProgress { SpoolProgress(id: id, kind: .done) }
}
