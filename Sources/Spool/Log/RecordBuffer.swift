/// The bytes of the records that the next write takes to disk, in one piece of memory that is reused.
struct RecordBuffer: ~Copyable {
    /// More than this is given back after it was needed once.
    private static let usual = 4 << 20
    private var memory: UnsafeMutableRawBufferPointer
    private(set) var count = 0
    /// Head and metadata of the record that was appended last, and what its checksum is seeded with.
    private var last: (start: Int, length: Int, seed: UInt64) = (0, 0, 0)

    init(capacity: Int) {
        memory = .allocate(byteCount: capacity, alignment: Segment.block)
    }

    deinit { memory.deallocate() }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[0..<count]) }

    mutating func removeAll() {
        count = 0
        guard memory.count > Self.usual else { return }
        memory.deallocate()
        memory = .allocate(byteCount: Self.usual, alignment: Segment.block)
    }

    /// Makes room for that many more octets.
    private mutating func reserve(_ extra: Int) {
        guard count + extra > memory.count else { return }
        let larger = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Swift.max(memory.count * 2, count + extra),
            alignment: Segment.block
        )
        larger.copyMemory(from: bytes)
        memory.deallocate()
        memory = larger
    }

    /// Appends a record that will stand at `offset` in its segment.
    mutating func append(
        _ kind: RecordKind,
        id: UInt64,
        metadata: [UInt8],
        body: [UnsafeRawBufferPointer],
        batch: UInt64,
        isDamaged: Bool = false,
        nonce: UInt64,
        offset: Int
    ) {
        let bodyLength = body.reduce(0) { $0 + $1.count }
        let length = RecordHead.length(metadata: metadata.count, body: bodyLength)
        reserve(length)
        let record = UnsafeMutableRawBufferPointer(rebasing: memory[count..<(count + length)])
        record.storeBytes(of: 0, toByteOffset: 8, as: UInt64.self)
        record[8] = kind.rawValue
        record[9] = RecordHead.version
        let mark = UInt16(truncatingIfNeeded: batch) & RecordHead.batchMask | (isDamaged ? RecordHead.damagedMark : 0)
        record.storeBytes(of: mark.littleEndian, toByteOffset: 10, as: UInt16.self)
        record.storeBytes(of: UInt32(metadata.count).littleEndian, toByteOffset: 12, as: UInt32.self)
        record.storeBytes(of: UInt32(bodyLength).littleEndian, toByteOffset: 16, as: UInt32.self)
        record.storeBytes(of: UInt32(truncatingIfNeeded: nonce).littleEndian, toByteOffset: 20, as: UInt32.self)
        record.storeBytes(of: id.littleEndian, toByteOffset: 24, as: UInt64.self)
        metadata.withUnsafeBytes { source in
            UnsafeMutableRawBufferPointer(rebasing: record[RecordHead.size...]).copyMemory(from: source)
        }
        let bodyStart = RecordHead.size + metadata.count
        var position = bodyStart
        for piece in body where !piece.isEmpty {
            UnsafeMutableRawBufferPointer(rebasing: record[position...]).copyMemory(from: piece)
            position += piece.count
        }
        for index in position..<length { record[index] = 0 }
        let content = UnsafeRawBufferPointer(rebasing: record[bodyStart..<position])
        record.storeBytes(
            of: RecordHead.checksum(content, seed: nonce).littleEndian,
            toByteOffset: 32,
            as: UInt64.self
        )
        let covered = UnsafeRawBufferPointer(rebasing: record[8..<bodyStart])
        record.storeBytes(
            of: RecordHead.checksum(covered, seed: nonce &+ UInt64(offset)).littleEndian,
            toByteOffset: 0,
            as: UInt64.self
        )
        last = (count, bodyStart, nonce &+ UInt64(offset))
        count += length
    }

    /// Marks the last record as the end of what is written together, and appends zeros up to a multiple of a block, counted from the segment's beginning.
    mutating func seal(from offset: Int) {
        if count > 0 {
            let record = UnsafeMutableRawBufferPointer(rebasing: memory[last.start..<(last.start + last.length)])
            record[11] |= UInt8(RecordHead.lastMark >> 8)
            let checksum = RecordHead.checksum(UnsafeRawBufferPointer(rebasing: record[8...]), seed: last.seed)
            record.storeBytes(of: checksum.littleEndian, toByteOffset: 0, as: UInt64.self)
        }
        let extra = Segment.roundUp(offset + count) - offset - count
        guard extra > 0 else { return }
        reserve(extra)
        UnsafeMutableRawBufferPointer(rebasing: memory[count..<(count + extra)]).initializeMemory(
            as: UInt8.self,
            repeating: 0
        )
        count += extra
    }
}
