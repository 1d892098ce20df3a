import MailBytes
import SASL
import Testing

@testable import ChannelSupport

@Suite("tls-server-end-point, RFC 5929 section 4.1") struct CertificateHashTests {
    /// Self-signed certificates, and what `openssl dgst` says of them.
    private static let certificates: [(String, String?)] = [
        (
            """
            MIIBbTCCAROgAwIBAgIUQZij2FecyestlIg7KGbuvBD+G3QwCgYIKoZIzj0EAwIwDDEKMAgGA1UEAwwBeDAeFw0yNjExMjcxNzIx\
            NTZaFw0yNjEyMjcxNzIxNTZaMAwxCjAIBgNVBAMMAXgwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARwqa4WH83+pErus0+lKI6X\
            HIvjHtsXgPmBcgj/dg1n1B3lyQuuEYewMEMFSo71wfb6Rfnoe/YYwOvIZzb9Z1Gho1MwUTAdBgNVHQ4EFgQUiuErSYh2ErqkY/ti\
            jrwLJ05qa4YwHwYDVR0jBBgwFoAUiuErSYh2ErqkY/tijrwLJ05qa4YwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBF\
            AiEAyrabpYJYX838orewwDKelp6VoP+mk7ik4upVLLwy2OACIFaslYV8ZNz9nhfCnGAD9iAIyzefAIB5P7iAO1ASRpZt
            """, "ZyGozzQyaFrpDndNquow4nMUvvbCtjEiqzq8LSuKnSM="
        ),
        (
            """
            MIIBbDCCAROgAwIBAgIUcYqhl9HlyJWamqd/J5gBWBGMxWwwCgYIKoZIzj0EAwMwDDEKMAgGA1UEAwwBeDAeFw0yNjExMjcxNzIx\
            NTZaFw0yNjEyMjcxNzIxNTZaMAwxCjAIBgNVBAMMAXgwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARou1g4ic+ZBMCPSTe+qp4e\
            ap71epd7Y8zK8KM9BIUPFf4S3QR2A0KCksdekOjyvuE+ppjFNO6QiFHyiSh04ik+o1MwUTAdBgNVHQ4EFgQUw2OniU6QS5n1BqI5\
            El8/xJq4C7EwHwYDVR0jBBgwFoAUw2OniU6QS5n1BqI5El8/xJq4C7EwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAwNHADBE\
            AiAa0ChB8Cio0PzEe3YuRDynp+FvJ4RjFAcOMnqxtN3JRQIgbBkIT9W+HeHSUWANm7O68nqcds1327nlhFoOJ6AjWbg=
            """, "CCYq7NU8Isw5fjhVEXV3ED0L/9JhEcwhkcOnHpHPo9I5ry0gX3XuHjAsPx+9kdqU"
        ),
        (
            """
            MIIBbDCCARKgAwIBAgIUO96iEyoTio6+pZtKvInjDCZx8KYwCQYHKoZIzj0EATAMMQowCAYDVQQDDAF4MB4XDTI2MTEyNzE3MjE1\
            N1oXDTI2MTIyNzE3MjE1N1owDDEKMAgGA1UEAwwBeDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNHIrhDB03cyefWGgs4hgvBu\
            a6NH7Lq5O4VFVlqevqn5V6CkMHPvBOmeHijuQh1yUa+J22arPOGnSG31Vr3j6TijUzBRMB0GA1UdDgQWBBSsy23MBMrbxZ9BLJfS\
            Kqsyoz2OWTAfBgNVHSMEGDAWgBSsy23MBMrbxZ9BLJfSKqsyoz2OWTAPBgNVHRMBAf8EBTADAQH/MAkGByqGSM49BAEDSQAwRgIh\
            AKl5pN9k/JzC6EOcU4ZBR928/JHPAnU3i71Q4TCL3VZ6AiEA6YWxOuPvfshvMlcSdy+F/kkAqObBJjm2UZdiO+8Bc+0=
            """, "6FcsnA5BQBO+I1fX7wZFfiULoUxv5S1P99TzOhkIfeQ="
        ),
        (
            """
            MIIBLDCB36ADAgECAhRDRHeN82Vj42U2L/Fe2ddbPOdF8jAFBgMrZXAwDDEKMAgGA1UEAwwBeDAeFw0yNjExMjcxNzIxNTdaFw0y\
            NjEyMjcxNzIxNTdaMAwxCjAIBgNVBAMMAXgwKjAFBgMrZXADIQDCjU5rhGeYdFPG4Ly4nEVFnLQMpISujtcCxUsiPP3p6qNTMFEw\
            HQYDVR0OBBYEFK5zrh2SEEbBWRn806LHLpZ5nd5cMB8GA1UdIwQYMBaAFK5zrh2SEEbBWRn806LHLpZ5nd5cMA8GA1UdEwEB/wQF\
            MAMBAf8wBQYDK2VwA0EAtz20/g+friURMWdl4gM1UgZlGStOzedwvZIWp7Q2qPsHXR5/5Ps7Fas8aHQ9MGajKFAicRS3VoYF2jO1\
            wF+WDg==
            """, nil
        ),
    ]

    private static func decoded(_ text: String) throws -> [UInt8] {
        let octets = Array(text.utf8)
        let decoded = Base64.decode(octets.span)
        return try #require(decoded)
    }

    @Test(arguments: certificates)
    func `the hash is that of the signature, and SHA-256 where that is SHA-1`(text: String, expected: String?) throws {
        let certificate = try Self.decoded(text)
        #expect(ChannelBindings.serverEndPoint(certificate: certificate).map(Base64.encode) == expected)
    }

    @Test func `what is cut or changed gives a hash or none, and never a trap`() throws {
        let certificate = try Self.decoded(Self.certificates[0].0)
        for count in 0..<60 {
            #expect(ChannelBindings.serverEndPoint(certificate: Array(certificate.prefix(count))) == nil)
        }
        var random = SplitMix64(seed: 7)
        for _ in 0..<2000 {
            var changed = certificate
            for _ in 0..<3 {
                changed[Int.random(in: changed.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            _ = ChannelBindings.serverEndPoint(certificate: changed)
        }
    }
}
