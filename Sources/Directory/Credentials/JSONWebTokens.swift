import Crypto
import CryptoExtras
import Foundation
import MailBytes
import SASL

/// Judges bearer tokens that are signed JSON Web Tokens (RFC 7519) by a key that the operator gave. Nobody is asked, so a
/// token is good until it expires.
public struct JSONWebTokens: BearerTokenValidator {
    /// What a token has to say beside its signature.
    public struct Requirements: Sendable, Hashable {
        /// `iss`; `nil` for any.
        public var issuer: String?
        /// `aud`; `nil` for any.
        public var audience: String?
        /// The claim that has the account's address.
        public var claim: String

        public init(issuer: String? = nil, audience: String? = nil, claim: String = "email") {
            self.issuer = issuer
            self.audience = audience
            self.claim = claim
        }
    }

    /// The key decides on the algorithm, never the token: what says otherwise is refused.
    private enum Key: Sendable {
        case hs256([UInt8])
        case rs256(_RSA.Signing.PublicKey)
        case es256(P256.Signing.PublicKey)

        var algorithm: String {
            switch self {
            case .hs256: "HS256"
            case .rs256: "RS256"
            case .es256: "ES256"
            }
        }

        func signs(_ message: [UInt8], with signature: [UInt8]) -> Bool {
            switch self {
            case .hs256(let secret):
                return HMAC<SHA256>.isValidAuthenticationCode(
                    signature,
                    authenticating: message,
                    using: SymmetricKey(data: secret)
                )
            case .rs256(let key):
                let signature = _RSA.Signing.RSASignature(rawRepresentation: signature)
                return key.isValidSignature(signature, for: message, padding: .insecurePKCS1v1_5)
            case .es256(let key):
                guard let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signature) else {
                    return false
                }
                return key.isValidSignature(signature, for: message)
            }
        }
    }

    /// Octets that a shared secret must have: as many as the digest (RFC 7518 section 3.2).
    public static let shortestSecret = 32
    /// What clocks may differ by.
    private static let leeway = Duration.seconds(60)

    private let key: Key
    private let requirements: Requirements

    /// - Parameter keyFile: the content of a file: a public key in PEM (RSA or P-256), or a line with a secret of at least
    ///   32 octets.
    /// - Throws: `JSONWebTokenError` when it is neither.
    public init(keyFile: [UInt8], requirements: Requirements) throws(JSONWebTokenError) {
        self.requirements = requirements
        let text = String(decoding: keyFile, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        guard !text.hasPrefix("-----BEGIN PRIVATE") else { throw .privateKey }
        if text.hasPrefix("-----BEGIN") {
            if let key = try? P256.Signing.PublicKey(pemRepresentation: text) {
                self.key = .es256(key)
            } else if let key = try? _RSA.Signing.PublicKey(pemRepresentation: text) {
                self.key = .rs256(key)
            } else {
                throw .key
            }
        } else {
            guard text.utf8.count >= Self.shortestSecret else { throw .shortSecret }
            self.key = .hs256(Array(text.utf8))
        }
    }

    public func judge(_ token: BearerToken, now: Timestamp) async -> TokenJudgement {
        let parts = token.text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Self.object(parts[0]), let signature = Self.decoded(parts[2]) else {
            return .refused("the token is no JSON Web Token")
        }
        // `crit` names what must be understood (RFC 7515 section 4.1.11), and nothing of it is.
        guard header["alg"] as? String == key.algorithm, header["crit"] == nil else {
            return .refused("the token is not signed with \(key.algorithm), which the key is for")
        }
        let signed = Array("\(parts[0]).\(parts[1])".utf8)
        guard key.signs(signed, with: signature) else { return .refused("the token's signature is wrong") }
        guard let claims = Self.object(parts[1]) else { return .refused("the token holds no claims") }
        return judge(claims, now)
    }

    private func judge(_ claims: [String: Any], _ now: Timestamp) -> TokenJudgement {
        guard let expires = Self.time(claims["exp"]) else { return .refused("the token does not say when it expires") }
        guard now < expires + Self.leeway else { return .refused("the token has expired") }
        if claims["nbf"] != nil {
            guard let begins = Self.time(claims["nbf"]), begins < now + Self.leeway else {
                return .refused("the token is not valid yet")
            }
        }
        if let issuer = requirements.issuer, claims["iss"] as? String != issuer {
            return .refused("the token is of another issuer")
        }
        if let audience = requirements.audience {
            let named = claims["aud"] as? [String] ?? (claims["aud"] as? String).map { [$0] } ?? []
            guard named.contains(audience) else { return .refused("the token is for another audience") }
        }
        guard let name = claims[requirements.claim] as? String else {
            return .refused("the token has no claim \"\(requirements.claim)\"")
        }
        // An address that anybody could have entered says nothing about its bearer.
        if requirements.claim == "email", let verified = claims["email_verified"], verified as? Bool != true {
            return .refused("the token's address is not verified")
        }
        return .valid(name: name)
    }

    /// Seconds since 1970, within what a time stamp can be.
    private static func time(_ claim: Any?) -> Timestamp? {
        guard let seconds = (claim as? NSNumber)?.doubleValue, seconds >= 0, seconds < 1e11 else { return nil }
        return Timestamp(seconds: Int64(seconds))
    }

    private static func object(_ part: Substring) -> [String: Any]? {
        guard let octets = decoded(part) else { return nil }
        return (try? JSONSerialization.jsonObject(with: Data(octets))) as? [String: Any]
    }

    /// Base64 in the alphabet for URLs, without padding: RFC 7515 section 2.
    private static func decoded(_ part: Substring) -> [UInt8]? {
        guard !part.utf8.contains(where: { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "/") }) else { return nil }
        let standard = part.utf8.map { octet in
            switch octet {
            case UInt8(ascii: "-"): UInt8(ascii: "+")
            case UInt8(ascii: "_"): UInt8(ascii: "/")
            default: octet
            }
        }
        guard !standard.contains(UInt8(ascii: "=")) else { return nil }
        let padded = standard + Array(repeating: UInt8(ascii: "="), count: (4 - standard.count % 4) % 4)
        return Base64.decode(padded.span)
    }
}

/// Why a file holds no key for tokens.
public enum JSONWebTokenError: Error, Hashable, Sendable, CustomStringConvertible {
    case key
    case privateKey
    case shortSecret

    /// What is wrong with the file, to stand behind its name.
    public var description: String {
        switch self {
        case .key: "holds no public key in PEM that is known here: RSA or P-256"
        case .privateKey: "holds a private key, which belongs to who gives tokens: put the public key there"
        case .shortSecret: "holds a secret of less than 32 characters"
        }
    }
}
