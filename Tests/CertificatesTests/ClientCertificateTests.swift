import Certificates
import NIOSSL
import Testing

@Suite("Whom a client certificate names, RFC 5280 section 4.2.1.6") struct ClientCertificateTests {
    private static func addresses(_ pem: String) throws -> [String] {
        ClientCertificate.addresses(of: try NIOSSLCertificate(bytes: Array(pem.utf8), format: .pem))
    }

    @Test func `the alternative names count, and the subject only without them`() throws {
        let subject = """
            -----BEGIN CERTIFICATE-----
            MIIBsjCCAVmgAwIBAgIUDsyBS8PS9G2H1LXtSBkkT6vU8ZkwCgYIKoZIzj0EAwIw
            LzEMMAoGA1UEAwwDYm9iMR8wHQYJKoZIhvcNAQkBFhBib2JAZXhhbXBsZS50ZXN0
            MB4XDTI2MTEyNzE3MjE1N1oXDTM2MTEyNDE3MjE1N1owLzEMMAoGA1UEAwwDYm9i
            MR8wHQYJKoZIhvcNAQkBFhBib2JAZXhhbXBsZS50ZXN0MFkwEwYHKoZIzj0CAQYI
            KoZIzj0DAQcDQgAE7oOL3QL2Z49JVjc6Qa8CYGruy3n5gFSpb3m5+jfrDXl7vAq7
            zhyx1AtyMap1m83WM9b51KKjdX6ANDc52QeH16NTMFEwHQYDVR0OBBYEFCceQXTA
            +m5oCSYM4DrAyeQZGSFuMB8GA1UdIwQYMBaAFCceQXTA+m5oCSYM4DrAyeQZGSFu
            MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIgGESayoKwtP3uhyq3
            pxxCoqRW5SzEGsiseuHf7f8SjW8CIAdswRGbSbNigDqkNbS+v9CT7pS5jQcX3PEt
            Jw1o66oa
            -----END CERTIFICATE-----
            """
        let names = """
            -----BEGIN CERTIFICATE-----
            MIIB9DCCAZqgAwIBAgIUA23j2yMc9atSdJ2WQtGmltWlBUswCgYIKoZIzj0EAwIw
            LzEMMAoGA1UEAwwDYm9iMR8wHQYJKoZIhvcNAQkBFhBvbGRAZXhhbXBsZS50ZXN0
            MB4XDTI2MTEyNzE3MjE1N1oXDTM2MTEyNDE3MjE1N1owLzEMMAoGA1UEAwwDYm9i
            MR8wHQYJKoZIhvcNAQkBFhBvbGRAZXhhbXBsZS50ZXN0MFkwEwYHKoZIzj0CAQYI
            KoZIzj0DAQcDQgAEyApmZKxyQlTkC0JgxCo/rttG6jig7DkqXnH7DuNqd/GNScLU
            cf8oeW8QvuaWn5IqvPl5Teb1oGJ6RtsMVJ1L4qOBkzCBkDAdBgNVHQ4EFgQU+XKj
            SjXJmfFW36ZLH2VC2eR3938wHwYDVR0jBBgwFoAU+XKjSjXJmfFW36ZLH2VC2eR3
            938wDwYDVR0TAQH/BAUwAwEB/zA9BgNVHREENjA0gRBib2JAZXhhbXBsZS50ZXN0
            ggtib2IuZXhhbXBsZYETcm9iZXJ0QGV4YW1wbGUudGVzdDAKBggqhkjOPQQDAgNI
            ADBFAiA4SsbxBi97bWsH+TNnex+DcGVo5jyPB/EAKYdwuOnHLAIhANQB+ffde7bE
            ha/BmV8uF+EKBd9Dm8Q0TF5DkUxaMhUN
            -----END CERTIFICATE-----
            """
        #expect(try Self.addresses(subject) == ["bob@example.test"])
        #expect(try Self.addresses(names) == ["bob@example.test", "robert@example.test"])
    }
}
