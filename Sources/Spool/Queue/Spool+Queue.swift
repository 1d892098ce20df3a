import MailEvents
import MailNames
import NIOCore

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
        SpoolProgress(id: id, kind: .recipients(states.map { (UInt32($0.0), $0.1) }))
    }

    /// The message is held or not, and has another next hop than its domains' or not.
    public static func control(isHeld: Bool, route: String?, of id: QueueID) -> SpoolProgress {
        SpoolProgress(id: id, kind: .control(isHeld: isHeld, route: route))
    }

    /// Nothing is left to do for the message: the spool forgets it.
    public static func done(_ id: QueueID) -> SpoolProgress { SpoolProgress(id: id, kind: .done) }
}

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
}

extension Spool {
    /// The number of messages.
    public var count: Int { index.with { $0.entries.count } }

    /// All queue ids, oldest first. 8 octets a message: fit for a million.
    public func ids() -> [QueueID] {
        index.with { Array($0.entries.keys) }.sorted().map(QueueID.init(rawValue:))
    }

    /// What is known of a message; `nil` when it is not in the queue.
    public func message(_ id: QueueID) -> SpooledMessage? {
        index.with { $0.entries[id.rawValue] }.map { entry in
            SpooledMessage(
                id: id,
                size: entry.contentSize,
                recipients: Int(entry.recipients),
                isHeld: entry.isHeld,
                route: entry.route,
                progress: Dictionary(uniqueKeysWithValues: (entry.progress ?? [:]).map { (Int($0.key), $0.value) })
            )
        }
    }

    /// The envelope, read from the disk. Blocks for as long as that takes.
    ///
    /// - Throws: `SpoolError`: `.unknownMessage`, `.damaged`, `.disk`.
    public func envelope(_ id: QueueID) throws -> Envelope {
        try reading(id) { entry, segment in
            let bytes = try segment.read(
                at: Int(entry.location.offset),
                count: RecordHead.size + Int(entry.location.metadataLength)
            )
            let intact = bytes.withUnsafeBytes {
                RecordHead.isIntact(
                    $0,
                    metadataLength: Int(entry.location.metadataLength),
                    nonce: segment.nonce,
                    offset: Int(entry.location.offset)
                )
            }
            guard intact else { return nil }
            let metadata = bytes.span.extracting(RecordHead.size..<bytes.count)
            guard entry.chunks != nil else { return EnvelopeHead.decode(metadata, from: 0) }
            guard let (_, start) = MetadataCoding.decodeChunks(metadata) else { return nil }
            return EnvelopeHead.decode(metadata, from: start)
        }
    }

    /// The content of a small message from memory, when it was committed lately.
    public func recentContent(_ id: QueueID) -> ByteBuffer? { recent.body(of: id.rawValue) }

    /// The number of pieces that a message's content is read in; 1 for all but large ones.
    public func pieces(of id: QueueID) throws -> Int {
        guard let entry = index.with({ $0.entries[id.rawValue] }) else { throw SpoolError(.unknownMessage) }
        return entry.chunks?.count ?? 1
    }

    /// One piece of the content, read from the disk and checked. Blocks for as long as that takes.
    ///
    /// - Throws: `SpoolError`: `.unknownMessage`, `.damaged`, `.disk`.
    public func content(_ id: QueueID, piece: Int = 0) throws -> ByteBuffer {
        if piece == 0, let recent = recentContent(id) { return recent }
        return try reading(id) { entry, _ in
            let location: RecordLocation
            if let chunks = entry.chunks {
                guard chunks.indices.contains(piece) else { return nil }
                location = chunks[piece]
            } else {
                location = entry.location
            }
            guard let segment = index.with({ $0.segments[location.segment] }) else { return nil }
            let head = try segment.read(at: Int(location.offset), count: RecordHead.size)
            guard let stored = head.withUnsafeBytes({ RecordHead($0) }), stored.id == id.rawValue else { return nil }
            let start = Int(location.offset) + RecordHead.size + Int(location.metadataLength)
            let length = Int(location.bodyLength)
            var buffer = ByteBufferAllocator().buffer(capacity: length)
            try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { memory in
                try segment.file.read(into: UnsafeMutableRawBufferPointer(rebasing: memory[0..<length]), at: start)
            }
            let checksum = buffer.withUnsafeReadableBytes { RecordHead.checksum($0, seed: segment.nonce) }
            guard buffer.readableBytes == length, checksum == stored.bodyChecksum else { return nil }
            return buffer
        }
    }

    /// Reads with the entry as it is now; once more where the message was moved meanwhile.
    private func reading<Value>(_ id: QueueID, _ body: (MessageEntry, Segment) throws -> Value?) throws -> Value {
        var last: MessageEntry?
        while true {
            let found: (MessageEntry, Segment)? = index.with { index in
                guard let entry = index.entries[id.rawValue], let segment = index.segments[entry.location.segment]
                else {
                    return nil
                }
                return (entry, segment)
            }
            guard let (entry, segment) = found else { throw SpoolError(.unknownMessage) }
            if let last, last.location == entry.location, last.chunks == entry.chunks {
                throw SpoolError(.damaged, path: Segment.name(entry.location.segment))
            }
            if let value = try body(entry, segment) { return value }
            last = entry
        }
    }

    /// Records changes. With `then` they are durable when it is called, on the writer's thread; without, they are written
    /// at once and synced with the next message or after a moment.
    public func record(
        _ progress: [SpoolProgress],
        then: (@Sendable (Result<Void, SpoolError>) -> Void)? = nil
    ) {
        for change in progress {
            if case .done = change.kind { recent.forget(change.id.rawValue) }
        }
        if !hand(.progress(progress, then)) { then?(.failure(SpoolError(.closed))) }
    }
}
