import MailBytes
import SASL
import Testing

@testable import SMTPProtocol

@Suite("AUTH with challenges, RFC 4954") struct AuthenticationTests {
    /// RFC 7677 section 3, as SMTP frames it.
    private static let first = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    private static let final =
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="

    private static func encoded(_ text: String) -> String { Base64.encode(Array(text.utf8)) }

    private static func challenge() throws -> SCRAMChallenge {
        let text = Array("W22ZaJ0SNY7soEsUEjb6gQ==".utf8)
        let octets = Base64.decode(text.span)
        let salt = try #require(octets)
        let password = try #require(Password("pencil"))
        let keys = try #require(SCRAMVerifier.Keys(password, salt: salt, iterations: 4096, hash: .sha256))
        let verifier = try #require(SCRAMVerifier(salt: salt, iterations: 4096, keys: [keys]))
        return SCRAMChallenge(verifier: verifier, nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0")
    }

    private static func submission(
        _ mechanisms: [SASLMechanismName] = SASLServerExchange.mechanisms,
        _ connection: SASLConnection = SASLConnection()
    ) throws -> Dialogue {
        var dialogue = Dialogue(try .sample(.submission) { $0.mechanisms = mechanisms.map(\.text) })
        dialogue.challenge = try challenge()
        dialogue.connection = connection
        _ = dialogue.say("EHLO client.example\r\nSTARTTLS")
        _ = dialogue.say("EHLO client.example")
        return dialogue
    }

    /// The line about AUTH in the last answer to EHLO.
    private static func offered(_ dialogue: borrowing Dialogue) -> String {
        let text = String(decoding: dialogue.wire, as: UTF8.self)
        let line = text.split(separator: "\r\n").last { $0.contains("AUTH ") } ?? "-"
        return String(line.dropFirst(4))
    }

    @Test func `RFC 7677's exchange logs in`() throws {
        var dialogue = try Self.submission()
        let started = dialogue.say("AUTH SCRAM-SHA-256 \(Self.encoded(Self.first))")
        let proved = dialogue.say(Self.encoded(Self.final))
        let done = dialogue.say("")
        #expect([started, proved, done] == ["334", "334", "235 2.7.0"])
        let account = dialogue.session.account
        #expect(account == "user")
        let again = dialogue.say("AUTH SCRAM-SHA-256\r\nMAIL FROM:<a@b.example>")
        #expect(again == "503 5.5.1, 250 2.1.0")
    }

    @Test func `a wrong proof is answered like a wrong password, and the third ends the session`() throws {
        var dialogue = try Self.submission()
        for last in ["535 5.7.8", "535 5.7.8", "421 4.7.0"] {
            let answers = dialogue.say(
                "AUTH SCRAM-SHA-256 \(Self.encoded(Self.first))\r\n"
                    + Self.encoded(Self.final.replacing("p=dHzb", with: "p=dHzc"))
            )
            #expect(answers == "334, " + last)
        }
    }

    @Test func `where the directory is down the client is told to come again`() throws {
        var dialogue = try Self.submission()
        dialogue.challenge = nil
        let answers = dialogue.say("AUTH SCRAM-SHA-256 \(Self.encoded(Self.first))\r\nNOOP")
        #expect(answers == "454 4.7.0, 250 2.0.0")
    }

    @Test func `what is offered depends on what the connection carries`() throws {
        let first = try Self.submission()
        let bare = Self.offered(first)
        #expect(bare == "AUTH SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN OAUTHBEARER XOAUTH2")
        let connection = SASLConnection(
            bindings: ChannelBindings(exporter: [1]),
            certificateIdentities: ["a@example.org"]
        )
        let second = try Self.submission(SASLServerExchange.mechanisms, connection)
        let all = Self.offered(second)
        #expect(all == "AUTH " + SASLServerExchange.mechanisms.map(\.text).joined(separator: " "))
    }

    @Test func `a mechanism that gives passwords away is too weak where the operator left it out`() throws {
        var dialogue = try Self.submission([.scramSHA256])
        let answers = dialogue.say(
            "AUTH PLAIN\r\nAUTH LOGIN\r\nAUTH CRAM-MD5\r\nAUTH EXTERNAL\r\nAUTH SCRAM-SHA-256-PLUS"
        )
        #expect(answers == "534 5.7.9, 534 5.7.9, 504 5.5.4, 504 5.5.4, 504 5.5.4")
    }

    @Test func `a refused token is explained before it is refused, RFC 7628 section 3.2`() throws {
        var dialogue = try Self.submission()
        let token = Self.encoded("n,,\u{1}auth=Bearer wrong\u{1}\u{1}")
        let answers = dialogue.say("AUTH OAUTHBEARER \(token)\r\nAQ==\r\nAUTH OAUTHBEARER \(token)\r\n*")
        #expect(answers == "334, 535 5.7.8, 334, 535 5.7.8")
        let right = Self.encoded("n,a=joe@b.example,\u{1}auth=Bearer secret\u{1}\u{1}")
        let accepted = dialogue.say("AUTH OAUTHBEARER \(right)")
        #expect(accepted == "235 2.7.0")
    }

    @Test func `EXTERNAL logs in whom the certificate names`() throws {
        let connection = SASLConnection(certificateIdentities: ["joe@b.example"])
        var dialogue = try Self.submission([.external], connection)
        let answers = dialogue.say("AUTH EXTERNAL =")
        #expect(answers == "235 2.7.0")
        let account = dialogue.session.account
        #expect(account == "joe@b.example")
    }

    @Test func `no exchange within a transaction`() throws {
        var dialogue = Dialogue(
            try .sample {
                $0.mechanisms = ["SCRAM-SHA-256"]
                $0.allowsClearTextAuthentication = true
            }
        )
        let answers = dialogue.say(
            "EHLO client.example\r\nMAIL FROM:<a@b.example>\r\nAUTH SCRAM-SHA-256\r\nRSET\r\nAUTH SCRAM-SHA-256"
        )
        #expect(answers.hasSuffix("250 2.1.0, 503 5.5.1, 250 2.0.0, 334"))
    }
}
