import Glibc
import MailBytes
import MailNames
import NIOCore
import SMTPProtocol

/// Appends messages to a file in the form of an mbox: RFC 4155, with every line that begins like a separator quoted by one
/// more `>`, which can be undone.
///
/// A message is on stable storage when it counts as delivered. A crash in between may leave a part of it, or all of it before
/// that was noted: the message is appended again then, behind an empty line.
enum MailboxFile {
    /// Discards what is written, as everybody expects of it, without being allowed.
    static let discarding = "/dev/null"

    static func append(_ message: OutletMessage, to path: String, _ options: OutletOptions) -> LocalOutcome {
        if path == discarding { return .written(mailbox: path) }
        let resolved: String
        switch allowed(path, options.folders) {
        case .success(let found): resolved = found
        case .failure(let failure): return .failed(failure)
        }
        let file = open(resolved, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o600)
        guard file >= 0 else { return trouble("cannot be opened") }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { return trouble("cannot be looked at") }
        // A second name may be a trap that leads to a file which only we may write.
        guard status.st_mode & S_IFMT == S_IFREG, status.st_nlink == 1 else {
            return .failed(denied("it is no file of its own"))
        }
        guard lock(file, options.lockTimeout) else { return trouble("is locked by another program") }
        guard fstat(file, &status) == 0 else { return trouble("cannot be looked at") }
        let before = status.st_size
        do {
            try write(message, to: file, before: before)
            return .written(mailbox: path)
        } catch {
            let reason = String(cString: strerror(error.number))
            // What is there of it would be a message cut short.
            _ = ftruncate(file, before)
            return .failed(DeliveryFailure(.systemTrouble, "The alias's file cannot be written to: \(reason)"))
        }
    }

    /// The path with all links of its folder resolved, when that lies in one of the folders.
    private static func allowed(_ path: String, _ folders: [String]) -> Result<String, DeliveryFailure> {
        guard let slash = path.lastIndex(of: "/") else { return .failure(denied("its path is not absolute")) }
        let name = path[path.index(after: slash)...]
        guard !name.isEmpty, name != ".", name != ".." else { return .failure(denied("its path names none")) }
        guard !folders.isEmpty else { return .failure(denied("delivery.alias-files allows no files")) }
        guard let folder = realFolder(String(path[...slash])) else {
            return .failure(DeliveryFailure(.systemTrouble, "The folder of the alias's file is not there"))
        }
        for candidate in folders {
            guard let real = realFolder(candidate) else { continue }
            if folder == real || folder.hasPrefix(real == "/" ? real : real + "/") {
                return .success((folder == "/" ? "" : folder) + "/" + name)
            }
        }
        return .failure(denied("it is in no folder of delivery.alias-files"))
    }

    private static func realFolder(_ path: String) -> String? {
        guard let found = realpath(path, nil) else { return nil }
        defer { free(found) }
        return String(cString: found)
    }

    /// The text goes to the sender too, and names no path.
    private static func denied(_ reason: String) -> DeliveryFailure {
        DeliveryFailure(EnhancedStatus(5, 7, 1), "The alias leads to a file that is not allowed: \(reason)")
    }

    private static func trouble(_ what: String) -> LocalOutcome {
        let reason = String(cString: strerror(errno))
        return .failed(DeliveryFailure(.systemTrouble, "The alias's file \(what): \(reason)"))
    }

    /// A lock that other programs' fcntl locks, and those of our other threads, exclude.
    private static func lock(_ file: CInt, _ patience: Duration) -> Bool {
        let pause: Duration = .milliseconds(50)
        var waited = Duration.zero
        while true {
            var lock = flock(l_type: CShort(F_WRLCK), l_whence: CShort(SEEK_SET), l_start: 0, l_len: 0, l_pid: 0)
            if fcntl(file, openFileLock, &lock) == 0 { return true }
            guard errno == EAGAIN || errno == EACCES || errno == EINTR, waited < patience else { return false }
            usleep(50_000)
            waited += pause
        }
    }

    /// F_OFD_SETLK, which belongs to the open file and not to the process.
    private static let openFileLock: CInt = 37

    private struct WriteError: Error {
        let number: CInt
    }

    private static func write(_ message: OutletMessage, to file: CInt, before: off_t) throws(WriteError) {
        var ending: [UInt8] = [.lineFeed, .lineFeed]
        if before >= 2 {
            var tail: [UInt8] = [0, 0]
            guard pread(file, &tail, 2, before - 2) == 2 else { throw WriteError(number: errno) }
            ending = tail
        } else if before == 1 {
            ending = [.lineFeed, 0]
        }
        var front: [UInt8] = []
        // What somebody left without its end must not swallow this message.
        if ending[1] != .lineFeed { front.append(.lineFeed) }
        if ending != [.lineFeed, .lineFeed] { front.append(.lineFeed) }
        let sender = message.reversePath.address?.description ?? "MAILER-DAEMON"
        front += Array("From \(sender.replacingSpaces) \(message.received.mailboxDate)\n".utf8)
        var quoting = SeparatorQuoting()
        do {
            try put(ByteBuffer(bytes: front), file)
            try message.forEachPiece { piece in try put(quoting.quote(piece), file) }
            try put(ByteBuffer(bytes: quoting.end()), file)
        } catch let error as WriteError {
            throw error
        } catch {
            throw WriteError(number: EIO)
        }
        guard fsync(file) == 0 else { throw WriteError(number: errno) }
    }

    private static func put(_ buffer: ByteBuffer, _ file: CInt) throws {
        try buffer.withUnsafeReadableBytes { octets in
            var written = 0
            while written < octets.count {
                let count = Glibc.write(file, octets.baseAddress.map { $0 + written }, octets.count - written)
                if count < 0 {
                    if errno == EINTR { continue }
                    throw WriteError(number: errno)
                }
                written += count
            }
        }
    }
}

/// Puts a `>` in front of lines that begin with any number of them and `From `.
struct SeparatorQuoting {
    private(set) var isAtLineStart = true
    /// What may become such a line, kept until that is decided. Bounded by what is handed in.
    private var held: [UInt8] = []
    private static let separator: [UInt8] = Array("From ".utf8)

    mutating func quote(_ piece: ByteBuffer) -> ByteBuffer {
        var quoted = ByteBuffer()
        quoted.reserveCapacity(piece.readableBytes + held.count + 16)
        piece.withUnsafeReadableBytes { octets in
            for octet in octets { take(octet, &quoted) }
        }
        return quoted
    }

    private mutating func take(_ octet: UInt8, _ quoted: inout ByteBuffer) {
        guard isAtLineStart else {
            quoted.writeInteger(octet)
            isAtLineStart = octet == .lineFeed
            return
        }
        held.append(octet)
        let marks = held.prefix { $0 == .greater }.count
        let rest = held.count - marks
        if rest <= Self.separator.count, held[marks...].elementsEqual(Self.separator.prefix(rest)),
            held.count <= Self.heldLimit
        {
            guard rest == Self.separator.count else { return }
            quoted.writeInteger(UInt8.greater)
        }
        quoted.writeBytes(held)
        isAtLineStart = held.last == .lineFeed
        held.removeAll(keepingCapacity: true)
    }

    /// A longer row of marks is no quoted separator that anybody wrote.
    private static let heldLimit = 80

    /// What is still held when the message ends, the end of its last line, and the empty line behind it.
    mutating func end() -> [UInt8] {
        let isWhole = isAtLineStart && held.isEmpty
        defer { (held, isAtLineStart) = ([], true) }
        return held + (isWhole ? [.lineFeed] : [.lineFeed, .lineFeed])
    }
}

extension String {
    /// An address for the separator line, whose fields are parted by spaces.
    fileprivate var replacingSpaces: String {
        String(decoding: utf8.map { $0 == .space ? UInt8(ascii: "_") : $0 }, as: UTF8.self)
    }
}

extension Timestamp {
    /// `Thu Jan  1 00:00:00 2026`, in universal time: RFC 4155 appendix A.
    fileprivate var mailboxDate: String {
        let date = CivilDate(self)
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        func two(_ number: Int, _ fill: String = "0") -> String { (number < 10 ? fill : "") + String(number) }
        let time = "\(two(date.hour)):\(two(date.minute)):\(two(date.second))"
        return "\(days[date.weekday]) \(months[date.month - 1]) \(two(date.day, " ")) \(time) \(date.year)"
    }
}
