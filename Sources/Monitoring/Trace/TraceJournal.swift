import Foundation
import Glibc
import MailBytes
import MailEvents

/// The file that entries are appended to before they are indexed. A torn end is passed over.
struct TraceJournal: ~Copyable {
    /// Octets taken at a time when it is moved into the database.
    private static let portion = 4 << 20
    private static let entryLimit = 64 << 20

    private let descriptor: CInt
    private(set) var size: Int
    /// What is indexed already.
    private var indexed = 0

    init(path: String) throws {
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_APPEND, 0o600)
        guard descriptor >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        size = Int(lseek(descriptor, 0, Int32(SEEK_END)))
    }

    deinit { close(descriptor) }

    /// Appends; what a full disk does not take is lost, since a trace must not stop mail.
    mutating func append(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        size += max(0, written)
    }

    /// Hands all entries on, portion by portion, and empties the file.
    mutating func drain(_ take: ([TraceEntry]) throws -> Void) throws {
        while indexed < size {
            var bytes = [UInt8](repeating: 0, count: min(Self.portion, size - indexed))
            let found = pread(descriptor, &bytes, bytes.count, off_t(indexed))
            guard found > 0 else { break }
            let (entries, used, wanted) = Self.entries(in: bytes[0..<found])
            if used == 0 {
                // One entry larger than a portion, or a torn end.
                guard wanted <= Self.entryLimit, indexed + wanted <= size, wanted > found else { break }
                var whole = [UInt8](repeating: 0, count: wanted)
                guard pread(descriptor, &whole, wanted, off_t(indexed)) == wanted else { break }
                try take(Self.entries(in: whole[...]).entries)
                indexed += wanted
                continue
            }
            try take(entries)
            indexed += used
        }
        ftruncate(descriptor, 0)
        size = 0
        indexed = 0
    }

    private static func entries(in bytes: ArraySlice<UInt8>) -> (entries: [TraceEntry], used: Int, wanted: Int) {
        var entries: [TraceEntry] = []
        let span = bytes.span
        var position = 0
        while position + 4 <= span.count {
            var length = 0
            for index in 0..<4 { length |= Int(span[position + index]) << (8 * index) }
            guard position + 4 + length <= span.count else { return (entries, position, 4 + length) }
            if let entry = TraceEntry(decoding: span.extracting((position + 4)..<(position + 4 + length))) {
                entries.append(entry)
            }
            position += 4 + length
        }
        return (entries, position, span.count)
    }
}
