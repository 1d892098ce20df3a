/// Reads the records of a segment one after the other, whatever the file holds: it ends for every content, finds the next
/// record behind damage, and needs time in proportion to the file.
///
/// What is written together begins at a block and is filled up with zeros, so a search goes from block to block; only where a
/// record of this life is damaged does it look at every eighth octet.
final class SegmentScanner {
    struct Found {
        var head: RecordHead
        var offset: Int
        /// Whether the body's checksum fits; not looked at in a sealed segment.
        var bodyIsIntact = true
        var location: RecordLocation
    }

    /// How far behind the last record a search goes in the segment that was being written: more than one write has.
    private static let openSearch = 16 << 20
    /// Reads that may fail before the rest of a file is given up; each takes seconds on a dying disk.
    private static let failureLimit = 64
    private static let smallWindow = 2048
    private static let largeWindow = 64 << 10

    private let segment: Segment
    private let limit: Int
    /// Whether it was being written when the server ended: bodies are checked then.
    private let isOpen: Bool
    private var memory = UnsafeMutableRawBufferPointer.allocate(byteCount: largeWindow, alignment: 16)
    private var window = 0..<0
    private var isSearching = false
    private var readFailed = false
    private var failures = 0
    private var hashBudget: Int

    /// Where the search for the next record begins.
    private(set) var offset: Int
    /// Behind the last record that was found.
    private(set) var end: Int
    /// Octets of records that are not what was written.
    private(set) var damagedOctets = 0
    private(set) var unreadableOctets = 0
    /// The system's number of the last read that failed; 0 where none did, or the file ended too early.
    private(set) var lastFailure: Int32 = 0

    init(_ segment: Segment, from offset: Int = Segment.block, limit: Int, isOpen: Bool) {
        self.segment = segment
        self.offset = offset
        self.end = offset
        self.limit = limit
        self.isOpen = isOpen
        self.hashBudget = 8 * limit
    }

    deinit { memory.deallocate() }

    /// The next record; `nil` at the end.
    func next() -> Found? {
        while offset + RecordHead.size <= limit {
            readFailed = false
            if let found = record(at: offset) {
                offset += found.head.length
                end = offset
                isSearching = false
                return found
            }
            skip()
        }
        return nil
    }

    /// The metadata of the record found last.
    func withMetadata<Value>(of found: Found, _ body: (Span<UInt8>) -> Value) -> Value? {
        guard let bytes = load(found.offset, RecordHead.size + found.head.metadataLength) else { return nil }
        return body(bytes.bindMemory(to: UInt8.self).span.extracting(RecordHead.size..<bytes.count))
    }

    // MARK: Looking

    private func record(at start: Int) -> Found? {
        guard let first = load(start, RecordHead.size), let head = RecordHead(first, nonce: segment.nonce),
            head.length <= limit - start
        else { return nil }
        if isSearching {
            guard hashBudget >= head.metadataLength else { return nil }
            hashBudget -= head.metadataLength
        }
        guard let bytes = load(start, RecordHead.size + head.metadataLength),
            RecordHead.isIntact(bytes, metadataLength: head.metadataLength, nonce: segment.nonce, offset: start)
        else { return nil }
        var found = Found(
            head: head,
            offset: start,
            location: RecordLocation(
                segment: segment.sequence,
                offset: UInt32(start),
                metadataLength: UInt32(head.metadataLength),
                bodyLength: UInt32(head.bodyLength)
            )
        )
        if isOpen && head.bodyLength > 0 {
            let bodyStart = RecordHead.size + head.metadataLength
            let whole = load(start, bodyStart + head.bodyLength)
            found.bodyIsIntact =
                whole.map {
                    RecordHead.checksum(UnsafeRawBufferPointer(rebasing: $0[bodyStart...]), seed: segment.nonce)
                        == head.bodyChecksum
                } ?? false
        }
        return found
    }

    /// There is no record at the offset: goes on to where one may be.
    private func skip() {
        let nextBlock = Segment.roundUp(offset + 1)
        if readFailed {
            failures += 1
            let next = failures > Self.failureLimit ? limit : min(nextBlock, limit)
            unreadableOctets += next - offset
            offset = next
            return
        }
        if !isSearching, let bytes = load(offset, RecordHead.size) {
            let isOurs = RecordHead(bytes, nonce: segment.nonce) != nil
            let isPadding = !bytes.contains { $0 != 0 }
            let isFormerLife = isOpen && offset % Segment.block == 0
            isSearching = isOurs || !(isPadding || isFormerLife)
        }
        if isSearching {
            offset += 8
            damagedOctets += 8
        } else {
            offset = nextBlock
        }
        if isOpen && offset - end > Self.openSearch { offset = limit }
    }

    /// That many octets of the file, from the window where they are in it.
    private func load(_ start: Int, _ count: Int) -> UnsafeRawBufferPointer? {
        if start < window.lowerBound || start + count > window.upperBound {
            guard start + count <= limit else { return nil }
            let usual = isSearching ? Self.largeWindow : Self.smallWindow
            let wanted = min(max(count, usual), limit - start)
            if wanted > memory.count {
                memory.deallocate()
                memory = .allocate(byteCount: wanted, alignment: 16)
            }
            window = 0..<0
            // A bad sector behind what is wanted is not in the way.
            guard let read = read(start, wanted) ?? (wanted > count ? read(start, count) : nil) else {
                readFailed = true
                return nil
            }
            window = start..<(start + read)
            guard read >= count else { return nil }
        }
        let from = start - window.lowerBound
        return UnsafeRawBufferPointer(rebasing: memory[from..<(from + count)])
    }

    private func read(_ start: Int, _ count: Int) -> Int? {
        do throws(SpoolError) {
            return try segment.file.read(into: UnsafeMutableRawBufferPointer(rebasing: memory[0..<count]), at: start)
        } catch {
            lastFailure = error.number
            return nil
        }
    }
}
