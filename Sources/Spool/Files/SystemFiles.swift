import CPlatform
import Glibc
import Synchronization

/// The files of a folder on the real disk.
public struct SystemFiles: SpoolFiles {
    public let folder: String
    /// Whether nothing may be changed.
    private let isReadOnly: Bool

    public init(folder: String, isReadOnly: Bool = false) {
        self.folder = folder
        self.isReadOnly = isReadOnly
    }

    private func path(_ name: String) -> String { folder + "/" + name }

    public func list() throws(SpoolError) -> [String] {
        guard let directory = opendir(folder) else { throw SpoolError(system: errno, path: folder) }
        defer { closedir(directory) }
        var names: [String] = []
        while true {
            // The end of the folder and a failure look alike but for this; names that are left out are mail that is lost.
            errno = 0
            guard let entry = readdir(directory) else {
                guard errno == 0 else { throw SpoolError(system: errno, path: folder) }
                break
            }
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    public func open(_ name: String) throws(SpoolError) -> any SpoolFile {
        try open(name, isReadOnly ? O_RDONLY : O_RDWR | O_CREAT)
    }

    public func create(_ name: String) throws(SpoolError) -> any SpoolFile {
        try open(name, O_RDWR | O_CREAT | O_EXCL)
    }

    private func open(_ name: String, _ mode: CInt) throws(SpoolError) -> any SpoolFile {
        let flags = mode | O_CLOEXEC | O_NOFOLLOW
        let descriptor = Glibc.open(path(name), flags, 0o600)
        guard descriptor >= 0 else { throw SpoolError(system: errno, path: path(name)) }
        return SystemFile(descriptor, path: path(name))
    }

    public func rename(_ name: String, to other: String) throws(SpoolError) {
        guard Glibc.rename(path(name), path(other)) == 0 else { throw SpoolError(system: errno, path: path(name)) }
    }

    public func remove(_ name: String) throws(SpoolError) {
        guard unlink(path(name)) == 0 else { throw SpoolError(system: errno, path: path(name)) }
    }

    public func syncFolder() throws(SpoolError) {
        let descriptor = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SpoolError(system: errno, path: folder) }
        defer { Glibc.close(descriptor) }
        guard fsync(descriptor) == 0 else { throw SpoolError(system: errno, path: folder) }
    }

    public func freeSpace() throws(SpoolError) -> Int {
        var status = statvfs()
        guard statvfs(folder, &status) == 0 else { throw SpoolError(system: errno, path: folder) }
        let (free, overflow) = Int(clamping: status.f_bavail).multipliedReportingOverflow(
            by: Int(clamping: status.f_frsize)
        )
        return overflow ? .max : free
    }
}

/// One file of the real disk.
final class SystemFile: SpoolFile {
    private let descriptor: CInt
    private let path: String
    /// The same file, opened for writes that go past the page cache and are durable on return.
    private let direct = Atomic(notTried)

    private static let notTried: CInt = -2
    private static let unavailable: CInt = -1

    init(_ descriptor: CInt, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit {
        Glibc.close(descriptor)
        let direct = direct.load(ordering: .relaxed)
        if direct >= 0 { Glibc.close(direct) }
    }

    func size() throws(SpoolError) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure() }
        return Int(status.st_size)
    }

    func allocate(_ size: Int) throws(SpoolError) {
        let number = posix_fallocate(descriptor, 0, off_t(size))
        guard number == 0 else { throw SpoolError(system: number, path: path) }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(SpoolError) {
        try write(bytes, at: offset, through: descriptor)
    }

    /// Whole blocks go straight from our memory to the disk, and the call returns when they are on it: one step instead of a
    /// copy, a write-back and a wait, which is a third faster and half the processor time.
    func writeDurably(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(SpoolError) {
        let direct = openedDirectly(for: bytes, at: offset)
        guard direct >= 0 else {
            try write(bytes, at: offset, through: descriptor)
            try sync()
            return
        }
        do throws(SpoolError) {
            try write(bytes, at: offset, through: direct)
        } catch {
            // A file system that can be asked for this and then cannot do it, and nothing worse.
            guard error.number == EINVAL else { throw error }
            self.direct.store(Self.unavailable, ordering: .relaxed)
            Glibc.close(direct)
            try write(bytes, at: offset, through: descriptor)
            try sync()
        }
    }

    private func openedDirectly(for bytes: UnsafeRawBufferPointer, at offset: Int) -> CInt {
        let isAligned = bytes.count % Segment.block == 0 && offset % Segment.block == 0
        guard isAligned, UInt(bitPattern: bytes.baseAddress) % UInt(Segment.block) == 0 else { return Self.unavailable }
        let known = direct.load(ordering: .relaxed)
        guard known == Self.notTried else { return known }
        // Only the writer's thread writes.
        let opened = martlet_reopen_direct_synchronous(descriptor)
        direct.store(max(opened, Self.unavailable), ordering: .relaxed)
        return opened
    }

    private func write(
        _ bytes: UnsafeRawBufferPointer,
        at offset: Int,
        through descriptor: CInt
    ) throws(SpoolError) {
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

    /// Past the system's page cache where the file system can do that: zeros ahead of use are as many as messages, and would
    /// cost as much to copy and push other pages out.
    func writeZeros(_ count: Int, at offset: Int) throws(SpoolError) {
        if count % Segment.block == 0 && offset % Segment.block == 0 && writeZerosDirectly(count, at: offset) { return }
        let zeros = [UInt8](repeating: 0, count: count)
        var failure: SpoolError?
        zeros.withUnsafeBytes { bytes in
            do throws(SpoolError) { try write(bytes, at: offset) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// - Returns: whether they are written; a failure is told by the write that is made then instead.
    private func writeZerosDirectly(_ count: Int, at offset: Int) -> Bool {
        let direct = martlet_open_direct(path)
        guard direct >= 0 else { return false }
        defer { Glibc.close(direct) }
        // Memory that nobody wrote to is zeros, and takes no room.
        let zeros = mmap(nil, count, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let zeros, zeros != MAP_FAILED else { return false }
        defer { munmap(zeros, count) }
        return pwrite(direct, zeros, count, off_t(offset)) == count
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

    private func failure() -> SpoolError { SpoolError(system: errno, path: path) }
}
