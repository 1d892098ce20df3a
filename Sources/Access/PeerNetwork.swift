import MailNames
import NIOCore

/// What connections are counted by: an IPv4 address, or the /64 that one IPv6 customer has.
struct PeerNetwork: Hashable {
    /// `nil` for a Unix socket.
    private let prefix: IPAddress?
    /// 127.0.0.0/8, ::1, or a Unix socket.
    let isLoopback: Bool

    init(_ address: SocketAddress?) {
        let peer = address?.ipAddress.flatMap { IPAddress($0) }
        self.prefix = peer.map { $0.isIPv4 ? $0 : $0.prefix(64) }
        // An address that cannot be read is trusted with nothing.
        self.isLoopback = peer?.isLoopback ?? (address?.pathname != nil)
    }
}
