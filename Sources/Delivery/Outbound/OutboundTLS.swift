import ChannelSupport
import MailNames
import NIOSSL

/// The TLS contexts of outbound connections: one that checks certificates and one that takes any.
struct OutboundTLS: Sendable {
    private let verifying: NIOSSLContext
    private let accepting: NIOSSLContext
    /// What both tell their secrets to.
    let secrets = ExporterSecrets()

    /// Makes both.
    ///
    /// - Parameter trusted: certificates that are trusted instead of the system's.
    init(trusted: [NIOSSLCertificate]? = nil) throws {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        secrets.listen(to: &configuration)
        if let trusted { configuration.trustRoots = .certificates(trusted) }
        self.verifying = try NIOSSLContext(configuration: configuration)
        // Opportunistic TLS is against listeners only: whatever certificate there is, it is better than none (RFC 7435).
        configuration.certificateVerification = .none
        self.accepting = try NIOSSLContext(configuration: configuration)
    }

    /// Makes the handler of a connection.
    func handler(for host: MailHost, verifies: Bool) -> @Sendable () throws -> NIOSSLClientHandler {
        let context = verifies ? verifying : accepting
        // An address is no server name: RFC 6066 section 3.
        let name: String? = if case .domain(let domain) = host { domain.ascii } else { nil }
        return { try NIOSSLClientHandler(context: context, serverHostname: name) }
    }
}
