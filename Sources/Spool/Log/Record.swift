import CXXHash
import MailBytes

/// What a record is about. The raw value is its number on disk and is never given anew.
enum RecordKind: UInt8 {
    /// Metadata: the envelope. Body: the whole content.
    case message = 1
    /// Body: a piece of the content of an upload.
    case chunk = 2
    /// Metadata: where the chunks lie, then the envelope. No body.
    case uploaded = 3
    /// Metadata: changes of recipients' states.
    case progress = 4
    /// Metadata: held or not, another route.
    case control = 5
    /// The message is forgotten.
    case done = 6
}

/// The head of a record: 40 octets, then metadata, then body, padded to 8.
///
/// | octets | |
/// | --- | --- |
/// | 0..<8 | checksum of what follows up to the end of the metadata, seeded by the segment's nonce and the offset |
/// | 8 | kind |
/// | 9 | version of the record's form |
/// | 12..<16 | length of the metadata |
/// | 16..<20 | length of the body |
/// | 24..<32 | queue id |
/// | 32..<40 | checksum of the body, seeded by the nonce |
///
/// The seed makes the records of a segment's former life unreadable, so that segments can be overwritten in place.
struct RecordHead {
    static let size = 40
    static let version: UInt8 = 1

    var kind: RecordKind
    var metadataLength: Int
    var bodyLength: Int
    var id: UInt64
    var bodyChecksum: UInt64

    /// Octets on disk, padding included.
    var length: Int { (Self.size + metadataLength + bodyLength + 7) & ~7 }

    static func checksum(_ bytes: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
        XXH3_64bits_withSeed(bytes.baseAddress, bytes.count, seed)
    }

    /// Reads the head in front of `bytes` without looking at its checksum; `nil` when it cannot be one.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Self.size, let kind = RecordKind(rawValue: bytes[8]), bytes[9] == Self.version else {
            return nil
        }
        self.kind = kind
        self.metadataLength = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 12, as: UInt32.self)))
        self.bodyLength = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt32.self)))
        self.id = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self))
        self.bodyChecksum = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 32, as: UInt64.self))
    }

    /// Whether head and metadata, both at the front of `bytes`, are those that were written at `offset`.
    static func isIntact(_ bytes: UnsafeRawBufferPointer, metadataLength: Int, nonce: UInt64, offset: Int) -> Bool {
        guard bytes.count >= size + metadataLength else { return false }
        let covered = UnsafeRawBufferPointer(rebasing: bytes[8..<(size + metadataLength)])
        let stored = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        return stored == checksum(covered, seed: nonce &+ UInt64(offset))
    }
}

/// The bytes of the records that the next write takes to disk, in one piece of memory that is reused.
struct RecordBuffer: ~Copyable {
    private var memory: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init(capacity: Int) {
        memory = .allocate(byteCount: capacity, alignment: 4096)
    }

    deinit { memory.deallocate() }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[0..<count]) }

    mutating func removeAll() { count = 0 }

    /// Makes room for that many more octets.
    private mutating func reserve(_ extra: Int) {
        guard count + extra > memory.count else { return }
        let larger = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Swift.max(memory.count * 2, count + extra),
            alignment: 4096
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
        nonce: UInt64,
        offset: Int
    ) {
        let bodyLength = body.reduce(0) { $0 + $1.count }
        let length = (RecordHead.size + metadata.count + bodyLength + 7) & ~7
        reserve(length)
        let record = UnsafeMutableRawBufferPointer(rebasing: memory[count..<(count + length)])
        record.storeBytes(of: 0, toByteOffset: 8, as: UInt64.self)
        record[8] = kind.rawValue
        record[9] = RecordHead.version
        record.storeBytes(of: UInt32(metadata.count).littleEndian, toByteOffset: 12, as: UInt32.self)
        record.storeBytes(of: UInt32(bodyLength).littleEndian, toByteOffset: 16, as: UInt32.self)
        record.storeBytes(of: 0, toByteOffset: 20, as: UInt32.self)
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
        count += length
    }

    /// Appends zeros up to a multiple of a block, counted from the segment's beginning.
    mutating func pad(from offset: Int, to block: Int) {
        let end = (offset + count + block - 1) / block * block - offset
        reserve(end - count)
        for index in count..<end { memory[index] = 0 }
        count = end
    }
}
