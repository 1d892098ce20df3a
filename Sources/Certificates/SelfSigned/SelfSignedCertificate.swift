import Crypto
import FoundationEssentials
import MailBytes
import SwiftASN1
import X509

/// A certificate that signs itself, for a server that was given none: encryption against those who only listen.
public enum SelfSignedCertificate {
    /// The addresses it is for unless others are named: 127.0.0.1 and ::1.
    public static let loopback: [[UInt8]] = [[127, 0, 0, 1], Array(repeating: 0, count: 15) + [1]]

    /// Days it is valid: ten years.
    static let days: Int64 = 3652

    /// Makes a P-256 key and a certificate for it, and gives both in PEM, the certificate first.
    ///
    /// - Parameters:
    ///   - names: host names as A-labels; the first is the subject. `localhost` is added.
    ///   - addresses: IP addresses, 4 or 16 octets each.
    ///   - now: it is valid from a day before (clocks differ) and for ten years.
    static func make(names: [String], addresses: [[UInt8]], now: Timestamp) throws -> String {
        let key = P256.Signing.PrivateKey()
        var alternatives: [GeneralName] = []
        for name in names + ["localhost"] where !alternatives.contains(.dnsName(name)) {
            alternatives.append(.dnsName(name))
        }
        for address in addresses {
            alternatives.append(.ipAddress(ASN1OctetString(contentBytes: address[...])))
        }
        // A common name has at most 64 characters: RFC 5280 appendix A.
        let common = names.first.flatMap { $0.utf8.count <= 64 ? $0 : nil } ?? "Martlet"
        let subject = try DistinguishedName { CommonName(common) }
        let certificate = try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: Certificate.PublicKey(key.publicKey),
            notValidBefore: self.date(now, plusDays: -1),
            notValidAfter: self.date(now, plusDays: self.days),
            issuer: subject,
            subject: subject,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(digitalSignature: true, keyCertSign: true))
                try ExtendedKeyUsage([.serverAuth, .clientAuth])
                SubjectAlternativeNames(alternatives)
            },
            issuerPrivateKey: Certificate.PrivateKey(key)
        )
        return try certificate.serializeAsPEM().pemString + "\n" + key.pemRepresentation + "\n"
    }

    /// Loads the certificate that a file holds, or makes one and writes it there with mode 0600.
    ///
    /// What is there is kept as long as it is valid for another 30 days, whatever `names` says by then: users have
    /// told their programs to trust it. Blocks for as long as the disk takes.
    public static func loadOrMake(
        path: String,
        names: [String],
        addresses: [[UInt8]] = Self.loopback,
        now: Timestamp
    ) throws(TLSIdentityError) -> TLSIdentity {
        if PrivateFile.exists(path) {
            let kept = try TLSIdentity.load(chain: path, key: path)
            if kept.expires > now + .seconds(30 * 86_400) { return kept }
        }
        let pem: String
        do {
            pem = try self.make(names: names, addresses: addresses, now: now)
        } catch {
            throw TLSIdentityError(.notMade, path: path, underlying: error)
        }
        try PrivateFile.write(Array(pem.utf8), to: path)
        return try TLSIdentity.load(chain: path, key: path)
    }

    private static func date(_ time: Timestamp, plusDays days: Int64) -> Date {
        Date(timeIntervalSince1970: Double(time.microseconds / 1_000_000 + days * 86_400))
    }
}
