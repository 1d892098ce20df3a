import Glibc

/// Tells systemd how the service is, as sd_notify(3) describes: one datagram to the socket that `NOTIFY_SOCKET` names.
public enum Readiness {
    case ready
    case reloading(monotonicMicroseconds: UInt64)
    case stopping

    private var message: String {
        switch self {
        case .ready: "READY=1"
        case .reloading(let microseconds): "RELOADING=1\nMONOTONIC_USEC=\(microseconds)"
        case .stopping: "STOPPING=1"
        }
    }

    /// Sends it; does nothing where nobody asked to be told.
    public func tell() {
        guard let name = getenv("NOTIFY_SOCKET").map({ String(cString: $0) }), !name.isEmpty else { return }
        var bytes = Array(name.utf8)
        // A leading @ stands for the NUL of an abstract name.
        if bytes.first == UInt8(ascii: "@") { bytes[0] = 0 }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = MemoryLayout<sa_family_t>.size + bytes.count
        let socket = Glibc.socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { return }
        defer { close(socket) }
        let text = Array(message.utf8)
        _ = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(socket, text, text.count, CInt(MSG_NOSIGNAL), $0, socklen_t(length))
            }
        }
    }

    /// The clock of `MONOTONIC_USEC`.
    public static func monotonicMicroseconds() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000 + UInt64(time.tv_nsec) / 1000
    }
}

/// Listening sockets handed over by systemd: sd_listen_fds(3).
public struct InheritedSockets: Sendable {
    /// Descriptors by the names of `LISTEN_FDNAMES`, in order.
    public let named: [(name: String, descriptor: CInt)]

    /// The sockets meant for this process; none when there are none.
    public static func take() -> InheritedSockets {
        let value = { (name: String) in getenv(name).map { String(cString: $0) } }
        guard value("LISTEN_PID").flatMap({ pid_t($0) }) == getpid(),
            let count = value("LISTEN_FDS").flatMap({ Int($0) }),
            (0...64).contains(count)
        else { return InheritedSockets(named: []) }
        let names =
            value("LISTEN_FDNAMES")?.split(separator: ":", omittingEmptySubsequences: false).map(String.init) ?? []
        let sockets = (0..<count).map { index in
            let descriptor = CInt(3 + index)
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            return (index < names.count ? names[index] : "", descriptor)
        }
        for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] { unsetenv(name) }
        return InheritedSockets(named: sockets)
    }
}
