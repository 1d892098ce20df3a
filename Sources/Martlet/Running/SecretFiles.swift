import Glibc
import Synchronization

/// Files with a secret in their first line, and what was last read of each.
///
/// Root may read them at start and the user that serves may not: what was read then stays in use when a reload finds a file
/// that it may not read.
public final class SecretFiles: Sendable {
    /// What is wrong with a file, as the end of a sentence that names its key.
    struct Problem: Error, CustomStringConvertible {
        let description: String
    }

    /// Octets of a file.
    static let sizeLimit = 4096

    private let kept = Mutex<[String: [UInt8]]>([:])

    public init() {}

    /// The first line of a file, and whether it is the one of before because the file cannot be read any more.
    ///
    /// - Parameter group: the group that may read it besides its owner: the one of the user that serves.
    func firstLine(of path: String, group: gid_t) throws(Problem) -> (line: [UInt8], isKept: Bool) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            let number = errno
            if number == EACCES, let line = kept.withLock({ $0[path] }) { return (line, true) }
            throw Problem(description: "\(path) cannot be read: \(String(cString: strerror(number)))")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw Problem(description: "\(path) is not a file")
        }
        // The group of the server may read it: root can so keep the file and let the server have it.
        guard status.st_mode & 0o027 == 0, status.st_mode & 0o040 == 0 || status.st_gid == group else {
            let mode = String(status.st_mode & 0o777, radix: 8)
            throw Problem(description: "\(path) is open to others (mode 0\(mode)): chmod 0600 it")
        }
        var octets = [UInt8](repeating: 0, count: Self.sizeLimit)
        let count = read(descriptor, &octets, octets.count)
        guard count >= 0 else {
            throw Problem(description: "\(path) cannot be read: \(String(cString: strerror(errno)))")
        }
        let line = Array(octets[..<count].prefix { $0 != 0x0A && $0 != 0x0D })
        guard !line.isEmpty else { throw Problem(description: "the first line of \(path) is empty") }
        kept.withLock { $0[path] = line }
        return (line, false)
    }
}
