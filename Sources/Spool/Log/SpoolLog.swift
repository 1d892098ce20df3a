import MailBytes

/// The log itself, without threads or a clock: records are appended to memory, and a flush makes them durable.
///
/// Not for several threads at a time. The driver (`Spool`) gives it a thread of its own, the simulation a disk that does
/// not exist. What holds after which step is written down in Guarantees.md.
package final class SpoolLog {
    /// What becomes of the index when a batch is written.
    enum Staged {
        case message(UInt64, MessageEntry)
        case uploaded(UInt64, MessageEntry)
        case moved(UInt64, RecordLocation, [RecordLocation]?)
        case progress(UInt64, [(UInt32, RecipientState)])
        case control(UInt64, isHeld: Bool, route: String?)
        case order(SpoolOrder.Change, ArraySlice<UInt64>)
        case done(UInt64)
        case floor(UInt64)
        /// What became of another message together with one of this batch: it counts with that one, or not at all.
        case settled(UInt64, SpoolProgress.Kind)

        /// Whether it counts although its record was not written. What happened to a message is so, whatever the disk does;
        /// a message that was not stored is not there.
        var isFact: Bool {
            switch self {
            case .progress, .control, .order, .done: true
            case .message, .uploaded, .moved, .floor, .settled: false
            }
        }

        /// Takes in the messages that it is a fact about.
        func addFacts(to ids: inout Set<UInt64>) {
            switch self {
            case .progress(let id, _), .control(let id, _, _), .done(let id): ids.insert(id)
            case .order(_, let many): ids.formUnion(many)
            case .message, .uploaded, .moved, .floor, .settled: break
            }
        }
    }

    /// An upload that is not committed yet.
    struct PendingUpload {
        var chunks: [RecordLocation] = []
        /// Set when a chunk was lost.
        var failure: SpoolError?
    }

    let files: any SpoolFiles
    let options: SpoolOptions
    let index: SharedIndex
    private var random: any RandomNumberGenerator
    var buffer: RecordBuffer
    var staged: [Staged] = []
    var uploads: [UInt64: PendingUpload] = [:]
    var current: Segment
    /// Set after a failed write or sync: nothing more is written there.
    var currentIsBroken = false
    /// Whether the file of the next segment is there already, from an attempt that failed.
    var nextExists = false
    /// Sequence numbers of all segments, ascending; the last is the one being written.
    var order: [UInt64]
    var spares: [String]
    /// Segments below it hold nothing that is needed, and stable storage says so.
    var floor: UInt64
    /// Messages whose latest changes are not known to be on stable storage.
    var unsynced: Set<UInt64> = []
    /// Messages whose latest changes found no room, and are in no batch at all.
    var unwritten: Set<UInt64> = []
    /// Whether anything was written since the last sync.
    var needsSync = false
    var rewriting: SegmentScanner?
    var rewritingSegment: UInt64 = 0
    /// Messages whose new places are in the batch that is gathered.
    var moving: Set<UInt64> = []
    /// Whether changes of messages are in the index before they are appended; to apply an older one then would undo a newer one.
    var changesAreApplied = false
    /// Messages of the segment that is rewritten which the disk did not give back.
    var unreadable: Set<UInt64> = []
    /// Whether the disk took nothing when something was to be moved the last time: better not at once again.
    package internal(set) var rewritingFailed = false
    private(set) var lastID: UInt64
    /// The number of the batch that is gathered now; it changes with each write, so also when a segment is full.
    package private(set) var batch: UInt64 = 1
    /// Batches that failed since `forgetFailures`.
    private var failures: [UInt64: SpoolError] = [:]
    /// What opening found.
    package let report: RecoveryReport
    /// Looks things up, on any thread.
    package let reader: SpoolReader

    /// Recovers what the files hold and begins a new segment.
    ///
    /// - Throws: `.newerFormat`; `.unreadable` when a segment cannot be opened or the disk does not give back the end of the
    ///   newest one; `.disk` or `.full` when what was found cannot be made durable or no new segment can be made.
    package convenience init(
        files: any SpoolFiles,
        options: SpoolOptions,
        random: any RandomNumberGenerator
    ) throws(SpoolError) {
        try self.init(files: files, options: options, random: random, index: SharedIndex())
    }

    init(
        files: any SpoolFiles,
        options: SpoolOptions,
        random: any RandomNumberGenerator,
        index: SharedIndex
    ) throws(SpoolError) {
        let recovered = try Recovery.run(files: files, index: index)
        var random = random
        var spares = recovered.spares
        // Of the segments that recovery read, the first that is needed.
        let sequence = recovered.lastSequence + 1
        let floor = index.with { index in
            index.segments.values.filter { !$0.isFree }.map(\.sequence).min() ?? sequence
        }
        let header = SegmentHeader(
            sequence: sequence,
            nonce: random.next(),
            highWater: recovered.highWater,
            floor: max(floor, recovered.floor),
            previous: recovered.last.sequence,
            previousEnd: UInt64(recovered.last.end)
        )
        try Self.beginFile(of: sequence, files: files, spare: spares.popLast())
        let current = try Self.makeSegment(header, files: files, size: options.segmentSize.bytes, minimum: 0)
        index.with { $0.segments[sequence] = current }
        self.files = files
        self.options = options
        self.index = index
        self.random = random
        self.buffer = RecordBuffer(capacity: 1 << 20)
        self.current = current
        self.order = index.with { $0.segments.keys.sorted() }
        self.spares = spares
        self.floor = header.floor
        self.lastID = recovered.highWater
        self.report = recovered.report
        self.reader = SpoolReader(index: index)
        for name in recovered.dead { retire(name) }
        reclaim()
    }

    /// A queue id that was never given before, whatever the clock says.
    package func nextID(now: Timestamp) -> UInt64 {
        lastID = max(lastID + 1, UInt64(clamping: now.microseconds))
        return lastID
    }

    func makeNonce() -> UInt64 { random.next() }

    // MARK: Flushing

    /// Octets that wait to be written.
    package var waiting: Int { buffer.count }

    /// The first error among those batches; `nil` when all of them were written as the flushes asked for.
    package func failure(of batches: ClosedRange<UInt64>) -> SpoolError? {
        guard !failures.isEmpty else { return nil }
        return failures.filter { batches.contains($0.key) }.min { $0.key < $1.key }?.value
    }

    /// Forgets the failures so far, once everybody was told.
    package func forgetFailures() { failures.removeAll() }

    /// Writes what was appended. When a durable flush succeeds, that is on stable storage and in the index, and so is all that
    /// was written before. When it fails, the messages of the batch are not there, and the log goes on in another segment.
    ///
    /// A batch with messages is always flushed durably.
    ///
    /// - Returns: the disk's error.
    @discardableResult
    package func flush(durably: Bool) -> SpoolError? {
        let durably = durably || staged.contains { !$0.isFact }
        if durably { stageFloor() }
        guard buffer.count > 0 || durably && needsSync else { return nil }
        // A batch begins at a block of its own: a torn write never touches what was acknowledged before.
        buffer.seal(from: current.end)
        do throws(SpoolError) {
            if durably && !needsSync {
                try current.file.writeDurably(buffer.bytes, at: current.end)
            } else {
                if buffer.count > 0 {
                    needsSync = true
                    try current.file.write(buffer.bytes, at: current.end)
                }
                if durably { try current.file.sync() }
            }
        } catch {
            abandonBatch(error)
            return error
        }
        current.end += buffer.count
        batch += 1
        buffer.removeAll()
        if durably {
            needsSync = false
            unsynced.removeAll(keepingCapacity: true)
            current.syncedEnd = current.end
        } else {
            for change in staged { change.addFacts(to: &unsynced) }
        }
        applyStaged { _ in true }
        return nil
    }

    /// After a failed write or sync nobody knows what is on the disk, and what was synced there will not be tried again by the
    /// system: the segment ends where the last sync that succeeded left it. Messages of the batch are gone. Facts stay, and are
    /// written anew in the next segment.
    private func abandonBatch(_ error: SpoolError) {
        currentIsBroken = true
        needsSync = false
        // What it had moved has not moved.
        rewritingSegment = 0
        failures[batch] = error
        batch += 1
        buffer.removeAll()
        for change in staged {
            change.addFacts(to: &unsynced)
            if case .uploaded(_, let entry) = change {
                let chunks = entry.chunks ?? []
                index.with { $0.pin(chunks, by: -1) }
            }
        }
        applyStaged { $0.isFact }
        let (segment, end) = (current.sequence, current.syncedEnd)
        for (id, upload) in uploads
        where upload.chunks.contains(where: { $0.segment == segment && Int($0.offset) >= end }) {
            index.with { $0.pin(upload.chunks, by: -1) }
            uploads[id] = PendingUpload(failure: error)
        }
    }

    private func applyStaged(where applies: (Staged) -> Bool) {
        let changes = staged.filter(applies)
        staged.removeAll(keepingCapacity: true)
        moving.removeAll()
        guard !changes.isEmpty else { return }
        let newFloor = index.with { index -> UInt64? in
            var floor: UInt64?
            for change in changes {
                switch change {
                case .message(let id, let entry): index.insert(id, entry)
                case .uploaded(let id, let entry):
                    index.insert(id, entry)
                    index.pin(entry.chunks ?? [], by: -1)
                case .moved(let id, let location, let chunks):
                    // It may have been forgotten meanwhile.
                    guard let recipients = index.entries[id]?.recipients else { continue }
                    index.insert(id, MessageEntry(location: location, recipients: recipients, chunks: chunks))
                case .progress where changesAreApplied, .control where changesAreApplied: break
                case .progress(let id, let progress): index.apply(progress, to: id)
                case .control(let id, let isHeld, let route): index.apply(isHeld: isHeld, route: route, to: id)
                case .order(let change, _) where changesAreApplied && change.countsAtOnce: break
                case .order(let change, let ids): for id in ids { index.apply(change, to: id) }
                case .done(let id): index.remove(id)
                case .floor(let sequence): floor = sequence
                case .settled(let id, .recipients(let progress)): index.apply(progress, to: id)
                case .settled(let id, .control(let isHeld, let route)):
                    index.apply(isHeld: isHeld, route: route, to: id)
                case .settled(let id, .done): index.remove(id)
                }
            }
            return floor
        }
        if let newFloor { floor = newFloor }
    }
}
