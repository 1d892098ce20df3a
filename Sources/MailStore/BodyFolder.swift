import Glibc
import MailBytes
import NIOCore
import Synchronization

/// The folder with an account's large bodies, one file each, named by numbers.
///
/// A file is on stable storage before a row refers to it. What a crash leaves without a row is removed on a later opening.
struct BodyFolder: Sendable {
    /// Files without a row are left alone while another process may still be about to write the row.
    private static let graceSeconds = 86_400

    let path: String

    func path(_ number: Int64) -> String { "\(path)/\(number)" }

    /// Numbers of the files there are.
    func numbers() -> [Int64] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var numbers: [Int64] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let number = Int64(name) { numbers.append(number) }
        }
        return numbers
    }

    /// Makes the file of the next free number, at or after `number`, and opens it for writing.
    func make(_ number: inout Int64) throws(MailStoreError) -> BodyFile {
        while true {
            let file = open(path(number), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            if file >= 0 { return BodyFile(file, path: path(number)) }
            switch errno {
            case EEXIST: number += 1
            case EINTR: continue
            case ENOENT: try SystemFolder.make(path)
            case let failure: throw MailStoreError(.file(path: path(number), number: failure))
            }
        }
    }

    func sync() throws(MailStoreError) { try SystemFolder.sync(path) }

    /// Removes a file that no row refers to. One that stays is tried again on a later opening.
    func remove(_ number: Int64) { unlink(path(number)) }

    /// Removes files that no row refers to and that are older than a day.
    func removeLeftovers(_ found: [Int64], referred: Set<Int64>) {
        for number in found where !referred.contains(number) {
            var status = stat()
            guard stat(path(number), &status) == 0, time(nil) - status.st_mtim.tv_sec > Self.graceSeconds else {
                continue
            }
            remove(number)
        }
    }
}

/// Folders that survive a power cut.
enum SystemFolder {
    /// Makes a folder that its owner alone can read; its name is on stable storage on return.
    static func make(_ path: String) throws(MailStoreError) {
        if mkdir(path, 0o700) != 0 {
            let failure = errno
            guard failure == EEXIST else { throw MailStoreError(.file(path: path, number: failure)) }
        }
        try sync(parent(of: path))
    }

    static func sync(_ path: String) throws(MailStoreError) {
        let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw MailStoreError(.file(path: path, number: errno)) }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw MailStoreError(.file(path: path, number: errno)) }
    }

    static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}

/// A body being written or read, piece after piece.
final class BodyFile: Sendable {
    /// Octets of a piece that is read.
    private static let pieceBytes = 128 << 10

    private let descriptor: Int32
    private let path: String
    /// The next octet to be read.
    private let position = Mutex(0)

    init(_ descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    /// Opens a body for reading.
    convenience init(reading path: String) throws(MailStoreError) {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw MailStoreError(.file(path: path, number: errno)) }
        self.init(file, path: path)
    }

    deinit { close(descriptor) }

    func append(_ bytes: UnsafeRawBufferPointer) throws(MailStoreError) {
        var rest = bytes[...]
        while let address = UnsafeRawBufferPointer(rebasing: rest).baseAddress, !rest.isEmpty {
            let count = write(descriptor, address, rest.count)
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno != EINTR {
                throw MailStoreError(.file(path: path, number: count == 0 ? ENOSPC : errno))
            }
        }
    }

    func sync() throws(MailStoreError) {
        guard fsync(descriptor) == 0 else { throw MailStoreError(.file(path: path, number: errno)) }
    }

    /// The next piece of a body of `size` octets; `nil` at its end.
    func next(of size: Int) throws -> ByteBuffer? {
        try position.withLock { position in
            let wanted = min(Self.pieceBytes, size - position)
            guard wanted > 0 else { return nil }
            var buffer = ByteBufferAllocator().buffer(capacity: wanted)
            while buffer.readableBytes < wanted {
                let offset = position + buffer.readableBytes
                let missing = wanted - buffer.readableBytes
                var failure: Int32 = 0
                let count = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: missing) { target in
                    let count = pread(descriptor, target.baseAddress, missing, off_t(offset))
                    if count < 0 { failure = errno }
                    return max(0, count)
                }
                if count > 0 || failure == EINTR { continue }
                throw failure == 0
                    ? MailStoreError(.bodyDamaged(path: path)) : MailStoreError(.file(path: path, number: failure))
            }
            position += wanted
            return buffer
        }
    }
}
