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
        #expect(try SASLServerExchange(mechanism: #require(SASLMechanismName("SCRAM-SHA-256"))) == nil)
    }

    @Test func `octets from anywhere never trap`() throws {
        var random = SplitMix64(seed: 20)
        for _ in 0..<5000 {
            let mechanism = Bool.random(using: &random) ? SASLMechanismName.plain : .login
            var exchange = try #require(SASLServerExchange(mechanism: mechanism))
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
