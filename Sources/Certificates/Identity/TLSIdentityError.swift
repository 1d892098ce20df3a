/// Why a TLS identity cannot be used, told so that an operator can act on it.
public struct TLSIdentityError: Error, CustomStringConvertible {
    /// What is wrong.
    public enum Reason: Hashable, Sendable {
        /// The file cannot be read; the system's word for why.
        case unreadable(String)
        /// The file is larger than `TLSIdentity.maximumFileSize`.
        case tooLarge
        /// There is no certificate in PEM in it.
        case noCertificate
        /// There is no private key in PEM in it, or it is protected by a passphrase.
        case noPrivateKey
        /// The key is not that of the first certificate of the chain, or of a kind that TLS does not have.
        case mismatch
        /// The certificate that was to be made could not be.
        case notMade
        /// The file cannot be written; the system's word for why.
        case unwritable(String)
    }

    /// What is wrong.
    public let reason: Reason
    /// The file it is wrong with.
    public let path: String
    /// The error below this one, if there is one.
    public let underlying: (any Error)?

    init(_ reason: Reason, path: String, underlying: (any Error)? = nil) {
        self.reason = reason
        self.path = path
        self.underlying = underlying
    }

    /// One sentence that names the file.
    public var description: String {
        switch self.reason {
        case .unreadable(let why): "The file \(self.path) cannot be read: \(why)."
        case .tooLarge: "The file \(self.path) is too large for a certificate or key."
        case .noCertificate: "The file \(self.path) holds no certificate in PEM (-----BEGIN CERTIFICATE-----)."
        case .noPrivateKey: "The file \(self.path) holds no private key in PEM without a passphrase."
        case .mismatch: "The private key in \(self.path) does not belong to the first certificate of the chain."
        case .notMade: "A self-signed certificate for \(self.path) could not be made."
        case .unwritable(let why): "The file \(self.path) cannot be written: \(why)."
        }
    }
}
