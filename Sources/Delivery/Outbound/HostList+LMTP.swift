import DeliveryScheduler
import MailNames
import NIOCore

extension HostList.Host {
    /// A mail system that takes LMTP.
    init(_ server: LMTPServer) {
        switch server {
        case .host(let host, let port): self.init(host: host, port: port, speaksLMTP: true)
        case .path(let path):
            // In traces and limits a Unix socket stands for this machine.
            let address = IPAddress(v4: 127, 0, 0, 1)
            self.init(host: .literal(AddressLiteral(address)), port: 0, speaksLMTP: true, path: path)
        }
    }

    /// Where to connect for one of its addresses.
    func socketAddress(_ address: IPAddress) throws -> SocketAddress {
        if let path { return try SocketAddress(unixDomainSocketPath: path) }
        return try SocketAddress(ipAddress: address.description, port: port)
    }
}
