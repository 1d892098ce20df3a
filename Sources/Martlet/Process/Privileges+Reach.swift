import Glibc

extension Privileges {
    /// Whether a user, with no group but its own, may read a file, by the modes of the file and of the folders above it.
    /// Lists of access rights beyond the modes are not seen.
    public static func canRead(_ path: String, as user: String) throws -> Bool {
        let (uid, gid) = try identity(of: user)
        guard let resolved = realpath(path, nil) else { return false }
        defer { free(resolved) }
        let whole = String(cString: resolved)
        var folder = ""
        for name in whole.split(separator: "/").dropLast() {
            folder += "/" + name
            guard allows(folder, uid, gid, 0o1) else { return false }
        }
        return allows(whole, uid, gid, 0o4)
    }

    /// - Parameter wanted: 4 to read, 1 to pass through a folder.
    private static func allows(_ path: String, _ user: uid_t, _ group: gid_t, _ wanted: mode_t) -> Bool {
        var status = stat()
        guard stat(path, &status) == 0 else { return false }
        if user == 0 { return true }
        // One class decides: an owner without a right does not get it as one of the others.
        let shift: mode_t = status.st_uid == user ? 6 : (status.st_gid == group ? 3 : 0)
        return status.st_mode >> shift & wanted != 0
    }
}
