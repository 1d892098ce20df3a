import MailBytes

/// What opening a spool found: for the log, and for whoever asks after a crash.
public struct RecoveryReport: Sendable, Hashable {
    public var segments = 0
    public var messages = 0
    public var records = 0
    /// Octets behind the last good record of the newest segment that were records once or were never finished.
    public var cutOctets = 0
    /// Segments that could not be read; they were moved aside.
    public var unreadable: [String] = []
    /// Records that named what is not there.
    public var orphans = 0

    /// Sentences for the log; none for an empty spool.
    public var sentences: [String] {
        var all: [String] = []
        if segments > 0 { all.append("The spool has \(messages) messages in \(segments) segments.") }
        if cutOctets > 0 {
            all.append("A write of \(cutOctets) octets that was never acknowledged was cut off the end of the spool.")
        }
        for name in unreadable {
            all.append(
                "The segment \(name) could not be read and was set aside as \(name).damaged; mail may be missing."
            )
        }
        if orphans > 0 { all.append("\(orphans) records belong to messages that are gone.") }
        return all
    }
}

/// Reads all segments and finds what lives.
enum Recovery {
    struct Result {
        var report = RecoveryReport()
        var lastSequence: UInt64 = 0
        var highWater: UInt64 = 0
        var spares: [String] = []
    }

    /// Octets that are read at a time to look at heads; most records' metadata fits.
    private static let window = 1024
    /// More metadata than any record has.
    private static let metadataLimit = 256 << 20

    static func run(files: any SpoolFiles, index: SharedIndex, options: SpoolOptions) throws -> Result {
        var result = Result()
        let names = try files.list()
        result.spares = names.filter { $0.hasPrefix("spare-") }.sorted()
        let sequences = names.compactMap(Segment.sequence(of:)).sorted()
        for (position, sequence) in sequences.enumerated() {
            result.lastSequence = max(result.lastSequence, sequence)
            let isNewest = position + 1 == sequences.count
            do {
                try read(sequence, isNewest: isNewest, files: files, index: index, options: options, result: &result)
            } catch let error as SpoolError where error.reason != .disk {
                throw error
            } catch {
                let name = Segment.name(sequence)
                index.with { index in
                    index.segments[sequence] = nil
                    for (id, entry) in index.entries where entry.location.segment == sequence {
                        index.entries[id] = nil
                    }
                }
                result.report.unreadable.append(name)
                try? files.rename(name, to: name + ".damaged")
            }
        }
        result.report.messages = index.with { $0.entries.count }
        return result
    }

    private static func read(
        _ sequence: UInt64,
        isNewest: Bool,
        files: any SpoolFiles,
        index: SharedIndex,
        options: SpoolOptions,
        result: inout Result
    ) throws {
        let name = Segment.name(sequence)
        let file = try files.open(name)
        let probe = Segment(sequence: sequence, nonce: 0, file: file)
        let head = try probe.read(at: 0, count: Segment.block)
        guard let header = Segment.Header(head), header.sequence == sequence else {
            // A header that was never finished belongs to a segment that nothing was written to.
            if isNewest {
                try? files.remove(name)
                return
            }
            throw SpoolError(.disk, path: name)
        }
        guard header.version <= Segment.version else { throw SpoolError(.newerFormat(Int(header.version)), path: name) }
        result.highWater = max(result.highWater, header.highWater)
        result.report.segments += 1
        let segment = Segment(sequence: sequence, nonce: header.nonce, file: file)
        index.with { $0.segments[sequence] = segment }
        let size = try file.size()
        var offset = Segment.block
        while offset + RecordHead.size <= size {
            guard let length = try readRecord(segment, at: offset, checksBody: isNewest, index: index, result: &result)
            else {
                // Behind a batch stand zeros up to the next block.
                let next = (offset + Segment.block - 1) / Segment.block * Segment.block
                guard next > offset else { break }
                offset = next
                continue
            }
            offset += length
            segment.end = offset
        }
        // The next batch begins at a block of its own.
        segment.end = (segment.end + Segment.block - 1) / Segment.block * Segment.block
        if isNewest { result.report.cutOctets = try remains(segment, size: size) }
    }

    /// Octets behind the end that a torn write left.
    private static func remains(_ segment: Segment, size: Int) throws -> Int {
        let bytes = try segment.read(at: segment.end, count: min(RecordHead.size, size - segment.end))
        guard let head = bytes.withUnsafeBytes({ RecordHead($0) }) else { return 0 }
        // A recycled segment has records of its former life there, which are nobody's loss.
        return bytes.contains { $0 != 0 } && head.id > 0 && head.length <= size ? head.length : 0
    }

    /// Reads the record at an offset into the index; `nil` when there is none.
    private static func readRecord(
        _ segment: Segment,
        at offset: Int,
        checksBody: Bool,
        index: SharedIndex,
        result: inout Result
    ) throws -> Int? {
        var bytes = try segment.read(at: offset, count: window)
        guard let head = bytes.withUnsafeBytes({ RecordHead($0) }), head.metadataLength <= metadataLimit else {
            return nil
        }
        let wanted = RecordHead.size + head.metadataLength
        if wanted > bytes.count { bytes = try segment.read(at: offset, count: wanted) }
        let intact = bytes.withUnsafeBytes {
            RecordHead.isIntact($0, metadataLength: head.metadataLength, nonce: segment.nonce, offset: offset)
        }
        guard intact else { return nil }
        if checksBody && head.bodyLength > 0 {
            let body = try segment.read(at: offset + wanted, count: head.bodyLength)
            guard body.count == head.bodyLength,
                body.withUnsafeBytes({ RecordHead.checksum($0, seed: segment.nonce) }) == head.bodyChecksum
            else { return nil }
        }
        result.report.records += 1
        result.highWater = max(result.highWater, head.id)
        let metadata = bytes.span.extracting(RecordHead.size..<wanted)
        let location = RecordLocation(
            segment: segment.sequence,
            offset: UInt32(offset),
            metadataLength: UInt32(head.metadataLength),
            bodyLength: UInt32(head.bodyLength)
        )
        if !apply(head, location, metadata, index) { result.report.orphans += 1 }
        return head.length
    }

    /// Whether the record fits what is there.
    private static func apply(
        _ head: RecordHead,
        _ location: RecordLocation,
        _ metadata: Span<UInt8>,
        _ index: SharedIndex
    ) -> Bool {
        switch head.kind {
        case .chunk: return true
        case .message:
            guard let recipients = EnvelopeHead.recipients(metadata, from: 0) else { return false }
            let entry = MessageEntry(location: location, recipients: recipients, remaining: recipients)
            index.with { $0.insert(head.id, entry) }
            return true
        case .uploaded:
            guard let (chunks, start) = MetadataCoding.decodeChunks(metadata),
                let recipients = EnvelopeHead.recipients(metadata, from: start)
            else { return false }
            return index.with { index in
                guard chunks.allSatisfy({ index.segments[$0.segment] != nil }) else { return false }
                let entry = MessageEntry(
                    location: location,
                    recipients: recipients,
                    remaining: recipients,
                    chunks: chunks
                )
                index.insert(head.id, entry)
                return true
            }
        case .progress:
            guard let progress = MetadataCoding.decodeProgress(metadata) else { return false }
            index.with { $0.apply(progress, to: head.id) }
            return true
        case .control:
            guard let (isHeld, route) = MetadataCoding.decodeControl(metadata) else { return false }
            index.with { $0.apply(isHeld: isHeld, route: route, to: head.id) }
            return true
        case .done:
            index.with { $0.remove(head.id) }
            return true
        }
    }
}
