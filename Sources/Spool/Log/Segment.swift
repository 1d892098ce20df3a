/// One file of the log: a header of one block, then records.
///
/// `@unchecked Sendable`: once the spool is open, `liveBytes` and `pendingBytes` are read and written under the index's lock
/// alone, `end`, `syncedEnd` and `isKept` on the writer's thread alone; the rest is constant. Before, only the thread that
/// opens it has it, and starting the writer's thread orders what it did.
final class Segment: @unchecked Sendable {
    /// What is written together begins at a multiple of it, so that a torn write touches nothing that was acknowledged.
    static let block = 4096

    /// Its place in the log; part of the file's name.
    let sequence: UInt64
    /// What the checksums of its records are seeded with; another in each life of the file.
    let nonce: UInt64
    let file: any SpoolFile
    /// Octets of the file.
    let capacity: Int
    /// Octets of records that are still needed.
    var liveBytes = 0
    /// Chunks of uploads that are not committed yet.
    var pendingBytes = 0
    /// Whether some of it could not be read at the start: it is set aside, and not used again.
    var isKept = false
    /// Where the next record goes; where the records end in a finished segment.
    var end = block
    /// Up to where all is on stable storage.
    var syncedEnd = block

    init(sequence: UInt64, nonce: UInt64, file: any SpoolFile, capacity: Int) {
        self.sequence = sequence
        self.nonce = nonce
        self.file = file
        self.capacity = capacity
    }

    /// Whether nothing of it is needed any more.
    var isFree: Bool { liveBytes == 0 && pendingBytes == 0 }

    static func name(_ sequence: UInt64) -> String {
        let digits = String(sequence, radix: 16)
        return String(repeating: "0", count: max(0, 16 - digits.count)) + digits + ".segment"
    }

    static func sequence(of name: String) -> UInt64? {
        guard name.hasSuffix(".segment"), name.utf8.count == 24 else { return nil }
        return UInt64(name.dropLast(8), radix: 16)
    }

    /// The next multiple of a block.
    static func roundUp(_ offset: Int) -> Int { (offset + block - 1) / block * block }
}
