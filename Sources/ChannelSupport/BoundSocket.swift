import Glibc

extension ListeningPoint {
    /// Binds an address without listening yet: as root, for a process that listens when it is root no more.
    ///
    /// - Returns: a socket as it is, or a new one that is bound to the address.
    /// - Throws: `ListeningError`.
    public func bound(for service: String) throws(ListeningError) -> ListeningPoint {
        guard case .address(let host, let port) = self else { return self }
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST | AI_PASSIVE
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &found) == 0, let info = found?.pointee else {
            throw ListeningError(service: service, point: self, underlying: SystemFailure(number: EINVAL))
        }
        defer { freeaddrinfo(found) }
        let descriptor = Glibc.socket(info.ai_family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var on: CInt = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<CInt>.size))
        if info.ai_family == AF_INET6 {
            // `::` stands for every address of the machine, of both kinds.
            on = host == "::" ? 0 : 1
            setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &on, socklen_t(MemoryLayout<CInt>.size))
        }
        guard descriptor >= 0, Glibc.bind(descriptor, info.ai_addr, info.ai_addrlen) == 0 else {
            let number = errno
            close(descriptor)
            throw ListeningError(service: service, point: self, underlying: SystemFailure(number: number))
        }
        return .socket(descriptor)
    }
}

/// A system call that failed.
struct SystemFailure: Error, CustomStringConvertible {
    let number: CInt

    var description: String { String(cString: strerror(number)) }
}
