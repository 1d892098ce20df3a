import MailNames
import NIOCore

/// Looks messages up and reads them from their segments, on any thread. A read blocks for as long as the disk takes.
package struct SpoolReader: Sendable {
    let index: SharedIndex

    /// All ids, oldest first. 8 octets a message: fit for a million.
    package func ids() -> [UInt64] { index.with { Array($0.entries.keys) }.sorted() }

    /// What is known of a message without the disk.
    func entry(_ id: UInt64) -> MessageEntry? { index.with { $0.entries[id] } }

    package func message(_ id: UInt64) -> SpooledMessage? { entry(id).map { SpooledMessage(id, $0) } }

    /// - Throws: `.unknownMessage`, `.damaged`, and `.disk` when it could not be read, which may be so for a moment only.
    package func envelope(_ id: UInt64) throws(SpoolError) -> Envelope {
        try reading(id) { (entry) throws(SpoolError) in
            guard let segment = index.with({ $0.segments[entry.location.segment] }),
                let metadata = try metadata(at: entry.location, in: segment)
            else { return nil }
            let bytes = metadata.span
            guard entry.chunks != nil else { return EnvelopeHead.decode(bytes, from: 0) }
            guard let (_, start) = MetadataCoding.decodeChunks(bytes) else { return nil }
            return EnvelopeHead.decode(bytes, from: start)
        }
    }

    /// The number of pieces that a message's content is read in; 1 for all but large ones.
    package func pieces(of id: UInt64) throws(SpoolError) -> Int {
        guard let entry = entry(id) else { throw SpoolError(.unknownMessage) }
        return entry.chunks?.count ?? 1
    }

    /// One piece of the content, checked.
    ///
    /// - Throws: `.unknownMessage`, `.damaged`, and `.disk` when it could not be read, which may be so for a moment only.
    package func content(_ id: UInt64, piece: Int) throws(SpoolError) -> ByteBuffer {
        try reading(id) { (entry) throws(SpoolError) in
            var location = entry.location
            if let chunks = entry.chunks {
                guard chunks.indices.contains(piece) else { return nil }
                location = chunks[piece]
            }
            guard let segment = index.with({ $0.segments[location.segment] }) else { return nil }
            let head = RecordHead.size + Int(location.metadataLength)
            let length = Int(location.bodyLength)
            var buffer = ByteBufferAllocator().buffer(capacity: head + length)
            var failure: SpoolError?
            let read = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: head + length) { memory in
                let part = UnsafeMutableRawBufferPointer(rebasing: memory[0..<(head + length)])
                do throws(SpoolError) {
                    return try segment.file.read(into: part, at: Int(location.offset))
                } catch {
                    failure = error
                    return 0
                }
            }
            if let failure { throw failure }
            guard read == head + length else { return nil }
            let isSound = buffer.withUnsafeReadableBytes {
                Self.bodyIsSound($0, at: location, id: id, nonce: segment.nonce)
            }
            guard isSound else { return nil }
            buffer.moveReaderIndex(forwardBy: head)
            return buffer
        }
    }

    /// Reads with the entry as it is now; once more where the message was moved meanwhile.
    private func reading<Value>(
        _ id: UInt64,
        _ body: (MessageEntry) throws(SpoolError) -> Value?
    ) throws(SpoolError) -> Value {
        var last: (entry: MessageEntry, failure: SpoolError?)?
        while true {
            guard let entry = entry(id) else { throw SpoolError(.unknownMessage) }
            if let last, last.entry.location == entry.location, last.entry.chunks == entry.chunks {
                throw last.failure ?? SpoolError(.damaged, path: Segment.name(entry.location.segment))
            }
            do throws(SpoolError) {
                if let value = try body(entry) { return value }
                last = (entry, nil)
            } catch {
                last = (entry, error)
            }
        }
    }

    private static func bodyIsSound(
        _ record: UnsafeRawBufferPointer,
        at location: RecordLocation,
        id: UInt64?,
        nonce: UInt64
    ) -> Bool {
        guard let head = RecordHead(record, nonce: nonce), !head.isDamaged, id == nil || head.id == id,
            head.metadataLength == Int(location.metadataLength), head.bodyLength == Int(location.bodyLength)
        else { return false }
        let body = UnsafeRawBufferPointer(rebasing: record[(RecordHead.size + head.metadataLength)...])
        return RecordHead.checksum(body, seed: nonce) == head.bodyChecksum
    }

    // MARK: For rewriting

    /// The metadata of a record, checked; `nil` when it is damaged.
    func metadata(at location: RecordLocation, in segment: Segment) throws(SpoolError) -> [UInt8]? {
        let length = RecordHead.size + Int(location.metadataLength)
        let bytes = try segment.file.read(at: Int(location.offset), count: length)
        let isIntact = bytes.withUnsafeBytes {
            RecordHead.isIntact(
                $0,
                metadataLength: Int(location.metadataLength),
                nonce: segment.nonce,
                offset: Int(location.offset)
            )
        }
        return isIntact ? Array(bytes[RecordHead.size...]) : nil
    }

    /// The body of a record, and whether it is damaged; `nil` when the disk does not give it back. That may be so for a moment
    /// only, so it is never taken for damage.
    func body(at location: RecordLocation, in segment: Segment) -> (bytes: [UInt8], isDamaged: Bool)? {
        let start = RecordHead.size + Int(location.metadataLength)
        let length = start + Int(location.bodyLength)
        guard let record = try? segment.file.read(at: Int(location.offset), count: length), record.count == length
        else { return nil }
        let isSound = record.withUnsafeBytes { Self.bodyIsSound($0, at: location, id: nil, nonce: segment.nonce) }
        return (Array(record[start...]), !isSound)
    }
}
