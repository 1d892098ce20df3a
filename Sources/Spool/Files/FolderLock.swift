import Glibc
import Synchronization

/// Keeps two servers from sharing a spool. The system lets go of it when the process ends, however it ends.
final class FolderLock: Sendable {
    private let descriptor: Mutex<CInt?>

    /// - Throws: `.locked` when somebody else holds it.
    init(_ folder: String) throws(SpoolError) {
        let path = folder + "/lock"
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw SpoolError(system: errno, path: path) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let number = errno
            Glibc.close(descriptor)
            if number == EWOULDBLOCK { throw SpoolError(.locked, path: folder) }
            throw SpoolError(system: number, path: path)
        }
        self.descriptor = Mutex(descriptor)
    }

    deinit { release() }

    func release() {
        descriptor.withLock { descriptor in
            if let descriptor { Glibc.close(descriptor) }
            descriptor = nil
        }
    }
}
