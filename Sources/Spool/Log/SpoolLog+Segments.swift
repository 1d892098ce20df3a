/// Segments: begun, freed, used again.
extension SpoolLog {
    /// The size of a segment that had to be made at once, so that nobody waits for more zeros than these.
    private static let hastySize = 8 << 20

    /// Goes on in a new segment. The old one ends where its last successful sync left it, and the new header says so: what a
    /// failed write left behind is never read.
    func roll(minimum: Int) throws(SpoolError) {
        let sequence = current.sequence + 1
        // The record of what is not synced yet is repeated right behind the header, so a free segment is free.
        let lowest = index.with { index in order.first { index.segments[$0].map { !$0.isFree } ?? false } }
        let newFloor = max(floor, lowest ?? sequence)
        let header = SegmentHeader(
            sequence: sequence,
            nonce: makeNonce(),
            highWater: lastID,
            floor: newFloor,
            previous: current.sequence,
            previousEnd: UInt64(current.syncedEnd)
        )
        if !nextExists {
            try Self.beginFile(of: sequence, files: files, spare: spares.popLast())
            nextExists = true
        }
        let next = try Self.makeSegment(
            header,
            files: files,
            size: options.segmentSize.bytes,
            minimum: minimum
        )
        nextExists = false
        current = next
        currentIsBroken = false
        floor = newFloor
        order.append(sequence)
        index.with { $0.segments[sequence] = next }
    }

    /// Gives a segment its file: a spare, or a new one. A file that has the name already is somebody's mail, and stays.
    static func beginFile(of sequence: UInt64, files: any SpoolFiles, spare: String?) throws(SpoolError) {
        let name = Segment.name(sequence)
        if let spare { try files.rename(spare, to: name) } else { _ = try files.create(name) }
    }

    /// Makes a file a segment. When it returns, name and header are on stable storage.
    static func makeSegment(
        _ header: SegmentHeader,
        files: any SpoolFiles,
        size: Int,
        minimum: Int
    ) throws(SpoolError) -> Segment {
        let name = Segment.name(header.sequence)
        let file = try files.open(name)
        let needed = Segment.roundUp(Segment.block + minimum)
        if try file.size() < max(needed, min(size, hastySize)) {
            try file.fillWithZeros(upTo: max(needed, min(Segment.roundUp(size), hastySize)))
        }
        try file.write(header.bytes, at: 0)
        try file.sync()
        try files.syncFolder()
        let capacity = min(try file.size(), Int(UInt32.max)) / Segment.block * Segment.block
        return Segment(sequence: header.sequence, nonce: header.nonce, file: file, capacity: capacity)
    }

    /// Frees the segments below the floor. Only then: the record that a message is finished must not go before the message
    /// does, or it would come back, and the order in which names vanish in a crash is nobody's promise.
    package func reclaim() {
        while let oldest = order.first, oldest < floor, oldest != current.sequence {
            let name = Segment.name(oldest)
            let isKept = index.with { $0.segments[oldest]?.isKept ?? false }
            if isKept {
                // Where that fails it stays, and is tried again.
                do { try files.rename(name, to: name + ".damaged") } catch { return }
            }
            order.removeFirst()
            index.with { $0.segments[oldest] = nil }
            if !isKept { retire(name) }
        }
    }

    /// Keeps a file for reuse, or deletes it.
    func retire(_ name: String) {
        do throws(SpoolError) {
            if spares.count < options.spareSegments {
                let spare = SpareName.finished + name.dropLast(8)
                try files.rename(name, to: spare)
                spares.append(spare)
            } else {
                try files.remove(name)
            }
        } catch {
            // It stays, below the floor; the next start finds it.
        }
    }

    /// Whether somebody should make a spare, because the segment being written is filling up and there is none.
    package var wantsSpare: Bool {
        spares.isEmpty && options.spareSegments > 0 && current.end > current.capacity / 4
    }

    /// Takes over a file that was prepared with `makeSpare`.
    package func add(spare: String) { spares.append(spare) }

    /// Prepares a file of zeros, on any thread.
    package static func makeSpare(
        _ number: UInt64,
        files: any SpoolFiles,
        size: Int,
        pause: (() -> Void)? = nil
    ) throws(SpoolError) -> String {
        let unfinished = SpareName.unfinished + String(number, radix: 16)
        let name = SpareName.finished + "new-" + String(number, radix: 16)
        let file = try files.open(unfinished)
        do throws(SpoolError) {
            try file.fillWithZeros(upTo: Segment.roundUp(size), pause: pause)
            try file.sync()
            try files.rename(unfinished, to: name)
        } catch {
            // What cannot be removed either is removed at the next start.
            try? files.remove(unfinished)
            throw error
        }
        return name
    }

    // MARK: Bounds

    /// Whether there is room for new messages: below the bounds on the log's size and on the disk's free space.
    package func hasRoom() -> Bool {
        let used = index.with { $0.segments.values.reduce(0) { $0 + $1.capacity } }
        let reserved = spares.count * options.segmentSize.bytes
        guard used + reserved <= options.maximumSize.bytes else { return false }
        return ((try? files.freeSpace()) ?? 0) >= options.minimumFreeSpace.bytes
    }
}
