import MailBytes

/// Reads all segments and finds what lives. It is total: it ends, and gives a usable state, for every content of the folder but
/// a newer program's. Where the system does not give the content, it stops the start: a segment that is left out takes mail with
/// it, and the records that say what was delivered already.
struct Recovery {
    struct Result {
        var report = RecoveryReport()
        /// The largest sequence number that a file has.
        var lastSequence: UInt64 = 0
        /// The newest segment that could be read and where its acknowledged records end, for the header of the next.
        var last: (sequence: UInt64, end: Int) = (0, 0)
        var highWater: UInt64 = 0
        var floor: UInt64 = 0
        /// Files that can be used again at once.
        var spares: [String] = []
        /// Segments below the floor, which can be used again when the floor stands in the newest header.
        var dead: [String] = []
    }

    /// Octets at the end of the log that may be not synced; more than the driver ever leaves so.
    private static let refreshed = 16 << 20

    private let files: any SpoolFiles
    private let index: SharedIndex
    /// Whether nothing may be changed on the disk.
    private let isReadOnly: Bool
    private var result = Result()

    static func run(files: any SpoolFiles, index: SharedIndex, isReadOnly: Bool = false) throws(SpoolError) -> Result {
        var recovery = Recovery(files: files, index: index, isReadOnly: isReadOnly)
        try recovery.run()
        return recovery.result
    }

    private init(files: any SpoolFiles, index: SharedIndex, isReadOnly: Bool) {
        self.files = files
        self.index = index
        self.isReadOnly = isReadOnly
    }

    private mutating func run() throws(SpoolError) {
        let names = try files.list()
        for name in names where name.hasPrefix(SpareName.unfinished) { remove(name) }
        result.spares = names.filter { $0.hasPrefix(SpareName.finished) }.sorted()
        var found: [(header: SegmentHeader, file: any SpoolFile, size: Int)] = []
        for sequence in names.compactMap(Segment.sequence(of:)).sorted() {
            result.lastSequence = max(result.lastSequence, sequence)
            if let segment = try open(sequence) { found.append(segment) }
        }
        result.floor = found.reduce(0) { max($0, $1.header.floor) }
        var ends: [UInt64: Int] = [:]
        for (header, _, _) in found { ends[header.previous] = Int(clamping: header.previousEnd) }
        for (header, file, size) in found {
            result.highWater = max(result.highWater, header.highWater)
            guard header.sequence >= result.floor else {
                result.dead.append(Segment.name(header.sequence))
                continue
            }
            let segment = Segment(sequence: header.sequence, nonce: header.nonce, file: file, capacity: size)
            index.with { $0.segments[header.sequence] = segment }
            try read(segment, sealedEnd: ends[header.sequence])
            // Where what was found cannot be made durable nothing may stand on it: least of all the floor, below which older
            // copies of what was moved here are destroyed. So the start fails, and leaves the disk as it was.
            if ends[header.sequence] == nil && !isReadOnly { try refresh(segment) }
            result.last = (header.sequence, segment.end)
        }
        result.report.segments = index.with { $0.segments.count }
        result.report.messages = index.with { $0.entries.count }
    }

    // MARK: Files

    /// The segment's header and file; `nil` when it is none, which is dealt with.
    private mutating func open(_ sequence: UInt64) throws(SpoolError) -> (SegmentHeader, any SpoolFile, Int)? {
        let name = Segment.name(sequence)
        do throws(SpoolError) {
            let file = try files.open(name)
            let size = min(try file.size(), Int(UInt32.max))
            switch SegmentHeader.read(try file.read(at: 0, count: Segment.block)) {
            case .header(let header) where header.sequence == sequence: return (header, file, size)
            // A file of a former life whose header was not written yet when the server ended: nothing was put into it.
            case .header: reuse(name)
            case .empty:
                let behind = try file.read(at: Segment.block, count: Segment.block)
                if behind.contains(where: { $0 != 0 }) { setAside(name) } else { reuse(name) }
            case .unreadable: setAside(name)
            case .newerFormat(let version): throw SpoolError(.newerFormat(version), path: name)
            }
        } catch {
            if case .newerFormat = error.reason { throw error }
            // No more files, no permission, no memory, a cable: that is no word about what is in the segment.
            guard isReadOnly else { throw SpoolError(.unreadable, path: error.path, number: error.number) }
            result.report.unreadable.append(name)
        }
        return nil
    }

    private mutating func reuse(_ name: String) {
        guard !isReadOnly else { return }
        let spare = SpareName.finished + name.dropLast(8)
        do { try files.rename(name, to: spare) } catch { return }
        result.spares.append(spare)
    }

    private mutating func setAside(_ name: String) {
        result.report.unreadable.append(name)
        guard !isReadOnly else { return }
        // Where that fails too the file stays, and is reported again at the next start.
        try? files.rename(name, to: name + ".damaged")
    }

    private func remove(_ name: String) {
        // What stays is tried again at the next start.
        if !isReadOnly { try? files.remove(name) }
    }

    // MARK: Records

    /// - Parameter sealedEnd: where its acknowledged records end, which the next segment knows; `nil` when it was being written.
    private mutating func read(_ segment: Segment, sealedEnd: Int?) throws(SpoolError) {
        let end: Int
        if let sealedEnd { end = min(sealedEnd, segment.capacity) } else { end = try trustedEnd(of: segment) }
        let scanner = SegmentScanner(segment, limit: end, isOpen: false)
        while let found = scanner.next() {
            result.report.records += 1
            if found.head.kind != .floor && found.head.kind != .order {
                result.highWater = max(result.highWater, found.head.id)
            }
            apply(found, scanner)
        }
        result.report.damagedOctets += scanner.damagedOctets
        if scanner.unreadableOctets > 0 {
            result.report.unreadableOctets += scanner.unreadableOctets
            result.report.partlyUnreadable.append(Segment.name(segment.sequence))
            // There may be mail in them that nobody knows of: the file is kept when nothing else of it is needed.
            segment.isKept = true
        }
        segment.end = end
        segment.syncedEnd = end
    }

    /// Makes durable what was found in the segment that was being written, for the last server may not have come to it.
    ///
    /// It is written once more before it is synced: when a sync fails the system keeps the pages, calls them clean and does not
    /// write them again, so a server that was killed then leaves what can be read and is not on the disk.
    private func refresh(_ segment: Segment) throws(SpoolError) {
        var offset = max(Segment.block, segment.end - Self.refreshed) / Segment.block * Segment.block
        while offset < segment.end {
            let bytes = try segment.file.read(at: offset, count: min(1 << 20, segment.end - offset))
            guard !bytes.isEmpty else { break }
            try segment.file.write(bytes, at: offset)
            offset += bytes.count
        }
        try segment.file.sync()
    }

    /// Where the segment ends that was being written. The last write counts as a whole or not at all: so the records that belong
    /// together, a moved message and its progress, are torn apart by nothing.
    ///
    /// A damaged record with a later write behind it was synced once, for nothing is written behind a message before it is
    /// durable: its message stays, and whoever reads it is told.
    ///
    /// - Throws: `.unreadable` when the disk does not give back some of it. What cannot be read cannot be told from a write that was
    ///   never acknowledged, and would be cut off for good.
    private mutating func trustedEnd(of segment: Segment) throws(SpoolError) -> Int {
        let scanner = SegmentScanner(segment, limit: segment.capacity, isOpen: true)
        var last = (batch: UInt16?.none, start: Segment.block, end: Segment.block, isWhole: true, isEnded: true)
        var chunks: Set<UInt32> = []
        while let found = scanner.next() {
            if last.batch != found.head.batch {
                let begins = found.offset % Segment.block == 0
                last = (found.head.batch, found.offset, found.offset, begins, false)
            }
            var isWhole = found.bodyIsIntact && found.offset == last.end
            switch found.head.kind {
            case .chunk where found.bodyIsIntact: chunks.insert(found.location.offset)
            case .uploaded:
                // Its chunks may be of an earlier write that was not synced.
                let named = scanner.withMetadata(of: found) { MetadataCoding.decodeChunks($0)?.chunks } ?? nil
                isWhole =
                    isWhole
                    && named?.allSatisfy { $0.segment != segment.sequence || chunks.contains($0.offset) } ?? false
            default: break
            }
            last.isWhole = last.isWhole && isWhole
            last.isEnded = found.head.isLastOfBatch
            last.end = found.offset + found.head.length
        }
        guard scanner.unreadableOctets == 0 || isReadOnly else {
            throw SpoolError(.unreadable, path: Segment.name(segment.sequence), number: scanner.lastFailure)
        }
        let end = last.isWhole && last.isEnded ? scanner.end : last.start
        result.report.cutOctets += scanner.end - end + tornOctets(segment, at: scanner.end)
        return end
    }

    /// Octets behind the end that belong to a record of this life.
    private func tornOctets(_ segment: Segment, at end: Int) -> Int {
        for offset in [end, Segment.roundUp(end)] {
            guard let bytes = try? segment.file.read(at: offset, count: RecordHead.size),
                let head = bytes.withUnsafeBytes({ RecordHead($0, nonce: segment.nonce) })
            else { continue }
            return min(head.length, max(0, segment.capacity - offset))
        }
        return 0
    }

    /// Takes in a message, or its new place. What it was told before it was moved may be half of the story: segments that are freed do
    /// not vanish in order, and the one that held it may be there still when the one that released it is gone. How it was when it was
    /// moved stands behind it.
    private func take(_ id: UInt64, _ entry: MessageEntry) {
        index.with { index in
            index.insert(id, entry)
            index.apply(isHeld: false, route: nil, to: id)
        }
    }

    private mutating func apply(_ found: SegmentScanner.Found, _ scanner: SegmentScanner) {
        let id = found.head.id
        switch found.head.kind {
        case .chunk: break
        case .message:
            guard let recipients = scanner.withMetadata(of: found, { EnvelopeHead.recipients($0, from: 0) }) ?? nil
            else { return }
            take(id, MessageEntry(location: found.location, recipients: recipients))
        case .uploaded:
            let read = scanner.withMetadata(of: found) { metadata -> ([RecordLocation], UInt32)? in
                guard let (chunks, start) = MetadataCoding.decodeChunks(metadata),
                    let recipients = EnvelopeHead.recipients(metadata, from: start)
                else { return nil }
                return (chunks, recipients)
            }
            guard let (chunks, recipients) = read ?? nil else { return }
            // Where a chunk's segment is gone the message stays: whoever reads it is told.
            take(id, MessageEntry(location: found.location, recipients: recipients, chunks: chunks))
        case .progress:
            guard let progress = scanner.withMetadata(of: found, { MetadataCoding.decodeProgress($0) }) ?? nil
            else { return }
            index.with { $0.apply(progress, to: id) }
        case .control:
            guard let (isHeld, route) = scanner.withMetadata(of: found, { MetadataCoding.decodeControl($0) }) ?? nil
            else { return }
            index.with { $0.apply(isHeld: isHeld, route: route, to: id) }
        case .order:
            guard let (change, ids) = scanner.withMetadata(of: found, { MetadataCoding.decodeOrder($0) }) ?? nil
            else { return }
            index.with { index in for id in ids { index.apply(change, to: id) } }
        case .done: index.with { $0.remove(id) }
        case .floor:
            // What lies below was finished or moved, even where the record that says so went with its segment.
            result.floor = max(result.floor, id)
            let floor = result.floor
            index.with { index in
                guard index.segments.values.contains(where: { $0.sequence < floor && $0.liveBytes > 0 }) else { return }
                for (id, entry) in index.entries where entry.location.segment < floor { index.remove(id) }
            }
        }
    }
}
