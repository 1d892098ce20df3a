import Glibc

/// The operations on files that the spool is built on; tests and the simulation put their own disk underneath.
///
/// Each throws a `SpoolError` with the system's number.
public protocol SpoolFiles: Sendable {
    /// The names in the folder.
    func list() throws(SpoolError) -> [String]
    /// Opens a file, making it with mode 0600 where it is not there.
    func open(_ name: String) throws(SpoolError) -> any SpoolFile
    func rename(_ name: String, to other: String) throws(SpoolError)
    func remove(_ name: String) throws(SpoolError)
    /// Makes names durable.
    func syncFolder() throws(SpoolError)
    /// Free octets on the disk.
    func freeSpace() throws(SpoolError) -> Int
}

/// An open file.
public protocol SpoolFile: AnyObject, Sendable {
    func size() throws(SpoolError) -> Int
    /// Reserves the space from the beginning on.
    func allocate(_ size: Int) throws(SpoolError)
    /// Writes all of it.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(SpoolError)
    /// Reads what there is, at most the buffer's size; returns how much.
    func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws(SpoolError) -> Int
    /// Makes what was written durable.
    func sync() throws(SpoolError)
    func close()
}

/// The files of a folder on the real disk.
public struct SystemFiles: SpoolFiles {
    public let folder: String

    public init(folder: String) {
        self.folder = folder
    }

    static func text(of number: Int32) -> String { String(cString: strerror(number)) }

    private func path(_ name: String) -> String { folder + "/" + name }

    public func list() throws(SpoolError) -> [String] {
        guard let directory = opendir(folder) else { throw failure(folder) }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    public func open(_ name: String) throws(SpoolError) -> any SpoolFile {
        let descriptor = Glibc.open(path(name), O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure(path(name)) }
        return SystemFile(descriptor, path: path(name))
    }

    public func rename(_ name: String, to other: String) throws(SpoolError) {
        guard Glibc.rename(path(name), path(other)) == 0 else { throw failure(path(name)) }
    }

    public func remove(_ name: String) throws(SpoolError) {
        guard unlink(path(name)) == 0 else { throw failure(path(name)) }
    }

    public func syncFolder() throws(SpoolError) {
        let descriptor = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(folder) }
        defer { Glibc.close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure(folder) }
    }

    public func freeSpace() throws(SpoolError) -> Int {
        var status = statvfs()
        guard statvfs(folder, &status) == 0 else { throw failure(folder) }
        return Int(clamping: status.f_bavail) * Int(clamping: status.f_frsize)
    }

    private func failure(_ path: String) -> SpoolError {
        let number = errno
        return SpoolError(number == ENOSPC || number == EDQUOT ? .full : .disk, path: path, number: number)
    }
}

/// One file of the real disk.
final class SystemFile: SpoolFile {
    private let descriptor: CInt
    private let path: String

    init(_ descriptor: CInt, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit { Glibc.close(descriptor) }

    /// Closed when the last reader lets go of it.
    func close() {}

    func size() throws(SpoolError) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure() }
        return Int(status.st_size)
    }

    func allocate(_ size: Int) throws(SpoolError) {
        let number = posix_fallocate(descriptor, 0, off_t(size))
        guard number == 0 else { throw SpoolError(number == ENOSPC ? .full : .disk, path: path, number: number) }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(SpoolError) {
        var done = 0
        while done < bytes.count {
            let count = pwrite(
                descriptor,
                bytes.baseAddress.map { $0 + done },
                bytes.count - done,
                off_t(offset + done)
            )
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw failure() }
            done += count
        }
    }

    func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws(SpoolError) -> Int {
        var done = 0
        while done < bytes.count {
            let count = pread(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done, off_t(offset + done))
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw failure() }
            if count == 0 { break }
            done += count
        }
        return done
    }

    func sync() throws(SpoolError) {
        guard fdatasync(descriptor) == 0 else { throw failure() }
    }

    private func failure() -> SpoolError {
        let number = errno
        return SpoolError(number == ENOSPC || number == EDQUOT ? .full : .disk, path: path, number: number)
    }
}
