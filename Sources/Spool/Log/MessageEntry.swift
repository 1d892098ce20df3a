import MailBytes
import MailNames

/// Where a record lies.
struct RecordLocation: Equatable {
    var segment: UInt64
    var offset: UInt32
    var metadataLength: UInt32
    var bodyLength: UInt32

    var length: Int { (RecordHead.size + Int(metadataLength) + Int(bodyLength) + 7) & ~7 }
}

/// A message as the index in memory has it: small, since there may be a million.
struct MessageEntry {
    var location: RecordLocation
    var recipients: UInt32
    var remaining: UInt32
    var isHeld = false
    /// Where the chunks of a large message lie; `nil` when its body is in the record.
    var chunks: [RecordLocation]?
    /// The states of recipients that are not as at the beginning.
    var progress: [UInt32: RecipientState]?
    /// Another next hop than the domain's, by an operator's word.
    var route: String?

    var contentSize: Int {
        chunks.map { $0.reduce(0) { $0 + Int($1.bodyLength) } } ?? Int(location.bodyLength)
    }

    /// Octets that its records keep in their segments.
    var length: Int { location.length + (chunks?.reduce(0) { $0 + $1.length } ?? 0) }
}

/// How far one recipient has come.
public enum RecipientState: Hashable, Sendable {
    /// To be tried; so often tried before, next at that time, and what was the matter last.
    case waiting(attempts: UInt16, nextAttempt: Timestamp, lastError: String?)
    /// Delivered, relayed, failed and reported, or deleted: nothing is left to do.
    case finished
}

/// The forms of metadata that are no envelope.
enum MetadataCoding {
    static func encode(chunks: [RecordLocation], envelope: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt32(chunks.count))
        for chunk in chunks {
            bytes.append(littleEndian: chunk.segment)
            bytes.append(littleEndian: chunk.offset)
            bytes.append(littleEndian: chunk.bodyLength)
        }
        return bytes + envelope
    }

    static func decodeChunks(_ bytes: Span<UInt8>) -> (chunks: [RecordLocation], envelopeStart: Int)? {
        var reader = ByteReader(bytes.count)
        guard let count = reader.number(bytes, UInt32.self), Int(count) <= bytes.count / 16 else { return nil }
        var chunks: [RecordLocation] = []
        for _ in 0..<count {
            guard let segment = reader.number(bytes, UInt64.self), let offset = reader.number(bytes, UInt32.self),
                let length = reader.number(bytes, UInt32.self)
            else { return nil }
            chunks.append(RecordLocation(segment: segment, offset: offset, metadataLength: 0, bodyLength: length))
        }
        return (chunks, reader.position)
    }

    static func encode(progress: [(UInt32, RecipientState)]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt32(progress.count))
        for (recipient, state) in progress {
            bytes.append(littleEndian: recipient)
            switch state {
            case .finished: bytes.append(1)
            case .waiting(let attempts, let nextAttempt, let lastError):
                bytes.append(0)
                bytes.append(littleEndian: attempts)
                bytes.append(littleEndian: UInt64(bitPattern: nextAttempt.microseconds))
                bytes.append(text: lastError.map { String($0.prefix(300)) })
            }
        }
        return bytes
    }

    static func decodeProgress(_ bytes: Span<UInt8>) -> [(UInt32, RecipientState)]? {
        var reader = ByteReader(bytes.count)
        guard let count = reader.number(bytes, UInt32.self), Int(count) <= bytes.count / 5 else { return nil }
        var progress: [(UInt32, RecipientState)] = []
        for _ in 0..<count {
            guard let recipient = reader.number(bytes, UInt32.self), let kind = reader.byte(bytes) else { return nil }
            if kind == 1 {
                progress.append((recipient, .finished))
                continue
            }
            guard let attempts = reader.number(bytes, UInt16.self), let next = reader.number(bytes, UInt64.self),
                let error = reader.text(bytes)
            else { return nil }
            let time = Timestamp(microseconds: Int64(bitPattern: next))
            progress.append((recipient, .waiting(attempts: attempts, nextAttempt: time, lastError: error)))
        }
        return progress
    }

    static func encode(isHeld: Bool, route: String?) -> [UInt8] {
        var bytes: [UInt8] = [isHeld ? 1 : 0]
        bytes.append(text: route)
        return bytes
    }

    static func decodeControl(_ bytes: Span<UInt8>) -> (isHeld: Bool, route: String?)? {
        var reader = ByteReader(bytes.count)
        guard let held = reader.byte(bytes), let route = reader.text(bytes) else { return nil }
        return (held == 1, route)
    }
}
