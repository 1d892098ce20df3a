import Glibc

/// Makes a database file that its owner alone can read, before SQLite makes one by the umask.
enum PrivateDatabaseFile {
    static func make(_ path: String) {
        let file = open(path, O_CREAT | O_CLOEXEC | O_RDWR, 0o600)
        // A failure shows when SQLite opens the path, with its own words.
        if file >= 0 { close(file) }
    }
}
