import Glibc
import MailNames
import NIOCore
import NIOPosix

/// Where a service listens: an address that it binds, or a socket that somebody bound for it.
public enum ListeningPoint: Sendable, Hashable {
    case address(String, port: Int)
    /// A descriptor from systemd, or bound while the process was root. Whoever listens on it owns it from then on.
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

extension ListeningPoint {
    /// Listens, on every loop of a group: each takes connections as it has time, and serves those that it took. So none
    /// has to be handed from one thread to another.
    ///
    /// - Parameters:
    ///   - configure: what the service wants of its connections.
    /// - Returns: the listening channels, one a loop; all have the same address.
    /// - Throws: `ListeningError`.
    public func listen(
        for service: String,
        on group: any EventLoopGroup,
        _ configure: (ServerBootstrap) -> ServerBootstrap
    ) async throws(ListeningError) -> [any Channel] {
        guard case .socket(let descriptor) = try bound(for: service) else { return [] }
        var channels: [any Channel] = []
        defer { _ = close(descriptor) }
        do {
            for loop in group.makeIterator() {
                let own = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
                guard own >= 0 else { throw SystemFailure(number: errno) }
                let bootstrap = ServerBootstrap(group: loop)
                    // Bursts of connections wait here instead of being lost for seconds.
                    .serverChannelOption(.backlog, value: 4096)
                    .serverChannelOption(.maxMessagesPerRead, value: 16)
                channels.append(try await configure(bootstrap).withBoundSocket(own).get())
            }
        } catch {
            for channel in channels { try? await channel.close() }
            throw ListeningError(service: service, point: self, underlying: error)
        }
        return channels
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
