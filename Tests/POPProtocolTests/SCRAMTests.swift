import MailBytes
import POPProtocol
import SASL
import Testing

@Suite("AUTH with SCRAM, RFC 5034 section 4") struct POPSCRAMTests {
    private static func conversation() throws -> Conversation {
        let configuration = POPServerConfiguration(hostName: "pop.example.com", mechanisms: [.scramSHA256, .plain])
        var conversation = Conversation(configuration: configuration)
        let text = Array("W22ZaJ0SNY7soEsUEjb6gQ==".utf8)
        let octets = Base64.decode(text.span)
        let salt = try #require(octets)
        let password = try #require(Password("pencil"))
        let keys = try #require(SCRAMVerifier.Keys(password, salt: salt, iterations: 4096, hash: .sha256))
        let verifier = try #require(SCRAMVerifier(salt: salt, iterations: 4096, keys: [keys]))
        conversation.challenge = SCRAMChallenge(verifier: verifier, nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0")
        return conversation
    }

    private static func encoded(_ text: String) -> String { Base64.encode(Array(text.utf8)) }

    @Test func `RFC 7677's exchange opens the maildrop`() throws {
        var conversation = try Self.conversation()
        let first = conversation.say("AUTH SCRAM-SHA-256 \(Self.encoded("n,,n=user,r=rOprNGfwEbeRWgbNEkqO"))")
        #expect(first.hasPrefix("+ cj1yT3By"))
        let second = conversation.say(
            Self.encoded(
                "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                    + "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
            )
        )
        #expect(second == "+ \(Self.encoded("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="))\r\n")
        let third = conversation.say("")
        #expect(third.hasPrefix("+OK"))
        let verified = conversation.verified
        #expect(verified == ["user: right"])
    }

    @Test func `where the directory is down the client hears so, RFC 3206`() throws {
        var conversation = try Self.conversation()
        conversation.challenge = nil
        let answer = conversation.say("AUTH SCRAM-SHA-256 \(Self.encoded("n,,n=user,r=abc"))")
        #expect(answer.hasPrefix("-ERR [SYS/TEMP]"))
        let capabilities = conversation.say("CAPA")
        #expect(capabilities.contains("SASL SCRAM-SHA-256 PLAIN\r\n"))
    }
}
