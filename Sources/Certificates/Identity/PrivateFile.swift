import Glibc

/// Files that hold secrets: small, mode 0600, written whole or not at all.
enum PrivateFile {
    struct Content {
        let octets: [UInt8]
        let isReadableByOthers: Bool
    }

    static func read(_ path: String) throws(TLSIdentityError) -> Content {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw TLSIdentityError(.unreadable(self.systemError), path: path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw TLSIdentityError(.unreadable(self.systemError), path: path) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw TLSIdentityError(.unreadable("not a file"), path: path) }
        guard status.st_size <= TLSIdentity.maximumFileSize else { throw TLSIdentityError(.tooLarge, path: path) }
        var octets = [UInt8](repeating: 0, count: Int(status.st_size))
        var filled = 0
        while filled < octets.count {
            let start = filled
            let count = octets.withUnsafeMutableBytes { buffer in
                Glibc.read(descriptor, buffer.baseAddress.map { $0 + start }, buffer.count - start)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw TLSIdentityError(.unreadable(self.systemError), path: path) }
            if count == 0 { break }
            filled += count
        }
        return Content(octets: Array(octets[..<filled]), isReadableByOthers: status.st_mode & S_IROTH != 0)
    }

    /// Writes the file with mode 0600: to a temporary name, synced, then renamed. A crash leaves the old file, or none,
    /// or the new one, and at most a temporary file that the next call replaces.
    static func write(_ octets: [UInt8], to path: String) throws(TLSIdentityError) {
        let temporary = path + ".new"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw TLSIdentityError(.unwritable(self.systemError), path: path) }
        var written = 0
        while written < octets.count {
            let start = written
            let count = octets.withUnsafeBytes { buffer in
                Glibc.write(descriptor, buffer.baseAddress.map { $0 + start }, buffer.count - start)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let why = self.systemError
                close(descriptor)
                unlink(temporary)
                throw TLSIdentityError(.unwritable(why), path: path)
            }
            written += count
        }
        let isSynced = fsync(descriptor) == 0
        let why = self.systemError
        close(descriptor)
        guard isSynced, rename(temporary, path) == 0 else {
            let reason = isSynced ? self.systemError : why
            unlink(temporary)
            throw TLSIdentityError(.unwritable(reason), path: path)
        }
        // The name is durable once its folder is; a lost name only means another certificate after a power cut.
        let parent = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        let folder = open(parent, O_RDONLY | O_CLOEXEC)
        if folder >= 0 {
            fsync(folder)
            close(folder)
        }
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    private static var systemError: String { String(cString: strerror(errno)) }
}
