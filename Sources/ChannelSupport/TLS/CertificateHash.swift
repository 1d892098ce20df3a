import Crypto
import SASL

extension ChannelBindings {
    /// `tls-server-end-point` of a certificate in DER: its hash by the hash function of its signature, and by SHA-256 where
    /// that is MD5 or SHA-1. RFC 5929 section 4.1.
    ///
    /// - Returns: `nil` where the signature has no hash function of its own (Ed25519), or one that its parameters name (PSS),
    ///   and where the octets are no certificate.
    public static func serverEndPoint(certificate: [UInt8]) -> [UInt8]? {
        guard let algorithm = signatureAlgorithm(certificate) else { return nil }
        switch algorithm {
        case Algorithm.rsaMD5, Algorithm.rsaSHA1, Algorithm.ecdsaSHA1, Algorithm.rsaSHA256, Algorithm.ecdsaSHA256:
            return Array(SHA256.hash(data: certificate))
        case Algorithm.rsaSHA384, Algorithm.ecdsaSHA384: return Array(SHA384.hash(data: certificate))
        case Algorithm.rsaSHA512, Algorithm.ecdsaSHA512: return Array(SHA512.hash(data: certificate))
        default: return nil
        }
    }

    /// Object identifiers as DER has them: RFC 8017 appendix C, RFC 5758 section 3.2.
    private enum Algorithm {
        static let rsaMD5: [UInt8] = rsa + [4]
        static let rsaSHA1: [UInt8] = rsa + [5]
        static let rsaSHA256: [UInt8] = rsa + [11]
        static let rsaSHA384: [UInt8] = rsa + [12]
        static let rsaSHA512: [UInt8] = rsa + [13]
        static let ecdsaSHA1: [UInt8] = ecdsa + [1]
        static let ecdsaSHA256: [UInt8] = ecdsa + [3, 2]
        static let ecdsaSHA384: [UInt8] = ecdsa + [3, 3]
        static let ecdsaSHA512: [UInt8] = ecdsa + [3, 4]

        private static let rsa: [UInt8] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1]
        private static let ecdsa: [UInt8] = [0x2A, 0x86, 0x48, 0xCE, 0x3D, 4]
    }

    /// `Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm SEQUENCE { OBJECT IDENTIFIER … }, … }`.
    private static func signatureAlgorithm(_ certificate: [UInt8]) -> [UInt8]? {
        guard let whole = element(certificate[...], tag: 0x30), let signed = element(whole, tag: 0x30),
            let algorithm = element(whole[signed.endIndex...], tag: 0x30),
            let identifier = element(algorithm, tag: 0x06)
        else { return nil }
        return Array(identifier)
    }

    /// The content of the element that octets begin with, of a length below 2^24.
    private static func element(_ octets: ArraySlice<UInt8>, tag: UInt8) -> ArraySlice<UInt8>? {
        guard octets.count >= 2, octets.first == tag else { return nil }
        var index = octets.startIndex + 1
        var length = Int(octets[index])
        index += 1
        if length >= 0x80 {
            let count = length - 0x80
            guard (1...3).contains(count), octets.endIndex - index >= count else { return nil }
            length = octets[index..<index + count].reduce(0) { $0 << 8 | Int($1) }
            index += count
        }
        guard octets.endIndex - index >= length else { return nil }
        return octets[index..<index + length]
    }
}
