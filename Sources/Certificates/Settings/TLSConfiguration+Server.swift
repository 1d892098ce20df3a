import NIOSSL

extension TLSConfiguration {
    /// Cipher suites of TLS 1.2 with forward secrecy and authenticated encryption: RFC 9325 section 4.2. Those of TLS
    /// 1.3 are all good and not configurable.
    static let forwardSecret: [NIOTLSCipher] = [
        .TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        .TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        .TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        .TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        .TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        .TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ]

    /// A server with this identity: TLS 1.2 and 1.3 (RFC 8996), no client certificates yet.
    public static func martletServer(_ identity: TLSIdentity) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: identity.chain.map { .certificate($0) },
            privateKey: .privateKey(identity.key)
        )
        configuration.minimumTLSVersion = .tlsv12
        configuration.cipherSuiteValues = Self.forwardSecret
        // A peer that does not answer close_notify is not waited for longer than this.
        configuration.shutdownTimeout = .seconds(2)
        return configuration
    }

    /// Asks clients for a certificate of these authorities. Who has none is let in without; one that is of somebody else
    /// ends the handshake.
    mutating func askForClientCertificates(of authorities: String) {
        self.certificateVerification = .optionalVerification
        self.trustRoots = .file(authorities)
        self.sendCANameList = true
    }
}
