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
    /// In place of a queue id: segments with smaller numbers hold nothing that is needed.
    case floor = 7
    /// Metadata: an operator's order, and the messages that it is about.
    case order = 8
}

/// The head of a record: 40 octets, then metadata, then body, padded to 8.
///
/// | octets | |
/// | --- | --- |
/// | 0..<8 | checksum of what follows up to the end of the metadata, seeded by the segment's nonce and the offset |
/// | 8 | kind |
/// | 9 | version of the record's form |
/// | 10..<12 | lower 14 bits: number of the write it was part of; 0x4000: the last record of that write; 0x8000: the body was found damaged before it came here |
/// | 12..<16 | length of the metadata |
/// | 16..<20 | length of the body |
/// | 20..<24 | the nonce's lower half: tells a damaged record from one of the file's former life |
/// | 24..<32 | queue id |
/// | 32..<40 | checksum of the body, seeded by the nonce |
///
/// The seed makes the records of a segment's former life unreadable, so that segments can be overwritten in place.
struct RecordHead {
    static let size = 40
    static let version: UInt8 = 1
    static let damagedMark: UInt16 = 0x8000
    static let lastMark: UInt16 = 0x4000
    static let batchMask: UInt16 = 0x3FFF

    var kind: RecordKind
    var isDamaged: Bool
    /// The write it was part of.
    var batch: UInt16
    var isLastOfBatch: Bool
    var metadataLength: Int
    var bodyLength: Int
    var id: UInt64
    var bodyChecksum: UInt64

    /// Octets on disk, padding included.
    var length: Int { Self.length(metadata: metadataLength, body: bodyLength) }

    static func length(metadata: Int, body: Int) -> Int { (size + metadata + body + 7) & ~7 }

    static func checksum(_ bytes: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
        XXH3_64bits_withSeed(bytes.baseAddress, bytes.count, seed)
    }

    /// Reads the head in front of `bytes` without looking at its checksum; `nil` when it cannot be one of this life.
    init?(_ bytes: UnsafeRawBufferPointer, nonce: UInt64) {
        guard bytes.count >= Self.size, let kind = RecordKind(rawValue: bytes[8]), bytes[9] == Self.version,
            UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 20, as: UInt32.self))
                == UInt32(truncatingIfNeeded: nonce)
        else { return nil }
        self.kind = kind
        let batch = UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 10, as: UInt16.self))
        self.isDamaged = batch & Self.damagedMark != 0
        self.isLastOfBatch = batch & Self.lastMark != 0
        self.batch = batch & Self.batchMask
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
