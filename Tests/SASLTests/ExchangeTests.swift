import MailBytes
import SASL
import Testing

/// A step as the tests compare it: text instead of secrets.
private func text(_ step: SASLServerExchange.Step) -> String {
    switch step {
    case .challenge(let challenge): return "challenge \(challenge)"
    case .verify(.password(let credentials)):
        let password = String(decoding: credentials.password.bytes, as: UTF8.self)
        return "\(credentials.authorizationIdentity ?? "-")|\(credentials.authenticationIdentity)|\(password)"
    case .verify(.token(let bearer)): return "\(bearer.authorizationIdentity ?? "-")|\(bearer.token.text)"
    case .verify(.certificate(let certificate)):
        return "\(certificate.authorizationIdentity ?? "-")|\(certificate.identities.joined(separator: ","))"
    case .verify(.proof(let proof)): return "\(proof.identity.user) \(proof.outcome)"
    case .findVerifier(let identity): return "find \(identity.user)"
    case .cancelled: return "cancelled"
    case .failed(let failure): return "failed \(failure)"
    }
}

private func base64(_ text: String) -> [UInt8] { Array(Base64.encode(Array(text.utf8)).utf8) }

@Suite("PLAIN, RFC 4616") struct PlainTests {
    @Test(arguments: [
        ("\0tim\0tanstaaftanstaaf", "-|tim|tanstaaftanstaaf"),
        ("Ursel\0Kurt\0xipj3plmq", "Ursel|Kurt|xipj3plmq"),
        ("\0Grüße\0Straße", "-|Grüße|Straße"),
        ("tim\0tanstaaf", "failed malformed"),
        ("tim", "failed malformed"),
        ("", "failed malformed"),
        ("\0\0tanstaaf", "failed malformed"),
        ("\0tim\0", "failed malformed"),
        ("\0tim\0tan\0staaf", "failed malformed"),
        ("a\u{1}\0tim\0tanstaaf", "failed malformed"),
    ])
    func `a message gives the credentials or is refused`(message: String, expected: String) throws {
        var exchange = try #require(SASLServerExchange(mechanism: .plain))
        if message.isEmpty {
            let empty = Array("=".utf8)
            #expect(text(exchange.begin(initialResponse: empty.span)) == expected)
        } else {
            let encoded = base64(message)
            #expect(text(exchange.begin(initialResponse: encoded.span)) == expected)
        }
    }

    @Test func `without an initial response the client is asked with an empty challenge`() throws {
        var exchange = try #require(SASLServerExchange(mechanism: .plain))
        #expect(text(exchange.begin()) == "challenge ")
        let encoded = base64("\0test\0test")
        #expect(text(exchange.lineReceived(encoded.span)) == "-|test|test")
    }

    @Test func `a message beyond what it can need is refused`() throws {
        var exchange = try #require(SASLServerExchange(mechanism: .plain))
        let encoded = base64("\0tim\0" + String(repeating: "x", count: 1700))
        #expect(text(exchange.begin(initialResponse: encoded.span)) == "failed tooLong")
    }
}

@Suite("LOGIN, draft-murchison-sasl-login") struct LoginTests {
    @Test func `the name is asked for, then the password`() throws {
        var exchange = try #require(SASLServerExchange(mechanism: .login))
        #expect(text(exchange.begin()) == "challenge VXNlcm5hbWU6")
        let name = base64("alice"), password = base64("alice secret")
        #expect(text(exchange.lineReceived(name.span)) == "challenge UGFzc3dvcmQ6")
        #expect(text(exchange.lineReceived(password.span)) == "-|alice|alice secret")
        #expect(text(exchange.lineReceived(password.span)) == "failed unexpected")
    }

    @Test func `an initial response is the name`() throws {
        var exchange = try #require(SASLServerExchange(mechanism: .login))
        let name = base64("alice")
        #expect(text(exchange.begin(initialResponse: name.span)) == "challenge UGFzc3dvcmQ6")
    }

    @Test func `an empty name ends it`() throws {
        var exchange = try #require(SASLServerExchange(mechanism: .login))
        _ = exchange.begin()
        let empty = [UInt8]()
        #expect(text(exchange.lineReceived(empty.span)) == "failed malformed")
        let name = base64("alice")
        #expect(text(exchange.lineReceived(name.span)) == "failed unexpected")
    }
}

@Suite("Exchanges on a line, RFC 4954 section 4 and RFC 5034 section 4") struct ExchangeTests {
    @Test(arguments: [SASLMechanismName.plain, .login])
    func `a star cancels`(mechanism: SASLMechanismName) throws {
        var exchange = try #require(SASLServerExchange(mechanism: mechanism))
        _ = exchange.begin()
        let star = Array("*".utf8)
        #expect(text(exchange.lineReceived(star.span)) == "cancelled")
    }

    @Test(arguments: ["=AAA", "AAA=BBB", "dGVzdA", "dGVz dA==", "dGVzdA==\n", "!", "dGVzdB==", "**"])
    func `what is not strict base64 is refused`(line: String) throws {
        var exchange = try #require(SASLServerExchange(mechanism: .plain))
        _ = exchange.begin()
        let octets = Array(line.utf8)
        #expect(text(exchange.lineReceived(octets.span)) == "failed notBase64")
    }

    @Test func `an argument of no octets is not an empty response`() throws {
        var exchange = try #require(SASLServerExchange(mechanism: .plain))
        let empty = [UInt8]()
        #expect(text(exchange.begin(initialResponse: empty.span)) == "failed notBase64")
    }

    @Test func `a line beyond the limit is refused`() throws {
        var exchange = try #require(SASLServerExchange(mechanism: .plain))
        _ = exchange.begin()
        let long = [UInt8](repeating: UInt8(ascii: "A"), count: SASLServerExchange.maximumLineLength + 1)
        #expect(text(exchange.lineReceived(long.span)) == "failed tooLong")
    }

    @Test(arguments: [("plain", "PLAIN"), ("LOGIN", "LOGIN"), ("Scram-SHA-256", "SCRAM-SHA-256")])
    func `names are compared without their case`(written: String, expected: String) throws {
        #expect(try #require(SASLMechanismName(written)).text == expected)
    }

    @Test(arguments: ["", "A B", "ÄPLAIN", "PLAIN!", "ABCDEFGHIJKLMNOPQRSTU"])
    func `what is no name is none`(written: String) {
        #expect(SASLMechanismName(written) == nil)
    }

    @Test func `a mechanism that is not there gives no exchange`() throws {
        #expect(try SASLServerExchange(mechanism: #require(SASLMechanismName("CRAM-MD5"))) == nil)
    }

    @Test(arguments: [SASLMechanismName.scramSHA256Plus, .scramSHA1Plus, .external])
    func `a mechanism that the connection does not carry gives no exchange`(mechanism: SASLMechanismName) {
        #expect(SASLServerExchange(mechanism: mechanism) == nil)
        let connection = SASLConnection(
            bindings: ChannelBindings(serverEndPoint: [1]),
            certificateIdentities: ["a@example.org"]
        )
        #expect(SASLServerExchange(mechanism: mechanism, connection: connection) != nil)
    }

    @Test func `octets from anywhere never trap`() throws {
        var random = SplitMix64(seed: 20)
        let connection = SASLConnection(
            bindings: ChannelBindings(exporter: [1]),
            certificateIdentities: ["a@example.org"]
        )
        for _ in 0..<5000 {
            let mechanism = try #require(SASLServerExchange.mechanisms.randomElement(using: &random))
            var exchange = try #require(SASLServerExchange(mechanism: mechanism, connection: connection))
            for _ in 0..<3 {
                let raw = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random) & (Bool.random(using: &random) ? 0x03 : 0xFF)
                }
                let line = Bool.random(using: &random) ? Array(Base64.encode(raw).utf8) : raw
                _ = exchange.lineReceived(line.span)
            }
        }
    }
}

@Suite("The client's side, RFC 4616 and LOGIN") struct ClientExchangeTests {
    private static func credentials(_ actAs: String? = nil) throws -> PasswordCredentials {
        PasswordCredentials(
            authenticationIdentity: "tim",
            password: try #require(Password("tanstaaf")),
            authorizationIdentity: actAs
        )
    }

    @Test func `PLAIN goes before LOGIN`() throws {
        let both = try #require(SASLClientExchange(credentials: Self.credentials(), offered: [.login, .plain]))
        #expect(both.mechanism == .plain)
        let one = try #require(SASLClientExchange(credentials: Self.credentials(), offered: [.login]))
        #expect(one.mechanism == .login)
        #expect(try SASLClientExchange(credentials: Self.credentials(), offered: []) == nil)
        #expect(try SASLClientExchange(credentials: Self.credentials("ursel"), offered: [.login]) == nil)
    }

    @Test func `PLAIN in the initial response is RFC 4616's example`() throws {
        var client = try #require(SASLClientExchange(credentials: Self.credentials(), offered: [.plain]))
        let response = client.initialResponse()
        #expect(response == Base64.encode(Array("\0tim\0tanstaaf".utf8)))
        let challenge = [UInt8]()
        let step = client.challengeReceived(challenge.span)
        #expect(step == .cancel(.unexpected))
    }

    @Test(arguments: [SASLMechanismName.plain, .login], [false, true])
    func `our client logs in to our server`(mechanism: SASLMechanismName, withInitialResponse: Bool) throws {
        var client = try #require(SASLClientExchange(credentials: Self.credentials(), offered: [mechanism]))
        var server = try #require(SASLServerExchange(mechanism: mechanism))
        var step: SASLServerExchange.Step
        if withInitialResponse, let initial = client.initialResponse() {
            let octets = Array(initial.utf8)
            step = server.begin(initialResponse: octets.span)
        } else {
            step = server.begin()
        }
        var rounds = 0
        while case .challenge(let challenge) = step, rounds < 5 {
            rounds += 1
            let octets = Array(challenge.utf8)
            guard case .respond(let response) = client.challengeReceived(octets.span) else { break }
            let line = Array(response.utf8)
            step = server.lineReceived(line.span)
        }
        #expect(text(step) == "-|tim|tanstaaf")
    }

    @Test func `prompts of LOGIN in clear are borne, of PLAIN not`() throws {
        let prompt = Array("Username:".utf8)
        var login = try #require(SASLClientExchange(credentials: Self.credentials(), offered: [.login]))
        let step = login.challengeReceived(prompt.span)
        #expect(step == .respond(Base64.encode(Array("tim".utf8))))
        var plain = try #require(SASLClientExchange(credentials: Self.credentials(), offered: [.plain]))
        let refused = plain.challengeReceived(prompt.span)
        #expect(refused == .cancel(.notBase64))
    }
}

@Suite("EXTERNAL, RFC 4422 appendix A") struct ExternalTests {
    private func exchange() throws -> SASLServerExchange {
        let connection = SASLConnection(certificateIdentities: ["fred@example.com"])
        return try #require(SASLServerExchange(mechanism: .external, connection: connection))
    }

    @Test(arguments: [("=", "-|fred@example.com"), ("ZnJlZEBleGFtcGxlLmNvbQ==", "fred@example.com|fred@example.com")])
    func `the certificate says who it is, the message whom to act as`(line: String, expected: String) throws {
        var exchange = try exchange()
        let octets = Array(line.utf8)
        #expect(text(exchange.begin(initialResponse: octets.span)) == expected)
    }

    @Test func `without an initial response the client is asked with an empty challenge`() throws {
        var exchange = try exchange()
        #expect(text(exchange.begin()) == "challenge ")
        let empty = [UInt8]()
        #expect(text(exchange.lineReceived(empty.span)) == "-|fred@example.com")
        #expect(text(exchange.lineReceived(empty.span)) == "failed unexpected")
    }

    @Test func `our client logs in to our server`() throws {
        var client = try #require(SASLClientExchange(certificateOf: nil, offered: [.plain, .external]))
        #expect(client.initialResponse() == "=")
        #expect(SASLClientExchange(certificateOf: nil, offered: [.plain]) == nil)
    }
}

@Suite("Bearer tokens, RFC 7628") struct BearerTests {
    private static let token = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="

    @Test(arguments: [
        (
            "n,a=user@example.com,\u{1}host=server.example.com\u{1}port=143\u{1}auth=Bearer \(token)\u{1}\u{1}",
            "user@example.com|\(token)"
        ),
        ("n,,\u{1}auth=bearer abc\u{1}\u{1}", "-|abc"),
        ("n,a=user=2Cname,\u{1}auth=Bearer abc\u{1}\u{1}", "user,name|abc"),
        ("n,a=user@example.com,\u{1}auth=Bearer abc\u{1}", "failed malformed"),
        ("n,a=user@example.com,\u{1}auth=Basic abc\u{1}\u{1}", "failed malformed"),
        ("n,a=user@example.com,\u{1}auth=Bearer a b\u{1}\u{1}", "failed malformed"),
        ("n,a=user@example.com,\u{1}auth=Bearer a\u{1}auth=Bearer b\u{1}\u{1}", "failed malformed"),
        ("n,a=user@example.com,\u{1}host=a\u{1}\u{1}", "failed malformed"),
        ("\u{1}", "failed malformed"),
        ("n,,", "failed malformed"),
    ])
    func `OAUTHBEARER's message gives the token or is refused`(message: String, expected: String) throws {
        var exchange = try #require(SASLServerExchange(mechanism: .oauthBearer))
        let encoded = base64(message)
        #expect(text(exchange.begin(initialResponse: encoded.span)) == expected)
    }

    @Test(arguments: [
        (
            "user=someuser@example.com\u{1}auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\u{1}\u{1}",
            "someuser@example.com|ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg"
        ),
        ("auth=Bearer abc\u{1}\u{1}", "failed malformed"),
        ("user=\u{1}auth=Bearer abc\u{1}\u{1}", "failed malformed"),
    ])
    func `XOAUTH2's message gives the token or is refused`(message: String, expected: String) throws {
        var exchange = try #require(SASLServerExchange(mechanism: .xoauth2))
        let encoded = base64(message)
        #expect(text(exchange.begin(initialResponse: encoded.span)) == expected)
    }

    @Test func `a refused token is told as JSON, and the client's answer ends it`() throws {
        var exchange = try #require(SASLServerExchange(mechanism: .oauthBearer))
        let encoded = base64("n,,\u{1}auth=Bearer abc\u{1}\u{1}")
        _ = exchange.begin(initialResponse: encoded.span)
        let error = exchange.rejected()
        #expect(error == .challenge(Base64.encode(Array(#"{"status":"invalid_token","schemes":"bearer"}"#.utf8))))
        let note = base64("\u{1}")
        #expect(text(exchange.lineReceived(note.span)) == "failed refused")
    }

    @Test(arguments: [SASLMechanismName.oauthBearer, .xoauth2])
    func `our client logs in to our server`(mechanism: SASLMechanismName) throws {
        let token = try #require(BearerToken("abc.def-_~+/=="))
        var client = try #require(SASLClientExchange(user: "a@example.org", token: token, offered: [mechanism]))
        var server = try #require(SASLServerExchange(mechanism: mechanism))
        let response = client.initialResponse()
        let initial = Array(try #require(response).utf8)
        #expect(text(server.begin(initialResponse: initial.span)) == "a@example.org|abc.def-_~+/==")
    }

    @Test func `a token beyond its bound is refused, and none is printed`() throws {
        #expect(BearerToken(String(repeating: "a", count: 8193)) == nil)
        #expect(BearerToken("") == nil)
        let token = try #require(BearerToken("secret"))
        var dumped = ""
        dump(SASLCredentials.token(BearerCredentials(authorizationIdentity: nil, token: token)), to: &dumped)
        #expect(!dumped.contains("secret") && !"\(token)".contains("secret"))
    }
}
