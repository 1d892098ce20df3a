import NIOSSL

extension TLSConfiguration {
    /// A client that encrypts with whoever is there: RFC 7435. The certificate is not looked at, for a mail host's is
    /// often not for its name, and the other choice is clear text.
    public static func martletOpportunisticClient() -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.certificateVerification = .none
        return configuration
    }

    /// A client that talks only to the host it means: chain and host name are verified (RFC 9525).
    ///
    /// - Parameter trustRoots: the system's, or a file of certificates in PEM for a private authority.
    public static func martletVerifyingClient(trustRoots: NIOSSLTrustRoots = .default) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.cipherSuiteValues = Self.forwardSecret
        configuration.trustRoots = trustRoots
        return configuration
    }
}
