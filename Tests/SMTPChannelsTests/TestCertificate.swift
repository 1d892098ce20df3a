import NIOSSL

/// A key and a certificate for `localhost`, made for tests and good for nothing else.
enum TestCertificate {
    static let pem = """
        -----BEGIN CERTIFICATE-----
        MIIBoTCCAUegAwIBAgIUWptRAo0aFiQASI7CLMKJ3Tn44xkwCgYIKoZIzj0EAwIw
        FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzIwNDE0M1oYDzIxMjYxMDMw
        MjA0MTQzWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
        PQMBBwNCAARouhOHVP8Kta8uE1SfXzqsQusiKdGlHdFs1xHy5EAdwEonrsuPxaD+
        /mZE2cRKgsnjnJpbRS+/Yu+m2sXfRdcgo3UwczAdBgNVHQ4EFgQUn2QxH/aSkLxa
        IbjbgY9tkRqrFZwwHwYDVR0jBBgwFoAUn2QxH/aSkLxaIbjbgY9tkRqrFZwwDwYD
        VR0TAQH/BAUwAwEB/zAgBgNVHREEGTAXgglsb2NhbGhvc3SCCnNtYXJ0LnRlc3Qw
        CgYIKoZIzj0EAwIDSAAwRQIhALGXMNXtEi+H/NGFUO9p0rEa1npS3htpxo2YBdJH
        o/+pAiALXDThQJFTckQpAxNvBRLrJu0IwjZRcL2mOXHxUktUzA==
        -----END CERTIFICATE-----
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgNh5c1/tpjVHXTXdk
        AwVoX1RQHQL6IChTTWACzH1HPUWhRANCAARouhOHVP8Kta8uE1SfXzqsQusiKdGl
        HdFs1xHy5EAdwEonrsuPxaD+/mZE2cRKgsnjnJpbRS+/Yu+m2sXfRdcg
        -----END PRIVATE KEY-----
        """

    static func certificate() throws -> NIOSSLCertificate {
        guard let first = try NIOSSLCertificate.fromPEMBytes(Array(pem.utf8)).first else { throw Missing() }
        return first
    }

    /// The server's side of TLS.
    static func serverContext() throws -> NIOSSLContext {
        let key = try NIOSSLPrivateKey(bytes: Array(pem.utf8), format: .pem)
        let configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: [.certificate(try certificate())],
            privateKey: .privateKey(key)
        )
        return try NIOSSLContext(configuration: configuration)
    }

    private struct Missing: Error {}
}
