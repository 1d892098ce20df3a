import MailBytes

/// The forms of metadata that are no envelope.
enum MetadataCoding {
    private static let lastErrorLimit = 300

    static func encode(chunks: [RecordLocation], envelope: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(4 + chunks.count * 16 + envelope.count)
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
        chunks.reserveCapacity(Int(count))
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
                bytes.append(text: shortened(lastError))
            }
        }
        return bytes
    }

    /// An error's text as far as it is kept.
    static func shortened(_ text: String?) -> String? {
        text.map { $0.utf8.count <= lastErrorLimit ? $0 : String($0.prefix(lastErrorLimit)) }
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
        return reader.isAtEnd ? progress : nil
    }

    static func encode(isHeld: Bool, route: String?) -> [UInt8] {
        var bytes: [UInt8] = [isHeld ? 1 : 0]
        bytes.append(text: route)
        return bytes
    }

    static func encode(_ change: SpoolOrder.Change, of ids: ArraySlice<UInt64>) -> [UInt8] {
        var (kind, route): (UInt8, String?) = (0, nil)
        switch change {
        case .hold: kind = 1
        case .release: kind = 2
        case .route(let named): (kind, route) = (3, named)
        case .done: kind = 4
        }
        var bytes: [UInt8] = [kind]
        bytes.reserveCapacity(16 + (route?.utf8.count ?? 0) + 8 * ids.count)
        bytes.append(text: route)
        bytes.append(littleEndian: UInt32(ids.count))
        for id in ids { bytes.append(littleEndian: id) }
        return bytes
    }

    /// An order, and the messages that it is about.
    static func decodeOrder(_ bytes: Span<UInt8>) -> (change: SpoolOrder.Change, ids: [UInt64])? {
        var reader = ByteReader(bytes.count)
        guard let kind = reader.byte(bytes), let route = reader.text(bytes),
            let count = reader.number(bytes, UInt32.self), Int(count) <= bytes.count / 8
        else { return nil }
        let change: SpoolOrder.Change
        switch kind {
        case 1: change = .hold
        case 2: change = .release
        case 3: change = .route(route)
        case 4: change = .done
        default: return nil
        }
        var ids: [UInt64] = []
        ids.reserveCapacity(Int(count))
        for _ in 0..<count {
            guard let id = reader.number(bytes, UInt64.self) else { return nil }
            ids.append(id)
        }
        return reader.isAtEnd ? (change, ids) : nil
    }

    static func decodeControl(_ bytes: Span<UInt8>) -> (isHeld: Bool, route: String?)? {
        var reader = ByteReader(bytes.count)
        guard let held = reader.byte(bytes), let route = reader.text(bytes), reader.isAtEnd else { return nil }
        return (held == 1, route)
    }
}
