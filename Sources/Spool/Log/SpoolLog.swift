import MailBytes
import MailNames

/// The log itself, without threads or a clock: records are appended to memory, and a flush makes them durable.
///
/// Not for several threads at a time. The driver (`Spool`) gives it a thread of its own, the simulation a disk that does
/// not exist. What holds after which step is written down in Guarantees.md.
final class SpoolLog {
    /// What becomes of the index when a batch is durable.
    private enum Staged {
        case message(UInt64, MessageEntry)
        case progress(UInt64, [(UInt32, RecipientState)])
        case control(UInt64, isHeld: Bool, route: String?)
        case done(UInt64)
    }

    let files: any SpoolFiles
    let options: SpoolOptions
    let index: SharedIndex
    private var random: any RandomNumberGenerator
    private var buffer: RecordBuffer
    private var staged: [Staged] = []
    private(set) var current: Segment
    /// Set after a failed write: its batch is not trusted, and nothing more is written behind it.
    private var currentIsBroken = false
    private var spares: [String] = []
    private var lastID: UInt64

    init(
        files: any SpoolFiles,
        options: SpoolOptions,
        index: SharedIndex,
        random: any RandomNumberGenerator,
        recovered: Recovery.Result
    ) throws {
        self.files = files
        self.options = options
        self.index = index
        self.random = random
        self.buffer = RecordBuffer(capacity: 1 << 20)
        self.spares = recovered.spares
        self.lastID = recovered.highWater
        let nonce = self.random.next()
        self.current = try Self.makeSegment(
            sequence: recovered.lastSequence + 1,
            nonce: nonce,
            highWater: recovered.highWater,
            files: files,
            size: options.segmentSize.bytes,
            spare: self.spares.popLast()
        )
        index.with { $0.segments[self.current.sequence] = self.current }
        try reclaim()
    }

    // MARK: Appending

    /// A queue id that was never given before, whatever the clock says.
    func nextID(now: Timestamp) -> UInt64 {
        lastID = max(lastID + 1, UInt64(clamping: now.microseconds))
        return lastID
    }

    /// Appends a message with its whole content.
    func append(message id: UInt64, envelope: [UInt8], recipients: Int, body: [UnsafeRawBufferPointer]) throws {
        let location = try append(.message, id, envelope, body)
        staged.append(
            .message(
                id,
                MessageEntry(
                    location: location,
                    recipients: UInt32(recipients),
                    remaining: UInt32(recipients)
                )
            )
        )
    }

    /// Appends a piece of an upload; it counts for nothing until the message is appended that names it.
    func append(chunkOf id: UInt64, body: [UnsafeRawBufferPointer]) throws -> RecordLocation {
        try append(.chunk, id, [], body)
    }

    /// Appends a message whose content was uploaded.
    func append(uploaded id: UInt64, chunks: [RecordLocation], envelope: [UInt8], recipients: Int) throws {
        let location = try append(.uploaded, id, MetadataCoding.encode(chunks: chunks, envelope: envelope), [])
        let entry = MessageEntry(
            location: location,
            recipients: UInt32(recipients),
            remaining: UInt32(recipients),
            chunks: chunks
        )
        staged.append(.message(id, entry))
    }

    func append(progress: [(UInt32, RecipientState)], of id: UInt64) throws {
        _ = try append(.progress, id, MetadataCoding.encode(progress: progress), [])
        staged.append(.progress(id, progress))
    }

    func append(isHeld: Bool, route: String?, of id: UInt64) throws {
        _ = try append(.control, id, MetadataCoding.encode(isHeld: isHeld, route: route), [])
        staged.append(.control(id, isHeld: isHeld, route: route))
    }

    func append(done id: UInt64) throws {
        _ = try append(.done, id, [], [])
        staged.append(.done(id))
    }

    private func append(
        _ kind: RecordKind,
        _ id: UInt64,
        _ metadata: [UInt8],
        _ body: [UnsafeRawBufferPointer]
    ) throws -> RecordLocation {
        let bodyLength = body.reduce(0) { $0 + $1.count }
        let length = (RecordHead.size + metadata.count + bodyLength + 7) & ~7
        if currentIsBroken || current.end + buffer.count + length > options.segmentSize.bytes {
            try flush(durably: true)
            try roll()
        }
        let offset = current.end + buffer.count
        buffer.append(kind, id: id, metadata: metadata, body: body, nonce: current.nonce, offset: offset)
        return RecordLocation(
            segment: current.sequence,
            offset: UInt32(offset),
            metadataLength: UInt32(metadata.count),
            bodyLength: UInt32(bodyLength)
        )
    }

    // MARK: Flushing

    /// Octets that wait to be written.
    var waiting: Int { buffer.count }

    /// Writes what was appended, and when it returns from a durable flush, that is on stable storage and in the index.
    ///
    /// - Throws: the disk's error. Nothing of the batch then counts.
    func flush(durably: Bool) throws {
        guard buffer.count > 0 else {
            if durably && unsynced {
                try sync()
            }
            return
        }
        // A batch begins at a block of its own: a torn write never touches what was acknowledged before.
        buffer.pad(from: current.end, to: Segment.block)
        do {
            try current.file.write(buffer.bytes, at: current.end)
            if durably { try current.file.sync() }
            unsynced = !durably
        } catch {
            abandonBatch()
            throw error
        }
        current.end += buffer.count
        buffer.removeAll()
        let applied = staged
        staged.removeAll(keepingCapacity: true)
        index.with { index in
            for change in applied {
                switch change {
                case .message(let id, let entry): index.insert(id, entry)
                case .progress(let id, let progress): index.apply(progress, to: id)
                case .control(let id, let isHeld, let route): index.apply(isHeld: isHeld, route: route, to: id)
                case .done(let id): index.remove(id)
                }
            }
        }
    }

    /// Whether progress was written and not synced yet.
    private(set) var unsynced = false

    private func sync() throws {
        do {
            try current.file.sync()
            unsynced = false
        } catch {
            currentIsBroken = true
            throw error
        }
    }

    /// After a failed write or sync nobody knows what is on disk: the batch is forgotten, its place is made unreadable where
    /// that still works, and the log goes on in another segment.
    private func abandonBatch() {
        let zeros = [UInt8](repeating: 0, count: Segment.block)
        zeros.withUnsafeBytes { try? current.file.write($0, at: current.end) }
        try? current.file.sync()
        currentIsBroken = true
        buffer.removeAll()
        staged.removeAll()
    }

    // MARK: Segments

    private func roll() throws {
        let nonce = random.next()
        let next = try Self.makeSegment(
            sequence: current.sequence + 1,
            nonce: nonce,
            highWater: lastID,
            files: files,
            size: options.segmentSize.bytes,
            spare: spares.popLast()
        )
        current = next
        currentIsBroken = false
        index.with { $0.segments[next.sequence] = next }
    }

    private static func makeSegment(
        sequence: UInt64,
        nonce: UInt64,
        highWater: UInt64,
        files: any SpoolFiles,
        size: Int,
        spare: String?
    ) throws -> Segment {
        let name = Segment.name(sequence)
        if let spare { try files.rename(spare, to: name) }
        let file = try files.open(name)
        if try file.size() < size { try file.allocate(size) }
        let header = Segment.header(sequence: sequence, nonce: nonce, highWater: highWater)
        try header.withUnsafeBytes { try file.write($0, at: 0) }
        try file.sync()
        try files.syncFolder()
        return Segment(sequence: sequence, nonce: nonce, file: file)
    }

    /// Frees finished segments, oldest first. The order matters: a segment with the record that a message is done must not
    /// go before the segment with the message, or the message would come back.
    func reclaim() throws {
        while let oldest = index.with({ $0.segments.keys.min() }), oldest != current.sequence {
            let isFree = index.with { index in
                guard let segment = index.segments[oldest], segment.liveBytes == 0, segment.pendingUploads == 0 else {
                    return false
                }
                index.segments[oldest] = nil
                return true
            }
            guard isFree else { return }
            let name = Segment.name(oldest)
            if spares.count < options.spareSegments {
                let spare = "spare-\(oldest)"
                try files.rename(name, to: spare)
                spares.append(spare)
            } else {
                try files.remove(name)
            }
        }
    }

    /// Copies some of what is still needed out of the oldest segment when more than half of the log is waste, so that a
    /// message that waits for days does not hold the space of all that came after it.
    ///
    /// - Returns: whether there was something to copy.
    func rewriteSome(limit: Int = 4 << 20) throws -> Bool {
        let work: [(UInt64, MessageEntry)] = index.with { index in
            guard index.segments.count > 3, let oldest = index.segments.keys.min(), oldest != current.sequence else {
                return []
            }
            let written = index.segments.count * options.segmentSize.bytes
            guard index.liveBytes < written / 2 else { return [] }
            var chosen: [(UInt64, MessageEntry)] = []
            var size = 0
            for (id, entry) in index.entries
            where entry.location.segment == oldest || entry.chunks?.contains(where: { $0.segment == oldest }) == true {
                chosen.append((id, entry))
                size += entry.length
                if size > limit { break }
            }
            return chosen
        }
        for (id, entry) in work { try rewrite(id, entry) }
        try flush(durably: true)
        try reclaim()
        return !work.isEmpty
    }

    private func rewrite(_ id: UInt64, _ entry: MessageEntry) throws {
        guard let segment = index.with({ $0.segments[entry.location.segment] }) else { return }
        let bytes = try segment.read(at: Int(entry.location.offset), count: entry.location.length)
        let metadata = Array(bytes.dropFirst(RecordHead.size).prefix(Int(entry.location.metadataLength)))
        if let chunks = entry.chunks {
            var moved: [RecordLocation] = []
            for chunk in chunks {
                guard let source = index.with({ $0.segments[chunk.segment] }) else { return }
                let start = Int(chunk.offset) + RecordHead.size
                let body = try source.read(at: start, count: Int(chunk.bodyLength))
                moved.append(try body.withUnsafeBytes { try append(chunkOf: id, body: [$0]) })
            }
            guard let (_, start) = MetadataCoding.decodeChunks(metadata.span) else { return }
            let envelope = Array(metadata[start...])
            try append(uploaded: id, chunks: moved, envelope: envelope, recipients: Int(entry.recipients))
        } else {
            let body = bytes.dropFirst(RecordHead.size + metadata.count).prefix(Int(entry.location.bodyLength))
            try body.withUnsafeBytes {
                try append(message: id, envelope: metadata, recipients: Int(entry.recipients), body: [$0])
            }
        }
        if let progress = entry.progress, !progress.isEmpty {
            try append(progress: progress.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, of: id)
        }
        if entry.isHeld || entry.route != nil { try append(isHeld: entry.isHeld, route: entry.route, of: id) }
    }

    /// Whether there is room for new messages: below the bounds on the log's size and on the disk's free space.
    func hasRoom() -> Bool {
        let segments = index.with { $0.segments.count } + spares.count
        guard segments * options.segmentSize.bytes <= options.maximumSize.bytes else { return false }
        return (try? files.freeSpace()).map { $0 >= options.minimumFreeSpace.bytes } ?? false
    }
}
