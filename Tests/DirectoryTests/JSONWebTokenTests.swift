import Crypto
import CryptoExtras
import Directory
import Foundation
import MailBytes
import SASL
import Testing

/// A token as whoever gives them makes it.
private enum Token {
    static let secret = "a secret of more than thirty-two characters"
    static let now = Timestamp(seconds: 1_800_000_000)

    static func part(_ octets: some DataProtocol) -> String {
        Data(octets).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    static func unsigned(_ claims: [String: Any], algorithm: String) throws -> String {
        let head = try JSONSerialization.data(withJSONObject: ["alg": algorithm, "typ": "JWT"])
        return part(head) + "." + part(try JSONSerialization.data(withJSONObject: claims))
    }

    static func hs256(
        _ claims: [String: Any],
        algorithm: String = "HS256",
        secret: String = secret
    ) throws -> BearerToken? {
        let text = try unsigned(claims, algorithm: algorithm)
        let key = SymmetricKey(data: Array(secret.utf8))
        let code = HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key)
        return BearerToken(text + "." + part(Array(code)))
    }

    static func good(_ changes: [String: Any] = [:]) -> [String: Any] {
        let claims: [String: Any] = [
            "email": "alice@example.test", "exp": 1_800_000_300, "iss": "https://login.example",
            "aud": ["mail", "web"],
        ]
        return claims.merging(changes) { $1 }
    }
}

@Suite("Bearer tokens, RFC 7519") struct JSONWebTokenTests {
    private static func judge(
        _ token: BearerToken?,
        _ requirements: JSONWebTokens.Requirements = .init(),
        key: String = Token.secret
    ) async throws -> TokenJudgement {
        let tokens = try JSONWebTokens(keyFile: Array((key + "\n").utf8), requirements: requirements)
        return await tokens.judge(try #require(token), now: Token.now)
    }

    private static let good = TokenJudgement.valid(name: "alice@example.test")

    @Test func `a token that is signed and in time is for whom it names`() async throws {
        #expect(try await Self.judge(Token.hs256(Token.good())) == Self.good)
        let strict = JSONWebTokens.Requirements(issuer: "https://login.example", audience: "mail")
        #expect(try await Self.judge(Token.hs256(Token.good()), strict) == Self.good)
        let single = Token.good(["aud": "mail"])
        #expect(try await Self.judge(Token.hs256(single), strict) == Self.good)
        let named = JSONWebTokens.Requirements(claim: "sub")
        let subject = try Token.hs256(Token.good(["sub": "bob@example.test"]))
        #expect(try await Self.judge(subject, named) == .valid(name: "bob@example.test"))
    }

    @Test func `a token that is not as it should be is refused`() async throws {
        let strict = JSONWebTokens.Requirements(issuer: "https://login.example", audience: "mail")
        let bad: [BearerToken?] = [
            try Token.hs256(Token.good(["exp": 1_799_999_900])), try Token.hs256(Token.good(["exp": "soon"])),
            try Token.hs256(Token.good(["nbf": 1_800_000_100])), try Token.hs256(Token.good(["iss": "other"])),
            try Token.hs256(Token.good(["aud": "other"])), try Token.hs256(Token.good(["email": 7])),
            try Token.hs256(Token.good(["email_verified": false])),
            try Token.hs256(Token.good(), secret: Token.secret + "x"),
            try Token.hs256(Token.good(), algorithm: "none"), try Token.hs256(Token.good(), algorithm: "RS256"),
            BearerToken(try Token.unsigned(Token.good(), algorithm: "none") + "."), BearerToken("a.b"),
            BearerToken("a.b.c"),
            BearerToken("e30.e30.e30"), BearerToken("...."),
        ]
        for (number, token) in bad.enumerated() {
            guard case .refused = try await Self.judge(token, strict) else {
                Issue.record("token \(number) was taken")
                continue
            }
        }
    }

    @Test func `ES256 and RS256 are verified with public keys, and a public key is no secret`() async throws {
        let elliptic = P256.Signing.PrivateKey()
        let text = try Token.unsigned(Token.good(), algorithm: "ES256")
        let signature = try elliptic.signature(for: Array(text.utf8)).rawRepresentation
        let pem = elliptic.publicKey.pemRepresentation
        #expect(try await Self.judge(BearerToken(text + "." + Token.part(signature)), key: pem) == Self.good)
        let confused = try Token.hs256(Token.good(), secret: pem)
        guard case .refused = try await Self.judge(confused, key: pem) else {
            Issue.record("a token signed with the public key as a secret was taken")
            return
        }
        let rsa = try _RSA.Signing.PrivateKey(keySize: .bits2048)
        let signed = try Token.unsigned(Token.good(), algorithm: "RS256")
        let proof = try rsa.signature(for: Array(signed.utf8), padding: .insecurePKCS1v1_5).rawRepresentation
        let token = BearerToken(signed + "." + Token.part(proof))
        #expect(try await Self.judge(token, key: rsa.publicKey.pemRepresentation) == Self.good)
    }

    @Test(arguments: [
        ("short", JSONWebTokenError.shortSecret), ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", .key),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", .privateKey),
    ])
    func `a file that holds no key is refused`(content: String, expected: JSONWebTokenError) {
        #expect(throws: expected) { try JSONWebTokens(keyFile: Array(content.utf8), requirements: .init()) }
    }
}
