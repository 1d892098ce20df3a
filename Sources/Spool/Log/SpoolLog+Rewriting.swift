/// What is still needed moves out of old segments, so that a message that waits for days does not hold the space of all that came
/// and went after it.
extension SpoolLog {
    /// More of the log than this share is needed: nothing is rewritten. So each octet is written about twice at most.
    private static let neededShare = 0.5
    /// Fewer segments are not worth it.
    private static let segmentsLeftAlone = 3

    /// Whether rewriting would free much.
    package var isWasteful: Bool {
        guard order.count > Self.segmentsLeftAlone else { return false }
        return index.with { index in
            // Uploads count too: that of a lost connection may wait for long.
            let (needed, size) = index.segments.values.reduce((0, 0)) {
                ($0.0 + $1.liveBytes + $1.pendingBytes, $0.1 + $1.end)
            }
            return Double(needed) < Double(size) * Self.neededShare
        }
    }

    /// Whether all was moved out of the oldest segment that can be read, and something is left.
    package var isRewritingStuck: Bool { rewritingSegment == order.first && rewriting == nil }

    /// Forgets what could not be read, which is then looked at once more.
    package func unstickRewriting() { rewritingSegment = 0 }

    /// Moves about `limit` octets from the oldest segment to the end of the log.
    ///
    /// - Parameter durably: whether to sync at once; otherwise the next durable flush does it, and until then nothing has moved.
    /// - Returns: whether there may be more to move.
    @discardableResult
    package func rewriteSome(limit: Int = 1 << 20, durably: Bool = true) -> Bool {
        rewritingFailed = false
        guard staged.isEmpty, isWasteful, let oldest = order.first, oldest != current.sequence,
            let segment = index.with({ $0.segments[oldest] })
        else { return false }
        if rewritingSegment != oldest {
            rewritingSegment = oldest
            unreadable.removeAll()
            rewriting = SegmentScanner(segment, limit: segment.end, isOpen: false)
        }
        guard let scanner = rewriting else { return false }
        var moved = 0
        var failed = false
        do throws(SpoolError) {
            while moved < limit {
                guard let found = scanner.next() else {
                    // What is left here cannot be read, and waits for somebody to delete it from the queue.
                    rewriting = nil
                    break
                }
                moved += try move(found, in: segment)
            }
        } catch {
            // It begins anew another time; whoever commits next is told what the matter is.
            failed = true
        }
        if durably {
            failed = flush(durably: true) != nil || failed
            forgetFailures()
            reclaim()
        }
        if failed { rewritingSegment = 0 }
        rewritingFailed = failed
        return !failed && rewriting != nil && isWasteful
    }

    /// Moves what is needed of the record's message; returns how many octets that was.
    private func move(_ found: SegmentScanner.Found, in segment: Segment) throws(SpoolError) -> Int {
        let id = found.head.id
        guard !moving.contains(id), !unreadable.contains(id) else { return 0 }
        switch found.head.kind {
        case .message:
            guard let entry = index.with({ $0.entries[id] }), entry.location == found.location else { return 0 }
            return try moveMessage(id, entry, segment)
        case .uploaded:
            guard let entry = index.with({ $0.entries[id] }), entry.location == found.location else { return 0 }
            return try moveUpload(id, entry, out: segment)
        case .chunk:
            if let pending = uploads[id]?.chunks.firstIndex(of: found.location) {
                return try movePending(id, pending, segment)
            }
            guard let entry = index.with({ $0.entries[id] }),
                entry.chunks?.contains(where: { Self.isSame($0, found.location) }) == true
            else { return 0 }
            return try moveUpload(id, entry, out: segment)
        case .progress, .control, .order, .done, .floor: return 0
        }
    }

    private static func isSame(_ left: RecordLocation, _ right: RecordLocation) -> Bool {
        left.segment == right.segment && left.offset == right.offset
    }

    private func moveMessage(_ id: UInt64, _ entry: MessageEntry, _ segment: Segment) throws(SpoolError) -> Int {
        guard let metadata = try? reader.metadata(at: entry.location, in: segment),
            let (body, isDamaged) = reader.body(at: entry.location, in: segment)
        else { return leave(id) }
        return try put(movedTo: nil, id, entry, metadata: metadata, body: body, isDamaged: isDamaged)
    }

    /// What the disk does not give back stays where it is: nothing is put in the place of mail that may be read another time.
    private func leave(_ id: UInt64) -> Int {
        unreadable.insert(id)
        return 0
    }

    /// - Returns: `nil` when the chunk could not be read.
    private func copyChunk(
        _ id: UInt64,
        _ chunk: RecordLocation,
        _ segment: Segment
    ) throws(SpoolError) -> RecordLocation? {
        guard let (body, isDamaged) = reader.body(at: chunk, in: segment) else { return nil }
        try makeRoom(metadata: 0, body: body.count)
        return body.withUnsafeBytes { put(.chunk, id, [], [$0], isDamaged: isDamaged) }
    }

    /// Moves the chunks that lie in the segment, and writes anew where all of them lie.
    private func moveUpload(_ id: UInt64, _ entry: MessageEntry, out segment: Segment) throws(SpoolError) -> Int {
        guard let home = index.with({ $0.segments[entry.location.segment] }),
            let metadata = try? reader.metadata(at: entry.location, in: home),
            let (_, start) = MetadataCoding.decodeChunks(metadata.span)
        else { return leave(id) }
        var chunks = entry.chunks ?? []
        let first = batch
        var moved = 0
        for position in chunks.indices where chunks[position].segment == segment.sequence {
            guard let copy = try copyChunk(id, chunks[position], segment) else {
                // The copies so far are nobody's, and go with their segment.
                _ = leave(id)
                return moved
            }
            chunks[position] = copy
            moved += chunks[position].length
            // Memory holds little of it; nothing points to the copies before they are durable.
            if waiting > 4 << 20 { flush(durably: false) }
        }
        let rewritten = MetadataCoding.encode(chunks: chunks, envelope: Array(metadata[start...]))
        return try moved + put(movedTo: chunks, id, entry, metadata: rewritten, body: [], since: first)
    }

    /// Puts the new record of a message into the log, and what is known of its progress into the same batch: its segment may be
    /// freed as soon as that batch is durable.
    ///
    /// - Parameter since: the batch from which on its chunks were copied; none of them may have failed.
    private func put(
        movedTo chunks: [RecordLocation]?,
        _ id: UInt64,
        _ entry: MessageEntry,
        metadata: [UInt8],
        body: [UInt8],
        isDamaged: Bool = false,
        since first: UInt64? = nil
    ) throws(SpoolError) -> Int {
        let states = entry.progress.map { ($0.key, $0.state) }
        let progress = states.isEmpty ? nil : MetadataCoding.encode(progress: states)
        let hasControl = entry.isHeld || entry.route != nil
        let control = hasControl ? MetadataCoding.encode(isHeld: entry.isHeld, route: entry.route) : nil
        try makeRoom(
            RecordHead.length(metadata: metadata.count, body: body.count)
                + [progress, control].reduce(0) {
                    $0 + ($1.map { RecordHead.length(metadata: $0.count, body: 0) } ?? 0)
                }
        )
        if let first, let failure = failure(of: first...max(first, batch)) { throw failure }
        let location = body.withUnsafeBytes {
            put(chunks == nil ? .message : .uploaded, id, metadata, chunks == nil ? [$0] : [], isDamaged: isDamaged)
        }
        if let progress { _ = put(.progress, id, progress, []) }
        if let control { _ = put(.control, id, control, []) }
        staged.append(.moved(id, location, chunks))
        moving.insert(id)
        return location.length
    }

    private func movePending(_ id: UInt64, _ position: Int, _ segment: Segment) throws(SpoolError) -> Int {
        guard let old = uploads[id]?.chunks[position] else { return 0 }
        guard let new = try copyChunk(id, old, segment) else { return leave(id) }
        // A failure in between may have ended the upload.
        guard uploads[id]?.chunks.indices.contains(position) == true else { return 0 }
        uploads[id]?.chunks[position] = new
        index.with { index in
            index.pin([old], by: -1)
            index.pin([new], by: 1)
        }
        return new.length
    }
}
