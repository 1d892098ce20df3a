import Glibc
import MailNames
import NIOCore
import NIOPosix

/// Where a service listens: an address that it binds, or sockets that somebody bound for it.
public enum ListeningPoint: Sendable, Hashable {
    case address(String, port: Int)
    /// A Unix socket that every program of the machine may connect to; one that a server before left there is replaced.
    case path(String)
    /// Descriptors of one address: from systemd, or bound while the process was root. Whoever listens on them owns them
    /// from then on.
    case sockets([CInt])
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
        case .path(let path): "\(service) cannot listen on \(path): \(underlying)"
        case .sockets(let descriptors):
            "\(service) cannot listen on the inherited socket \(descriptors.first ?? -1): \(underlying)"
        }
    }
}

extension ListeningPoint {
    /// Listens on an address with one socket a loop, so that no connection has to be handed from one thread to another. A
    /// single inherited socket's connections go to the loops in turn.
    ///
    /// - Parameter configure: what the service wants of its connections.
    /// - Returns: the listening channels; all have the same address.
    /// - Throws: `ListeningError`; then no socket is open.
    public func listen(
        for service: String,
        on group: any EventLoopGroup,
        _ configure: (ServerBootstrap) -> ServerBootstrap
    ) async throws(ListeningError) -> [any Channel] {
        let loops = Array(group.makeIterator())
        guard case .sockets(let descriptors) = try bound(for: service, count: loops.count) else { return [] }
        var channels: [any Channel] = []
        do {
            for (index, descriptor) in descriptors.enumerated() {
                // NIO takes a descriptor that is none for a mistake in the program, and ends it.
                guard fcntl(descriptor, F_GETFD) != -1 else { throw SystemFailure(number: errno) }
                let loop = loops[index % loops.count]
                let bootstrap = ServerBootstrap(group: loop, childGroup: descriptors.count < loops.count ? group : loop)
                    // Bursts of connections wait here instead of being lost for seconds.
                    .serverChannelOption(.backlog, value: 4096)
                    .serverChannelOption(.maxMessagesPerRead, value: 16)
                channels.append(try await configure(bootstrap).withBoundSocket(descriptor).get())
            }
        } catch {
            for channel in channels { try? await channel.close() }
            // NIO has closed the one that failed.
            for descriptor in descriptors.dropFirst(channels.count + 1) { _ = close(descriptor) }
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
