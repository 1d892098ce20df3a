import Foundation
import Glibc
import MailBytes
import MailEvents

/// The files that entries are appended to before they are indexed, each named by its number.
///
/// A file is never appended to after a failed write or a restart: a torn entry can only be the last of its file, and is
/// passed over. What is indexed is told by a `Position`, which the database keeps with the entries, so that an entry is
/// indexed once, whenever the process ends. No file is synced: it survives the end of the process, not a power cut.
struct TraceJournal: ~Copyable {
    /// How far the journal is indexed.
    struct Position: Hashable, Comparable, Sendable {
        var file: Int64
        /// In octets.
        var offset: Int64

        static let start = Position(file: 0, offset: 0)

        static func < (left: Position, right: Position) -> Bool {
            (left.file, left.offset) < (right.file, right.offset)
        }
    }

    /// Some entries in their order, and where the next ones begin.
    struct Portion: Sendable {
        var entries: [TraceEntry]
        var end: Position
    }

    /// Octets after which the next file is begun.
    private let fileSize: Int64
    /// Octets of a portion: more than any entry has.
    private static let portionSize = 2 * TraceEntry.lengthLimit

    private let folder: String
    private let descriptor: CInt
    /// The files that still have entries to index, with their sizes, by number.
    private var sizes: [Int64: Int64] = [:]
    private var newest: Int64
    private var writing: CInt = -1
    private(set) var indexed: Position

    /// Finds the files in a folder; those before `indexed` are deleted.
    init(folder: String, indexed: Position, fileSize: Int64 = 16 << 20) throws {
        self.folder = folder
        self.indexed = indexed
        self.fileSize = fileSize
        newest = indexed.file
        descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            guard name.hasPrefix(Self.prefix), let number = Int64(name.dropFirst(Self.prefix.count)) else { continue }
            var status = stat()
            if number < indexed.file {
                unlinkat(descriptor, name, 0)
            } else if fstatat(descriptor, name, &status, 0) == 0 {
                sizes[number] = Int64(status.st_size)
                newest = max(newest, number)
            }
        }
    }

    deinit {
        if writing >= 0 { Glibc.close(writing) }
        Glibc.close(descriptor)
    }

    private static let prefix = "journal-"

    private static func name(_ number: Int64) -> String {
        prefix + String(repeating: "0", count: max(0, 12 - String(number).count)) + String(number)
    }

    /// Octets that wait to be indexed.
    var waiting: Int64 {
        max(0, sizes.values.reduce(0, +) - indexed.offset)
    }

    /// Where the next entry will be written.
    var end: Position { Position(file: newest, offset: sizes[newest] ?? 0) }

    // MARK: Writing

    /// Appends whole entries. What a full disk does not take is lost, since a trace must not stop mail: `false`.
    mutating func append(_ bytes: [UInt8]) -> Bool {
        guard !bytes.isEmpty else { return true }
        if writing < 0 || sizes[newest] ?? 0 >= fileSize { beginFile() }
        guard writing >= 0 else { return false }
        var taken = 0
        while taken < bytes.count {
            let count = bytes.withUnsafeBytes { write(writing, $0.baseAddress?.advanced(by: taken), $0.count - taken) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { break }
            taken += count
        }
        sizes[newest, default: 0] += Int64(taken)
        guard taken < bytes.count else { return true }
        endFile()
        return false
    }

    private mutating func beginFile() {
        endFile()
        let number = newest + 1
        writing = openat(descriptor, Self.name(number), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o600)
        guard writing >= 0 else { return }
        newest = number
        sizes[number] = 0
    }

    private mutating func endFile() {
        if writing >= 0 { Glibc.close(writing) }
        writing = -1
    }

    // MARK: Reading

    /// What a look behind the indexed part of a file found.
    private enum Reading {
        case portion(Portion)
        /// Torn or damaged from there on, or gone.
        case nothing
        /// The disk did not say: it may the next time.
        case failed
    }

    /// The entries that follow what is indexed; `nil` when there are none, or none that can be read now.
    mutating func next() -> Portion? {
        while true {
            let start = indexed
            if let size = sizes[start.file], size > start.offset {
                switch read(start, size) {
                case .portion(let portion): return portion
                case .failed: return nil
                case .nothing: break
                }
            }
            // The rest of the file is torn or damaged, or there is none: the next file follows.
            if start.file == newest {
                guard sizes[newest] ?? 0 > start.offset else { return nil }
                endFile()
                indexed = Position(file: newest, offset: sizes[newest] ?? 0)
                return nil
            }
            guard let following = sizes.keys.filter({ $0 > start.file }).min() else { return nil }
            passed(to: Position(file: following, offset: 0))
        }
    }

    /// What is before the position is indexed for good: files that lie before it are deleted.
    mutating func passed(to position: Position) {
        indexed = position
        for number in sizes.keys.filter({ $0 < position.file }) {
            unlinkat(descriptor, Self.name(number), 0)
            sizes[number] = nil
        }
    }

    private func read(_ start: Position, _ size: Int64) -> Reading {
        let file = openat(descriptor, Self.name(start.file), O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return errno == ENOENT ? .nothing : .failed }
        defer { Glibc.close(file) }
        let wanted = Int(min(Int64(Self.portionSize), size - start.offset))
        var hasFailed = false
        let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, count in
            // A call may give less than was asked for, which is no torn entry.
            while count < wanted {
                let place = off_t(start.offset) + off_t(count)
                let read = pread(file, buffer.baseAddress?.advanced(by: count), wanted - count, place)
                if read < 0 && errno == EINTR { continue }
                hasFailed = read < 0
                guard read > 0 else { break }
                count += read
            }
        }
        guard !hasFailed else { return .failed }
        let (entries, used) = TraceEntry.entries(in: bytes.span)
        guard used > 0 else { return .nothing }
        return .portion(Portion(entries: entries, end: Position(file: start.file, offset: start.offset + Int64(used))))
    }
}
