import NIOSSL

/// A certificate for localhost and 127.0.0.1 until 2126, and its key; good for tests and for nothing else.
enum TestIdentity {
    static func serverContext() throws -> NIOSSLContext {
        let chain = try NIOSSLCertificate.fromPEMBytes(Array(self.certificate.utf8))
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(self.key.utf8), format: .pem))
        )
        configuration.minimumTLSVersion = .tlsv12
        return try NIOSSLContext(configuration: configuration)
    }

    static func clientContext() throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(self.certificate.utf8)))
        return try NIOSSLContext(configuration: configuration)
    }

    private static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBmzCCAUGgAwIBAgIUJjQx0++gMftwf7TcFLdYCG3773owCgYIKoZIzj0EAwIw
        FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzE5NTgzMloYDzIxMjYxMDMw
        MTk1ODMyWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
        PQMBBwNCAATYIbrwQhH0f+wt/iJsddiNt7WPFOZu8vx2dGsI+eVLCFKz1q3ukpw7
        thpepz1ODVyxm3RTNFz/xA8SRhXkhtqno28wbTAdBgNVHQ4EFgQUoiMF+NkqV5Jd
        1/hpQ7PlqBxEL68wHwYDVR0jBBgwFoAUoiMF+NkqV5Jd1/hpQ7PlqBxEL68wDwYD
        VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
        zj0EAwIDSAAwRQIgCSCTU+GnU85DGCKfHu7aUviJ0XKteYI6SOwXO7KJ3b8CIQDV
        q+wTUsXZkRhi1Ncb3VtLF1Usy4Z2oEtzK/eP1FKTmA==
        -----END CERTIFICATE-----
        """

    private static let key = """
        -----BEGIN EC PRIVATE KEY-----
        MHcCAQEEILEsLVz9xZpxRhwcTpaWhVt6paHoNjb297i1V4mlKQj6oAoGCCqGSM49
        AwEHoUQDQgAE2CG68EIR9H/sLf4ibHXYjbe1jxTmbvL8dnRrCPnlSwhSs9at7pKc
        O7YaXqc9Tg1csZt0UzRc/8QPEkYV5Ibapw==
        -----END EC PRIVATE KEY-----
        """
}
