import MailBytes

/// The first block of a segment. It stands there twice, so that a damaged sector does not take the whole segment with it.
///
/// | octets | |
/// | --- | --- |
/// | 0..<8 | `MARTLETS` |
/// | 8..<12 | version of the format; these two fields stay where they are in every version |
/// | 16..<24 | sequence number |
/// | 24..<32 | nonce |
/// | 32..<40 | the largest queue id that was given before |
/// | 40..<48 | floor: segments with smaller numbers hold nothing that is needed, should they still be there |
/// | 48..<64 | the segment before this one, and where its acknowledged records end |
/// | 64..<72 | checksum |
struct SegmentHeader: Equatable {
    static let magic: [UInt8] = Array("MARTLETS".utf8)
    /// 2: there may be records of orders about many messages, which a program of format 1 would pass over.
    static let version: UInt32 = 2
    private static let size = 72
    private static let copy = 2048

    var sequence: UInt64
    var nonce: UInt64
    var highWater: UInt64
    var floor: UInt64
    var previous: UInt64
    var previousEnd: UInt64

    /// A whole block.
    var bytes: [UInt8] {
        var bytes = Self.magic
        bytes.append(littleEndian: Self.version)
        bytes.append(littleEndian: UInt32(0))
        for field in [sequence, nonce, highWater, floor, previous, previousEnd] { bytes.append(littleEndian: field) }
        bytes.append(littleEndian: bytes.withUnsafeBytes { RecordHead.checksum($0, seed: 0) })
        let header = bytes
        bytes.append(contentsOf: [UInt8](repeating: 0, count: Self.copy - header.count))
        bytes.append(contentsOf: header)
        bytes.append(contentsOf: [UInt8](repeating: 0, count: Segment.block - bytes.count))
        return bytes
    }

    /// What the first block of a file says.
    enum Reading: Equatable {
        case header(SegmentHeader)
        case newerFormat(Int)
        /// Zeros alone: nothing was ever written.
        case empty
        case unreadable
    }

    static func read(_ block: [UInt8]) -> Reading {
        if !block.contains(where: { $0 != 0 }) { return .empty }
        var newest: UInt32 = 0
        for start in [0, copy] where block.count >= start + size {
            let bytes = Array(block[start..<(start + size)])
            let span = bytes.span
            var reader = ByteReader(size)
            guard reader.bytes(span, 8) == magic, let version = reader.number(span, UInt32.self) else { continue }
            if version > Self.version {
                newest = max(newest, version)
                continue
            }
            guard reader.number(span, UInt32.self) != nil, let sequence = reader.number(span, UInt64.self),
                let nonce = reader.number(span, UInt64.self), let highWater = reader.number(span, UInt64.self),
                let floor = reader.number(span, UInt64.self), let previous = reader.number(span, UInt64.self),
                let previousEnd = reader.number(span, UInt64.self), let stored = reader.number(span, UInt64.self),
                stored == bytes[0..<(size - 8)].withUnsafeBytes({ RecordHead.checksum($0, seed: 0) })
            else { continue }
            return .header(
                SegmentHeader(
                    sequence: sequence,
                    nonce: nonce,
                    highWater: highWater,
                    floor: floor,
                    previous: previous,
                    previousEnd: previousEnd
                )
            )
        }
        return newest > 0 ? .newerFormat(Int(newest)) : .unreadable
    }
}
