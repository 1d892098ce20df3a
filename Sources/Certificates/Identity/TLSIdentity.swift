import MailBytes
import NIOSSL

/// A certificate chain and its private key: who the server is under TLS.
///
/// A value of this type has been tried: the key belongs to the first certificate.
public struct TLSIdentity: Sendable {
    /// The certificate of the server first, then those that lead to a root.
    public let chain: [NIOSSLCertificate]
    /// The key of the first certificate.
    public let key: NIOSSLPrivateKey
    /// When the first certificate ends to be valid.
    public let expires: Timestamp
    /// Whether others than the owner and the group may read the key's file: to be told to the operator.
    public let isKeyExposed: Bool

    /// Octets that a file of certificates or a key may have.
    public static let maximumFileSize = 1 << 20

    /// Loads a chain and a key, both in PEM; they may be in one file.
    ///
    /// Blocks for as long as the disk takes.
    public static func load(chain chainPath: String, key keyPath: String) throws(TLSIdentityError) -> TLSIdentity {
        let chainFile = try PrivateFile.read(chainPath)
        let keyFile = try PrivateFile.read(keyPath)
        return try self.parse(
            chain: chainFile.octets,
            chainPath: chainPath,
            key: keyFile.octets,
            keyPath: keyPath,
            isKeyExposed: keyFile.isReadableByOthers
        )
    }

    static func parse(
        chain chainOctets: [UInt8],
        chainPath: String,
        key keyOctets: [UInt8],
        keyPath: String,
        isKeyExposed: Bool
    ) throws(TLSIdentityError) -> TLSIdentity {
        let chain: [NIOSSLCertificate]
        do {
            chain = try NIOSSLCertificate.fromPEMBytes(chainOctets)
        } catch {
            throw TLSIdentityError(.noCertificate, path: chainPath, underlying: error)
        }
        guard let leaf = chain.first else { throw TLSIdentityError(.noCertificate, path: chainPath) }
        let key: NIOSSLPrivateKey
        do {
            key = try NIOSSLPrivateKey(bytes: keyOctets, format: .pem) { (provide: (([UInt8]) -> Void)) in
                // Without an answer of ours, BoringSSL would ask on the terminal for the passphrase of a protected key.
                provide([])
            }
        } catch {
            throw TLSIdentityError(.noPrivateKey, path: keyPath, underlying: error)
        }
        let identity = TLSIdentity(
            chain: chain,
            key: key,
            expires: Timestamp(seconds: Int64(leaf.notValidAfter)),
            isKeyExposed: isKeyExposed
        )
        do {
            // BoringSSL compares key and certificate when both are set.
            _ = try NIOSSLContext(configuration: .martletServer(identity))
        } catch {
            throw TLSIdentityError(.mismatch, path: keyPath, underlying: error)
        }
        return identity
    }
}
