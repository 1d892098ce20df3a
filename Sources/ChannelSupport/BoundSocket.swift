import Glibc

extension ListeningPoint {
    /// Binds an address without listening yet: as root, for a process that listens when it is root no more.
    ///
    /// - Parameter count: sockets on the address; the system spreads connections over those that are listened on.
    /// - Returns: sockets as they are, or new ones that are bound to the address.
    /// - Throws: `ListeningError`.
    public func bound(for service: String, count: Int) throws(ListeningError) -> ListeningPoint {
        if case .path(let path) = self {
            do {
                return .sockets([try BoundSocket(path: path).descriptor])
            } catch {
                throw ListeningError(service: service, point: self, underlying: error)
            }
        }
        guard case .address(let host, let port) = self else { return self }
        var descriptors: [CInt] = []
        do {
            // A port that sockets may share can be taken by a second server unnoticed; so it is tried unshared first.
            if port != 0 { _ = close(try BoundSocket(host: host, port: port, isShared: false).descriptor) }
            let first = try BoundSocket(host: host, port: port, isShared: true)
            descriptors.append(first.descriptor)
            while descriptors.count < count {
                descriptors.append(try BoundSocket(host: host, port: first.port, isShared: true).descriptor)
            }
        } catch {
            for descriptor in descriptors { _ = close(descriptor) }
            throw ListeningError(service: service, point: self, underlying: error)
        }
        return .sockets(descriptors)
    }
}

/// A stream socket with an address of its own.
private struct BoundSocket {
    let descriptor: CInt

    /// - Parameter isShared: whether others may be bound to the same address.
    init(host: String, port: Int, isShared: Bool) throws(SystemFailure) {
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST | AI_PASSIVE
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &found) == 0, let info = found?.pointee else {
            throw SystemFailure(number: EINVAL)
        }
        defer { freeaddrinfo(found) }
        descriptor = socket(info.ai_family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw SystemFailure(number: errno) }
        set(SOL_SOCKET, SO_REUSEADDR, to: 1)
        if isShared { set(SOL_SOCKET, SO_REUSEPORT, to: 1) }
        // `::` stands for every address of the machine, of both kinds.
        if info.ai_family == AF_INET6 { set(Int32(IPPROTO_IPV6), IPV6_V6ONLY, to: host == "::" ? 0 : 1) }
        guard bind(descriptor, info.ai_addr, info.ai_addrlen) == 0 else {
            let failure = SystemFailure(number: errno)
            _ = close(descriptor)
            throw failure
        }
    }

    /// A Unix socket. What lies at the path is removed where nobody answers there.
    init(path: String) throws(SystemFailure) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw SystemFailure(number: ENAMETOOLONG)
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw SystemFailure(number: errno) }
        if Self.call(connect, descriptor, &address) == 0 {
            _ = close(descriptor)
            throw SystemFailure(number: EADDRINUSE)
        }
        var status = stat()
        if lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK { unlink(path) }
        guard Self.call(bind, descriptor, &address) == 0, chmod(path, 0o666) == 0 else {
            let failure = SystemFailure(number: errno)
            _ = close(descriptor)
            throw failure
        }
    }

    private static func call(
        _ function: (CInt, UnsafePointer<sockaddr>?, socklen_t) -> CInt,
        _ descriptor: CInt,
        _ address: inout sockaddr_un
    ) -> CInt {
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                function(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    private func set(_ level: CInt, _ option: CInt, to value: CInt) {
        var value = value
        setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<CInt>.size))
    }

    /// The port that it has, also where the system chose.
    var port: Int {
        var address = sockaddr_in6()
        var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            _ = pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        // It is at the same place in both kinds of address.
        return Int(UInt16(bigEndian: address.sin6_port))
    }
}

/// A system call that failed.
struct SystemFailure: Error, CustomStringConvertible {
    let number: CInt

    var description: String { String(cString: strerror(number)) }
}
