import NIOSSL
import X509

/// What a client certificate says about who shows it.
public enum ClientCertificate {
    /// The addresses that a certificate names, at most `limit`: its `rfc822Name`s, and where it has none, the `emailAddress`
    /// of its subject (RFC 5280 sections 4.1.2.6 and 4.2.1.6). Whether to believe it is for the chain to say.
    public static func addresses(of certificate: NIOSSLCertificate) -> [String] {
        guard let octets = try? certificate.toDERBytes(), let certificate = try? Certificate(derEncoded: octets) else {
            return []
        }
        var addresses: [String] = []
        if let names = try? certificate.extensions.subjectAlternativeNames {
            for name in names {
                if case .rfc822Name(let address) = name { addresses.append(address) }
            }
        }
        if addresses.isEmpty {
            for name in certificate.subject {
                for attribute in name where attribute.type == .RDNAttributeType.emailAddress {
                    if let address = String(attribute.value) { addresses.append(address) }
                }
            }
        }
        return Array(addresses.prefix(Self.limit))
    }

    /// Addresses of a certificate that are looked at.
    static let limit = 16
}
