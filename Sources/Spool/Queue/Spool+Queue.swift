import MailEvents
import MailNames
import NIOCore

extension Spool {
    /// The number of messages.
    public var count: Int { index.with { $0.entries.count } }

    /// All queue ids, oldest first. 8 octets a message: fit for a million.
    public func ids() -> [QueueID] { reader.ids().map(QueueID.init(rawValue:)) }

    /// What is known of a message; `nil` when it is not in the queue.
    public func message(_ id: QueueID) -> SpooledMessage? { reader.message(id.rawValue) }

    /// The envelope, read from the disk. Blocks for as long as that takes.
    ///
    /// - Throws: `SpoolError`: `.unknownMessage`, `.damaged`, and `.disk` when it could not be read this time.
    public func envelope(_ id: QueueID) throws -> Envelope { try reader.envelope(id.rawValue) }

    /// The content of a small message from memory, when it was committed lately.
    public func recentContent(_ id: QueueID) -> ByteBuffer? { recent.body(of: id.rawValue) }

    /// The number of pieces that a message's content is read in; 1 for all but large ones.
    public func pieces(of id: QueueID) throws -> Int { try reader.pieces(of: id.rawValue) }

    /// One piece of the content, read from the disk and checked. Blocks for as long as that takes.
    ///
    /// - Throws: `SpoolError`: `.unknownMessage`, `.damaged`, and `.disk` when it could not be read this time.
    public func content(_ id: QueueID, piece: Int = 0) throws -> ByteBuffer {
        if piece == 0, let recent = recentContent(id) { return recent }
        return try reader.content(id.rawValue, piece: piece)
    }

    /// Records changes. With `then` they are durable when it is called, on the writer's thread; without, they are written
    /// at once and synced with the next message or after a moment.
    ///
    /// What is told here counts at once for whoever asks, even where the disk fails; it is then written again as soon as that
    /// is possible.
    public func record(
        _ progress: [SpoolProgress],
        then: (@Sendable (Result<Void, SpoolError>) -> Void)? = nil
    ) {
        for change in progress {
            if case .done = change.kind { recent.forget(change.id.rawValue) }
        }
        index.with { index in
            for change in progress {
                switch change.kind {
                case .recipients(let states): index.apply(states, to: change.id.rawValue)
                case .control(let isHeld, let route):
                    index.apply(isHeld: isHeld, route: route, to: change.id.rawValue)
                // The writer lets go of the place on the disk.
                case .done: break
                }
            }
        }
        if !hand(.progress(progress, then)) { then?(.failure(SpoolError(.closed))) }
    }
}
