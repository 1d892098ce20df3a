import Glibc
import MailNames
import NIOCore
import NIOPosix

/// Where a service listens: an address that it binds, or a socket that somebody bound for it.
public enum ListeningPoint: Sendable, Hashable {
    case address(String, port: Int)
    /// A descriptor from systemd, or bound while the process was root.
    case socket(CInt)
}

/// A socket that could not be listened on.
public struct ListeningError: Error, CustomStringConvertible {
    public let service: String
    public let point: ListeningPoint
    public let underlying: any Error

    public init(service: String, point: ListeningPoint, underlying: any Error) {
        self.service = service
        self.point = point
        self.underlying = underlying
    }

    /// One sentence an operator can act on.
    public var description: String {
        switch point {
        case .address(let host, let port): "\(service) cannot listen on \(host) port \(port): \(underlying)"
        case .socket(let descriptor): "\(service) cannot listen on the inherited socket \(descriptor): \(underlying)"
        }
    }
}

extension ServerBootstrap {
    /// Binds or takes over a listening socket.
    ///
    /// - Throws: `ListeningError`.
    public func listen(on point: ListeningPoint, for service: String) async throws -> any Channel {
        do {
            switch point {
            case .address(let host, let port): return try await bind(host: host, port: port).get()
            case .socket(let descriptor):
                // NIO takes a descriptor that is none for a mistake in the program, and ends it.
                guard fcntl(descriptor, F_GETFD) != -1 else { throw IOError(errnoCode: errno, reason: "fcntl") }
                return try await withBoundSocket(descriptor).get()
            }
        } catch {
            throw ListeningError(service: service, point: point, underlying: error)
        }
    }
}

extension SocketAddress {
    /// 127.0.0.0/8, ::1, or a Unix socket. An address that cannot be read is none.
    public var isLoopback: Bool { mailAddress?.isLoopback ?? (pathname != nil) }

    /// The peer's address without its port.
    public var mailAddress: IPAddress? {
        switch self {
        case .v4(let address):
            withUnsafeBytes(of: address.address.sin_addr.s_addr) { IPAddress(bytes: Array($0)) }
        case .v6(let address):
            withUnsafeBytes(of: address.address.sin6_addr) { IPAddress(bytes: Array($0)) }
        case .unixDomainSocket: nil
        }
    }
}
