import NIOCore

/// Records on their way into a batch. Each call may find the segment full, and then writes what waits and goes on in a new one.
extension SpoolLog {
    /// Octets that are kept for the record of a new floor.
    private static let reserve = RecordHead.size
    /// New segments that are begun for one record, when the disk goes on failing.
    private static let attempts = 3

    /// Appends a message with its whole content.
    ///
    /// - Throws: `.disk` or `.full` when a new segment was needed and could not be made.
    package func append(
        message id: UInt64,
        envelope: [UInt8],
        recipients: Int,
        body: [UnsafeRawBufferPointer],
        settling: SpoolProgress? = nil
    ) throws(SpoolError) {
        let settlement = settling.map(Settlement.init)
        let length = RecordHead.length(metadata: envelope.count, body: body.reduce(0) { $0 + $1.count })
        try makeRoom(length + (settlement?.length ?? 0))
        let location = put(.message, id, envelope, body)
        staged.append(.message(id, MessageEntry(location: location, recipients: UInt32(recipients))))
        if let settlement { put(settlement) }
    }

    /// What becomes of another message in the batch of one that was made from it.
    private struct Settlement {
        let progress: SpoolProgress
        let kind: RecordKind
        let metadata: [UInt8]

        init(_ progress: SpoolProgress) {
            self.progress = progress
            switch progress.kind {
            case .recipients(let states): (kind, metadata) = (.progress, MetadataCoding.encode(progress: states))
            case .control(let isHeld, let route):
                (kind, metadata) = (.control, MetadataCoding.encode(isHeld: isHeld, route: route))
            case .done: (kind, metadata) = (.done, [])
            }
        }

        var length: Int { RecordHead.length(metadata: metadata.count, body: 0) }
    }

    /// Puts it behind the message's record, for which and for this room was made at once: so both are of one batch.
    private func put(_ settlement: Settlement) {
        _ = put(settlement.kind, settlement.progress.id.rawValue, settlement.metadata, [])
        staged.append(.settled(settlement.progress.id.rawValue, settlement.progress.kind))
    }

    /// Appends a piece of an upload; it counts for nothing until the message is appended that names it.
    package func append(chunkOf id: UInt64, body: [UnsafeRawBufferPointer]) throws(SpoolError) {
        if let failure = uploads[id]?.failure { throw failure }
        do {
            try makeRoom(metadata: 0, body: body.reduce(0) { $0 + $1.count })
        } catch {
            fail(upload: id, error)
            throw error
        }
        if let failure = uploads[id]?.failure { throw failure }
        let location = put(.chunk, id, [], body)
        uploads[id, default: PendingUpload()].chunks.append(location)
        index.with { $0.pin([location], by: 1) }
    }

    /// Appends the message of an upload.
    ///
    /// - Throws: as before, and what had befallen a chunk. The upload is over in any case.
    package func append(
        uploaded id: UInt64,
        envelope: [UInt8],
        recipients: Int,
        settling: SpoolProgress? = nil
    ) throws(SpoolError) {
        let settlement = settling.map(Settlement.init)
        defer { uploads[id] = nil }
        let count = uploads[id]?.chunks.count ?? 0
        do {
            let length = RecordHead.length(metadata: 4 + 16 * count + envelope.count, body: 0)
            try makeRoom(length + (settlement?.length ?? 0))
        } catch {
            fail(upload: id, error)
            throw error
        }
        let upload = uploads[id] ?? PendingUpload()
        if let failure = upload.failure { throw failure }
        let metadata = MetadataCoding.encode(chunks: upload.chunks, envelope: envelope)
        let location = put(.uploaded, id, metadata, [])
        let entry = MessageEntry(location: location, recipients: UInt32(recipients), chunks: upload.chunks)
        staged.append(.uploaded(id, entry))
        if let settlement { put(settlement) }
    }

    /// Gives up an upload, and its space.
    package func abandon(upload id: UInt64) {
        guard let upload = uploads.removeValue(forKey: id) else { return }
        index.with { $0.pin(upload.chunks, by: -1) }
    }

    /// Octets of an upload so far.
    package func size(ofUpload id: UInt64) -> Int {
        uploads[id]?.chunks.reduce(0) { $0 + Int($1.bodyLength) } ?? 0
    }

    private func fail(upload id: UInt64, _ error: SpoolError) {
        abandon(upload: id)
        uploads[id] = PendingUpload(failure: error)
    }

    package func append(progress: [(UInt32, RecipientState)], of id: UInt64) throws(SpoolError) {
        let metadata = MetadataCoding.encode(progress: progress)
        try note(.progress(id, progress)) { () throws(SpoolError) in try makeRoom(metadata: metadata.count, body: 0) }
        _ = put(.progress, id, metadata, [])
    }

    package func append(isHeld: Bool, route: String?, of id: UInt64) throws(SpoolError) {
        let metadata = MetadataCoding.encode(isHeld: isHeld, route: route)
        try note(.control(id, isHeld: isHeld, route: route)) { () throws(SpoolError) in
            try makeRoom(metadata: metadata.count, body: 0)
        }
        _ = put(.control, id, metadata, [])
    }

    package func append(done id: UInt64) throws(SpoolError) {
        try note(.done(id)) { () throws(SpoolError) in try makeRoom(metadata: 0, body: 0) }
        _ = put(.done, id, [], [])
    }

    /// Appends an order about messages, of which there are not more than `SpoolOrder.messagesPerRecord`.
    package func append(order change: SpoolOrder.Change, of ids: ArraySlice<UInt64>) throws(SpoolError) {
        let metadata = MetadataCoding.encode(change, of: ids)
        try note(.order(change, ids)) { () throws(SpoolError) in try makeRoom(metadata: metadata.count, body: 0) }
        _ = put(.order, 0, metadata, [])
    }

    /// Stages a fact. Where there is no room for its record it counts all the same, and is written when there is.
    private func note(_ fact: Staged, makingRoom: () throws(SpoolError) -> Void) throws(SpoolError) {
        do throws(SpoolError) {
            try makingRoom()
            staged.append(fact)
        } catch {
            fact.addFacts(to: &unwritten)
            index.with { index in
                switch fact {
                case .progress where changesAreApplied, .control where changesAreApplied: break
                case .progress(let id, let progress): index.apply(progress, to: id)
                case .control(let id, let isHeld, let route): index.apply(isHeld: isHeld, route: route, to: id)
                case .order(let change, _) where changesAreApplied && change.countsAtOnce: break
                case .order(let change, let ids): for id in ids { index.apply(change, to: id) }
                case .done(let id): index.remove(id)
                case .message, .uploaded, .moved, .floor, .settled: break
                }
            }
            throw error
        }
    }

    // MARK: Room

    /// Sees to it that a record fits behind what waits, in a segment that is sound.
    func makeRoom(metadata: Int, body: Int) throws(SpoolError) {
        try makeRoom(RecordHead.length(metadata: metadata, body: body))
    }

    /// Sees to it that records of that length together fit into one batch.
    func makeRoom(_ length: Int) throws(SpoolError) {
        for _ in 0..<Self.attempts {
            if fits(length) { return }
            // A failure is kept for those who wait for that batch; what comes now goes into the next segment.
            if !currentIsBroken { flush(durably: true) }
            try roll(minimum: length + Self.reserve)
            try writeUnsynced()
        }
        guard fits(length) else { throw SpoolError(.disk, path: Segment.name(current.sequence)) }
    }

    private func fits(_ length: Int) -> Bool {
        !currentIsBroken && current.end + buffer.count + length + Self.reserve <= current.capacity
    }

    func put(
        _ kind: RecordKind,
        _ id: UInt64,
        _ metadata: [UInt8],
        _ body: [UnsafeRawBufferPointer],
        isDamaged: Bool = false
    ) -> RecordLocation {
        let offset = current.end + buffer.count
        buffer.append(
            kind,
            id: id,
            metadata: metadata,
            body: body,
            batch: batch,
            isDamaged: isDamaged,
            nonce: current.nonce,
            offset: offset
        )
        return RecordLocation(
            segment: current.sequence,
            offset: UInt32(offset),
            metadataLength: UInt32(metadata.count),
            bodyLength: UInt32(body.reduce(0) { $0 + $1.count })
        )
    }

    /// Puts the record of a higher floor into the batch, when segments have become free.
    func stageFloor() {
        guard let lowest = order.first, lowest != current.sequence, !currentIsBroken else { return }
        let newFloor = lowestNeeded
        guard newFloor > floor,
            current.end + buffer.count + RecordHead.size <= current.capacity
        else { return }
        _ = put(.floor, newFloor, [], [])
        staged.append(.floor(newFloor))
    }

    /// The first segment that is needed, or the one being written.
    var lowestNeeded: UInt64 {
        index.with { index in
            order.first { index.segments[$0].map { !$0.isFree } ?? false } ?? current.sequence
        }
    }

    // MARK: Buffers

    /// Appends a message whose content is in buffers that follow each other.
    func append(
        message id: UInt64,
        envelope: [UInt8],
        recipients: Int,
        buffers: [ByteBuffer],
        settling: SpoolProgress? = nil
    ) throws(SpoolError) {
        try Self.withBytes(of: buffers) { (pieces) throws(SpoolError) in
            try append(message: id, envelope: envelope, recipients: recipients, body: pieces, settling: settling)
        }
    }

    /// Appends a piece of an upload.
    func append(chunkOf id: UInt64, buffers: [ByteBuffer]) throws(SpoolError) {
        try Self.withBytes(of: buffers) { (pieces) throws(SpoolError) in try append(chunkOf: id, body: pieces) }
    }

    private static func withBytes(
        of buffers: [ByteBuffer],
        from start: Int = 0,
        _ pieces: [UnsafeRawBufferPointer] = [],
        _ body: ([UnsafeRawBufferPointer]) throws(SpoolError) -> Void
    ) throws(SpoolError) {
        guard start < buffers.count else { return try body(pieces) }
        var failure: SpoolError?
        buffers[start].withUnsafeReadableBytes { bytes in
            do throws(SpoolError) {
                try withBytes(of: buffers, from: start + 1, pieces + [bytes], body)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    // MARK: After a failure

    /// Whether all that was told is on stable storage.
    package var isSettled: Bool {
        guard buffer.count == 0 && !needsSync && unsynced.isEmpty && unwritten.isEmpty else { return false }
        // A full segment has no place for a new floor; the next one's header says it.
        return lowestNeeded <= floor || !fits(0)
    }

    /// Whether something was written that no sync has reached.
    package var hasUnsyncedWrites: Bool { needsSync }

    /// Whether the disk did not take what was to be written last.
    package var isFailing: Bool { currentIsBroken || !unwritten.isEmpty }

    /// Writes again what happened to messages and may not be on the disk, after a segment was given up or there was no room.
    private func writeUnsynced() throws(SpoolError) {
        guard !unsynced.isEmpty || !unwritten.isEmpty else { return }
        let ids = unsynced.union(unwritten).sorted()
        unsynced.removeAll()
        unwritten.removeAll()
        for (position, id) in ids.enumerated() {
            do throws(SpoolError) {
                try appendState(of: id)
            } catch {
                unwritten.formUnion(ids[position...])
                throw error
            }
        }
    }

    /// Appends all that is known of a message's progress.
    private func appendState(of id: UInt64) throws(SpoolError) {
        guard let entry = index.with({ $0.entries[id] }) else {
            try append(done: id)
            return
        }
        let progress = entry.progress
        if !progress.isEmpty { try append(progress: progress.map { ($0.key, $0.state) }, of: id) }
        // Also what few have not: it may have been held or sent elsewhere before.
        try append(isHeld: entry.isHeld, route: entry.route, of: id)
    }

    /// Goes on in a new segment after a failure, if nobody else made it do so, syncs what was written lazily, and writes what found no
    /// room.
    package func settle() {
        if currentIsBroken {
            // Stays so, and is tried again at the next call.
            try? makeRoom(metadata: 0, body: 0)
        }
        if !currentIsBroken { flush(durably: true) }
        guard !currentIsBroken, !unwritten.isEmpty else { return }
        try? writeUnsynced()
        if !currentIsBroken { flush(durably: true) }
    }
}
