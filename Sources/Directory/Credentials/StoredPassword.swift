import Foundation
import SASL

/// What the directory writes of a password.
struct StoredPassword: Sendable {
    /// The PHC string.
    let hash: String
    /// `nil` where none are kept.
    let keys: SCRAMKeys?
    let salt: [UInt8]

    static func makeSalt() -> [UInt8] { random(SCRAMVerifier.standardSaltLength) }

    static func random(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    /// Octets as a column takes them.
    static func data(_ octets: [UInt8]) -> Data { Data(octets) }

    static func data(_ octets: [UInt8]?) -> Data? { octets.map { Data($0) } }
}

/// The keys of one password for both hash functions.
struct SCRAMKeys: Sendable {
    let sha256, sha1: SCRAMVerifier.Keys

    /// Takes some ten milliseconds.
    init?(_ password: Password, salt: [UInt8]) {
        let iterations = SCRAMVerifier.standardIterations
        guard let sha256 = SCRAMVerifier.Keys(password, salt: salt, iterations: iterations, hash: .sha256),
            let sha1 = SCRAMVerifier.Keys(password, salt: salt, iterations: iterations, hash: .sha1)
        else { return nil }
        self.sha256 = sha256
        self.sha1 = sha1
    }
}
