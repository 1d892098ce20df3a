import Crypto
import CryptoExtras

/// The hash function of a SCRAM mechanism and what is computed with it: RFC 5802 section 2.2.
public enum SCRAMHash: Hashable, Sendable {
    /// RFC 5802. HMAC with SHA-1 is not broken, but nothing new should start with it.
    case sha1
    /// RFC 7677.
    case sha256

    /// The hash function of a mechanism; `nil` when it is none of the SCRAM family.
    public init?(_ mechanism: SASLMechanismName) {
        switch mechanism {
        case .scramSHA1, .scramSHA1Plus: self = .sha1
        case .scramSHA256, .scramSHA256Plus: self = .sha256
        default: return nil
        }
    }

    /// Octets of a digest.
    public var digestLength: Int {
        switch self {
        case .sha1: 20
        case .sha256: 32
        }
    }

    /// H(): the hash of a string.
    func digest(_ message: [UInt8]) -> [UInt8] {
        switch self {
        case .sha1: Array(Insecure.SHA1.hash(data: message))
        case .sha256: Array(SHA256.hash(data: message))
        }
    }

    /// HMAC(): RFC 2104.
    func authenticationCode(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
        let key = SymmetricKey(data: key)
        return switch self {
        case .sha1: Array(HMAC<Insecure.SHA1>.authenticationCode(for: message, using: key))
        case .sha256: Array(HMAC<SHA256>.authenticationCode(for: message, using: key))
        }
    }

    /// Hi(): PBKDF2 with HMAC. Takes about a third of a microsecond an iteration.
    ///
    /// - Returns: `nil` only when the library refuses, which it does for no input within `SCRAMVerifier`'s bounds.
    func stretched(_ password: [UInt8], salt: [UInt8], iterations: Int) -> [UInt8]? {
        let function: KDF.Insecure.PBKDF2.HashFunction =
            switch self {
            case .sha1: .insecureSHA1
            case .sha256: .sha256
            }
        let key = try? KDF.Insecure.PBKDF2.deriveKey(
            from: password,
            salt: salt,
            using: function,
            outputByteCount: self.digestLength,
            unsafeUncheckedRounds: iterations
        )
        // The pointer is to the key's own octets and does not leave the closure.
        return key.map { key in unsafe key.withUnsafeBytes { unsafe Array($0) } }
    }
}
