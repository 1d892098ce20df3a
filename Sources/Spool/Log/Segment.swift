import MailBytes

/// One file of the log: a header of one block, then records.
///
/// `@unchecked Sendable`: `liveBytes` and `pendingUploads` change under the index's lock alone, `end` on the writer's
/// thread alone; the rest is constant.
final class Segment: @unchecked Sendable {
    static let block = 4096
    static let magic: [UInt8] = Array("MARTLETS".utf8)
    static let version: UInt32 = 1

    /// Its place in the log; part of the file's name.
    let sequence: UInt64
    /// What the checksums of its records are seeded with; another in each life of the file.
    let nonce: UInt64
    let file: any SpoolFile
    /// Octets of records that are still needed.
    var liveBytes = 0
    /// Uploads that are not committed yet and have chunks here.
    var pendingUploads = 0
    /// Where the next record goes; where the records end in a finished segment.
    var end = block

    init(sequence: UInt64, nonce: UInt64, file: any SpoolFile) {
        self.sequence = sequence
        self.nonce = nonce
        self.file = file
    }

    static func name(_ sequence: UInt64) -> String {
        let digits = String(sequence, radix: 16)
        return String(repeating: "0", count: max(0, 16 - digits.count)) + digits + ".segment"
    }

    static func sequence(of name: String) -> UInt64? {
        guard name.hasSuffix(".segment"), name.utf8.count == 24 else { return nil }
        return UInt64(name.dropLast(8), radix: 16)
    }

    /// The header: magic, version, sequence, nonce, the largest queue id given so far, checksum.
    static func header(sequence: UInt64, nonce: UInt64, highWater: UInt64) -> [UInt8] {
        var bytes = magic
        bytes.append(littleEndian: version)
        bytes.append(littleEndian: UInt32(0))
        bytes.append(littleEndian: sequence)
        bytes.append(littleEndian: nonce)
        bytes.append(littleEndian: highWater)
        let checksum = bytes.withUnsafeBytes { RecordHead.checksum($0, seed: 0) }
        bytes.append(littleEndian: checksum)
        bytes.append(contentsOf: [UInt8](repeating: 0, count: block - bytes.count))
        return bytes
    }

    /// What a header says; `nil` when it is none.
    struct Header {
        var version: UInt32
        var sequence: UInt64
        var nonce: UInt64
        var highWater: UInt64

        init?(_ bytes: [UInt8]) {
            var reader = ByteReader(bytes.count)
            let span = bytes.span
            guard bytes.count >= 48, reader.bytes(span, 8) == Segment.magic,
                let version = reader.number(span, UInt32.self),
                reader.number(span, UInt32.self) != nil, let sequence = reader.number(span, UInt64.self),
                let nonce = reader.number(span, UInt64.self), let highWater = reader.number(span, UInt64.self),
                let checksum = reader.number(span, UInt64.self)
            else { return nil }
            let expected = bytes[0..<40].withUnsafeBytes { RecordHead.checksum($0, seed: 0) }
            guard checksum == expected else { return nil }
            self.version = version
            self.sequence = sequence
            self.nonce = nonce
            self.highWater = highWater
        }
    }

    /// Reads that many octets, or fewer at the end of the file.
    func read(at offset: Int, count: Int) throws(SpoolError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let found = try Self.fill(&bytes, from: file, at: offset)
        if found < count { bytes.removeLast(count - found) }
        return bytes
    }

    private static func fill(_ bytes: inout [UInt8], from file: any SpoolFile, at offset: Int) throws(SpoolError) -> Int
    {
        var result: Result<Int, SpoolError> = .success(0)
        bytes.withUnsafeMutableBytes { buffer in
            do throws(SpoolError) {
                result = .success(try file.read(into: buffer, at: offset))
            } catch {
                result = .failure(error)
            }
        }
        return try result.get()
    }
}
