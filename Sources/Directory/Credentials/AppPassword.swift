import Crypto
import MailBytes
import SASL

/// A password that one program of an account logs in with: made here, shown once, and taken back without changing the
/// others.
public struct AppPassword: Hashable, Sendable {
    /// What the program is called; of one account no two are the same.
    public let name: String
    /// When it was made.
    public let created: Timestamp

    /// App passwords that an account may have: each is tried against a SCRAM proof.
    public static let limit = 32
    /// Characters that a name may have.
    public static let nameLength = 1...64

    /// A new password: four groups of five letters and digits, of nearly 100 bits. Letters that are mistaken for one another
    /// are left out.
    static func make() -> String {
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array("abcdefghjkmnpqrstuvwxyz23456789")
        let groups = (0..<4).map { _ in
            String((0..<5).map { _ in alphabet[Int.random(in: alphabet.indices, using: &generator)] })
        }
        return groups.joined(separator: "-")
    }

    /// What is kept of one. A plain hash is enough, for it cannot be guessed.
    static func digest(_ password: Password) -> [UInt8] { Array(SHA256.hash(data: password.bytes)) }
}
