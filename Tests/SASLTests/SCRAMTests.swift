import MailBytes
import SASL
import Testing

private func decoded(_ text: String) -> [UInt8]? {
    let octets = Array(text.utf8)
    return Base64.decode(octets.span)
}

/// A server's exchange with one user, and what the tests do to it.
private struct Server {
    var exchange: SASLServerExchange
    let challenge: SCRAMChallenge

    init(
        _ mechanism: SASLMechanismName,
        password: String = "pencil",
        salt: String,
        iterations: Int = 4096,
        nonce: String,
        bindings: ChannelBindings = ChannelBindings()
    ) throws {
        let hash = try #require(SCRAMHash(mechanism))
        let octets = try #require(decoded(salt))
        let secret = try #require(Password(password))
        let keys = try #require(SCRAMVerifier.Keys(secret, salt: octets, iterations: iterations, hash: hash))
        let verifier = try #require(SCRAMVerifier(salt: octets, iterations: iterations, keys: [keys]))
        challenge = SCRAMChallenge(verifier: verifier, nonce: nonce)
        let connection = SASLConnection(bindings: bindings)
        exchange = try #require(SASLServerExchange(mechanism: mechanism, connection: connection))
    }

    /// A message as the client writes it, and the answer in clear.
    mutating func say(_ message: String) -> String {
        let line = Array(Base64.encode(Array(message.utf8)).utf8)
        return answer(exchange.lineReceived(line.span))
    }

    private mutating func answer(_ step: SASLServerExchange.Step) -> String {
        switch step {
        case .challenge(let text):
            return String(decoding: decoded(text) ?? [], as: UTF8.self)
        case .findVerifier: return answer(exchange.verifierFound(challenge))
        case .verify(.proof(let proof)):
            let actAs = proof.identity.authorizationIdentity.map { " as \($0)" } ?? ""
            return "\(proof.identity.user)\(actAs): \(proof.outcome)"
        case .verify: return "other credentials"
        case .cancelled: return "cancelled"
        case .failed(let failure): return "failed \(failure)"
        }
    }
}

private let example256 = (
    salt: "W22ZaJ0SNY7soEsUEjb6gQ==", nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", own: "rOprNGfwEbeRWgbNEkqO",
    final: "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
)

@Suite("SCRAM, the server's side, RFC 5802 and RFC 7677") struct SCRAMServerTests {
    private static func server(_ bindings: ChannelBindings = ChannelBindings()) throws -> Server {
        try Server(.scramSHA256, salt: example256.salt, nonce: example256.nonce, bindings: bindings)
    }

    @Test func `RFC 5802 section 5's exchange is spoken word by word`() throws {
        var server = try Server(.scramSHA1, salt: "QSXCR+Q6sek8bf92", nonce: "3rfcNHYJY1ZVvWVs7j")
        let first = server.say("n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL")
        #expect(first == "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096")
        let final = server.say(
            "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="
        )
        #expect(final == "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=")
        #expect(server.say("") == "user: right")
        #expect(server.say("") == "failed unexpected")
    }

    @Test func `RFC 7677 section 3's exchange is spoken word by word`() throws {
        var server = try Self.server()
        let first = server.say("n,,n=user,r=\(example256.own)")
        #expect(first == "r=\(example256.own)\(example256.nonce),s=\(example256.salt),i=4096")
        #expect(server.say(example256.final) == "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
        #expect(server.say("") == "user: right")
    }

    @Test func `after its proof the server wants an empty response`() throws {
        var server = try Self.server()
        _ = server.say("n,,n=user,r=\(example256.own)")
        _ = server.say(example256.final)
        #expect(server.say("thanks") == "failed malformed")
    }

    @Test(arguments: [
        (
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVA=",
            "user: wrongPassword"
        ),
        ("c=biws,r=rOprNGfwEbeRWgbNEkqO,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", "user: wrongNonce"),
        (
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k1,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            "user: wrongNonce"
        ),
        (
            "c=eSws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            "user: wrongChannelBinding"
        ),
        (
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndV",
            "failed malformed"
        ),
        ("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=AAAA", "failed malformed"),
        ("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", "failed malformed"),
        ("r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,c=biws,p=AAAA", "failed malformed"),
        ("", "failed malformed"),
    ])
    func `a second message that is not the right one is refused`(message: String, expected: String) throws {
        var server = try Self.server()
        _ = server.say("n,,n=user,r=\(example256.own)")
        #expect(server.say(message) == expected)
        #expect(server.say(example256.final) == "failed unexpected")
    }

    @Test func `a second message of another exchange does not fit this one`() throws {
        var again = try Server(.scramSHA256, salt: example256.salt, nonce: "anotherNonceOfTheServer")
        _ = again.say("n,,n=user,r=\(example256.own)")
        #expect(again.say(example256.final) == "user: wrongNonce")
    }

    @Test(arguments: [
        "", "n", "n,", "n,,", "n,,n=user", "n,,n=,r=abc", "n,,r=abc,n=user", "n,,m=ext,n=user,r=abc",
        "n,,n=us=er,r=abc",
        "n,,n=user=2c,r=abc", "n,,n=user,r=", "n,,n=user,r=a b", "n,,n=user,r=abc,m=x", "x,,n=user,r=abc",
        "n,b=c,n=user,r=abc", "F,n,,n=user,r=abc", "p=tls-exporter,,n=user,r=abc", "p=,,n=user,r=abc",
        "y=,,n=user,r=abc",
        "n,,n=us\u{1}er,r=abc",
    ])
    func `a first message that has not the form is refused`(message: String) throws {
        var server = try Self.server()
        #expect(server.say(message) == "failed malformed")
    }

    @Test func `a message beyond the bound is refused`() throws {
        var server = try Self.server()
        #expect(server.say("n,,n=user,r=" + String(repeating: "a", count: 5000)) == "failed tooLong")
    }

    @Test func `escapes in names are undone, and an extension is passed over`() throws {
        var server = try Self.server()
        let answer = server.say("n,a=boss=2Cme,n=us=3Der,r=abc,x=y")
        #expect(answer.hasPrefix("r=abc"))
        let nonce = "abc" + example256.nonce
        let proof = Base64.encode([UInt8](repeating: 0, count: 32))
        let header = Base64.encode(Array("n,a=boss=2Cme,".utf8))
        #expect(server.say("c=\(header),r=\(nonce),p=\(proof)") == "us=er as boss,me: wrongPassword")
    }

    @Test func `a proof of any of an account's passwords is right`() throws {
        let salt = try #require(decoded(example256.salt))
        let keys = try ["other", "pencil", "third"].map { text in
            let password = try #require(Password(text))
            return try #require(SCRAMVerifier.Keys(password, salt: salt, iterations: 4096, hash: .sha256))
        }
        let verifier = try #require(SCRAMVerifier(salt: salt, iterations: 4096, keys: keys))
        var exchange = try #require(SASLServerExchange(mechanism: .scramSHA256))
        let first = Array(Base64.encode(Array("n,,n=user,r=\(example256.own)".utf8)).utf8)
        _ = exchange.lineReceived(first.span)
        _ = exchange.verifierFound(SCRAMChallenge(verifier: verifier, nonce: example256.nonce))
        let second = Array(Base64.encode(Array(example256.final.utf8)).utf8)
        let step = exchange.lineReceived(second.span)
        #expect(step == .challenge(Base64.encode(Array("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=".utf8))))
    }
}

@Suite("SCRAM channel binding, RFC 5802 section 6 and RFC 9266") struct SCRAMBindingTests {
    private static let bindings = ChannelBindings(
        exporter: [UInt8](repeating: 7, count: 32),
        serverEndPoint: [UInt8](repeating: 9, count: 32)
    )

    private static func credentials(_ password: String = "pencil") throws -> PasswordCredentials {
        PasswordCredentials(authenticationIdentity: "user", password: try #require(Password(password)))
    }

    /// Both sides of an exchange, each with its own view of the connection.
    private static func meet(
        _ mechanism: SASLMechanismName,
        client own: ChannelBindings,
        server: ChannelBindings,
        offered: [SASLMechanismName]? = nil,
        password: String = "pencil"
    ) throws -> String {
        var server = try Server(mechanism, salt: example256.salt, nonce: example256.nonce, bindings: server)
        var client = try #require(
            SASLClientExchange(
                credentials: try credentials(password),
                offered: offered ?? [mechanism],
                bindings: own,
                nonce: example256.own
            )
        )
        #expect(client.mechanism == mechanism)
        let first = client.initialResponse()
        var line = try #require(first)
        for _ in 0..<4 {
            let message = String(decoding: decoded(line) ?? [], as: UTF8.self)
            let answer = message.isEmpty ? server.say("") : server.say(message)
            guard answer.hasPrefix("r=") || answer.hasPrefix("v=") else {
                return answer + (client.acceptsSuccess ? "" : ", the server unproved")
            }
            let encoded = Array(Base64.encode(Array(answer.utf8)).utf8)
            switch client.challengeReceived(encoded.span) {
            case .respond(let text): line = text
            case .cancel(let failure): return "client: \(failure)"
            }
        }
        return "no end"
    }

    @Test(arguments: [SASLMechanismName.scramSHA256Plus, .scramSHA1Plus])
    func `our client binds to the connection`(mechanism: SASLMechanismName) throws {
        #expect(try Self.meet(mechanism, client: Self.bindings, server: Self.bindings) == "user: right")
        let endPoint = ChannelBindings(serverEndPoint: Self.bindings.serverEndPoint)
        #expect(try Self.meet(mechanism, client: endPoint, server: Self.bindings) == "user: right")
    }

    @Test(arguments: [SASLMechanismName.scramSHA256, .scramSHA1])
    func `our client logs in where there is nothing to bind to`(mechanism: SASLMechanismName) throws {
        #expect(try Self.meet(mechanism, client: ChannelBindings(), server: ChannelBindings()) == "user: right")
        let wrong = try Self.meet(mechanism, client: .init(), server: .init(), password: "pencils")
        #expect(wrong == "user: wrongPassword, the server unproved")
    }

    @Test func `a client on another connection than the server's is refused`() throws {
        let other = ChannelBindings(exporter: [UInt8](repeating: 8, count: 32))
        let outcome = try Self.meet(.scramSHA256Plus, client: other, server: Self.bindings)
        #expect(outcome == "user: wrongChannelBinding, the server unproved")
    }

    @Test func `a kind that the connection does not have is refused`() throws {
        let old = ChannelBindings(serverEndPoint: Self.bindings.serverEndPoint)
        let outcome = try Self.meet(.scramSHA256Plus, client: Self.bindings, server: old)
        #expect(outcome == "user: unknownChannelBinding, the server unproved")
    }

    @Test func `a client that was told that nothing can be bound to is refused where it can`() throws {
        let outcome = try Self.meet(.scramSHA256, client: Self.bindings, server: Self.bindings)
        #expect(outcome == "user: downgraded, the server unproved")
    }

    @Test func `a client that cannot bind says so and is let in`() throws {
        let offered: [SASLMechanismName] = [.scramSHA256Plus, .scramSHA256]
        let outcome = try Self.meet(.scramSHA256, client: .init(), server: Self.bindings, offered: offered)
        #expect(outcome == "user: right")
    }

    @Test(arguments: ["n,,n=user,r=abc", "y,,n=user,r=abc"])
    func `a mechanism that binds wants a binding`(message: String) throws {
        var server = try Server(.scramSHA256Plus, salt: example256.salt, nonce: "x", bindings: Self.bindings)
        #expect(server.say(message) == "failed malformed")
    }

    @Test func `the best mechanism goes first`() throws {
        let all: [SASLMechanismName] = [.login, .plain, .scramSHA1, .scramSHA256, .scramSHA256Plus]
        let credentials = try Self.credentials()
        func chosen(_ bindings: ChannelBindings, nonce: String = "n") -> SASLMechanismName? {
            SASLClientExchange(credentials: credentials, offered: all, bindings: bindings, nonce: nonce)?.mechanism
        }
        #expect(chosen(Self.bindings) == .scramSHA256Plus)
        #expect(chosen(ChannelBindings()) == .scramSHA256)
        #expect(chosen(Self.bindings, nonce: "") == .plain)
    }
}

@Suite("SCRAM, the client's side, RFC 5802") struct SCRAMClientTests {
    private static func client() throws -> SASLClientExchange {
        let password = try #require(Password("pencil"))
        var client = try #require(
            SASLClientExchange(
                credentials: PasswordCredentials(authenticationIdentity: "user", password: password),
                offered: [.scramSHA256],
                nonce: example256.own
            )
        )
        let first = client.initialResponse()
        #expect(first == Base64.encode(Array("n,,n=user,r=\(example256.own)".utf8)))
        return client
    }

    private static func hear(_ message: String, _ client: inout SASLClientExchange) -> SASLClientExchange.Step {
        let line = Array(Base64.encode(Array(message.utf8)).utf8)
        return client.challengeReceived(line.span)
    }

    @Test func `RFC 7677 section 3's exchange is spoken word by word`() throws {
        var client = try Self.client()
        let server = "r=\(example256.own)\(example256.nonce),s=\(example256.salt),i=4096"
        let second = Self.hear(server, &client)
        #expect(second == .respond(Base64.encode(Array(example256.final.utf8))))
        #expect(!client.acceptsSuccess)
        let last = Self.hear("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", &client)
        #expect(last == .respond(""))
        #expect(client.acceptsSuccess)
    }

    @Test(arguments: [
        ("r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", SASLFailure.serverUnproved),
        ("r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", .serverUnproved),
        ("r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1", .iterations),
        ("r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=999999999", .iterations),
        ("r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=04096", .malformed),
        ("r=rOprNGfwEbeRWgbNEkqOx,s=,i=4096", .malformed),
        ("m=x,r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", .malformed),
        ("e=unknown-user", .malformed),
        ("", .malformed),
    ])
    func `a server's message that is not right ends it`(message: String, failure: SASLFailure) throws {
        var client = try Self.client()
        let step = Self.hear(message, &client)
        #expect(step == .cancel(failure))
    }

    @Test(arguments: ["v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=", "e=invalid-proof", "v=", ""])
    func `a server that does not know the password is found out`(message: String) throws {
        var client = try Self.client()
        _ = Self.hear("r=\(example256.own)\(example256.nonce),s=\(example256.salt),i=4096", &client)
        let step = Self.hear(message, &client)
        #expect(step == .cancel(.serverUnproved))
        #expect(!client.acceptsSuccess)
    }
}

@Suite("What is kept for SCRAM, RFC 5802 section 3") struct SCRAMVerifierTests {
    @Test func `a decoy is the same for the same name, and another for another`() {
        let secret: [UInt8] = [1, 2, 3]
        let decoy = SCRAMVerifier.decoy(for: "a@example.org", secret: secret, hash: .sha256)
        #expect(decoy == SCRAMVerifier.decoy(for: "a@example.org", secret: secret, hash: .sha256))
        #expect(decoy.salt != SCRAMVerifier.decoy(for: "b@example.org", secret: secret, hash: .sha256).salt)
        #expect(decoy.salt != SCRAMVerifier.decoy(for: "a@example.org", secret: [1, 2, 4], hash: .sha256).salt)
        #expect(decoy.salt.count == SCRAMVerifier.standardSaltLength)
        #expect(decoy.iterations == SCRAMVerifier.standardIterations)
    }

    @Test func `keys survive being stored, and print nothing`() throws {
        let password = try #require(Password("pencil"))
        let keys = try #require(SCRAMVerifier.Keys(password, salt: [1, 2, 3, 4], iterations: 4096, hash: .sha1))
        #expect(SCRAMVerifier.Keys(keys.octets, hash: .sha1) == keys)
        #expect(SCRAMVerifier.Keys(keys.octets, hash: .sha256) == nil)
        let verifier = try #require(SCRAMVerifier(salt: [1, 2, 3, 4], iterations: 4096, keys: [keys]))
        var dumped = ""
        dump(verifier, to: &dumped)
        #expect(!dumped.contains("storedKey"))
    }

    @Test func `bounds hold`() throws {
        let password = try #require(Password("pencil"))
        #expect(SCRAMVerifier.Keys(password, salt: [1, 2, 3, 4], iterations: 4095, hash: .sha1) == nil)
        #expect(SCRAMVerifier.Keys(password, salt: [1], iterations: 4096, hash: .sha1) == nil)
        #expect(SCRAMVerifier(salt: [1, 2, 3, 4], iterations: 4096, keys: []) == nil)
    }

    @Test func `a password is the same in whatever form its letters were typed, RFC 8265 section 4`() throws {
        let composed = try #require(Password("Gr\u{FC}\u{DF}e")),
            decomposed = try #require(Password("Gru\u{308}\u{DF}e"))
        #expect(composed == decomposed)
    }
}
