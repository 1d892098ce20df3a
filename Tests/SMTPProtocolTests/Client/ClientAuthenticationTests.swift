import MailBytes
import SASL
import Testing

@testable import SMTPProtocol

/// A client that logs in over TLS, and what it says to each line.
private struct LogIn: ~Copyable {
    var session: SMTPClientSession

    init(_ mechanisms: String, bindings: ChannelBindings = ChannelBindings()) throws {
        let password = try #require(Password("pencil"))
        session = SMTPClientSession(
            configuration: SMTPClientSession.Configuration(
                hostName: "client.example",
                tls: .required,
                credentials: PasswordCredentials(authenticationIdentity: "user", password: password),
                nonce: "rOprNGfwEbeRWgbNEkqO"
            )
        )
        for line in ["220 mx.example", "250-mx.example", "250 STARTTLS", "220 go"] { _ = hear(line) }
        _ = session.tlsEstablished(bindings)
        _ = hear("250-mx.example")
        first = hear("250 AUTH \(mechanisms)")
    }

    /// What the client says to the mechanisms that are offered.
    private(set) var first = ""

    mutating func hear(_ line: String) -> String {
        let octets = Array(line.utf8)
        switch session.lineReceived(octets.span) {
        case .send(let bytes, _): return String(decoding: bytes.dropLast(2), as: UTF8.self)
        case .ready: return "ready"
        case .failed(let failure): return "\(failure.reason): \(failure.reply.lines.joined())"
        default: return "-"
        }
    }

    mutating func challenged(_ text: String) -> String { hear("334 " + Base64.encode(Array(text.utf8))) }
}

@Suite("AUTH with challenges, the client's side, RFC 4954") struct ClientAuthenticationTests {
    private static let serverFirst =
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"

    private static func encoded(_ text: String) -> String { Base64.encode(Array(text.utf8)) }

    @Test func `RFC 7677's exchange logs in, before PLAIN`() throws {
        var client = try LogIn("PLAIN SCRAM-SHA-256 LOGIN")
        let first = client.first
        #expect(first == "AUTH SCRAM-SHA-256 \(Self.encoded("n,,n=user,r=rOprNGfwEbeRWgbNEkqO"))")
        let final = client.challenged(Self.serverFirst)
        #expect(
            final
                == Self.encoded(
                    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                        + "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
                )
        )
        let proved = client.challenged("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
        let done = client.hear("235 2.7.0 welcome")
        #expect([proved, done] == ["", "ready"])
    }

    @Test func `a server that lets in without a proof of its own is not the one that was meant`() throws {
        for rounds in 0...1 {
            var client = try LogIn("SCRAM-SHA-256")
            if rounds == 1 { _ = client.challenged(Self.serverFirst) }
            let outcome = client.hear("235 2.7.0 welcome")
            #expect(outcome.hasPrefix("authenticationFailed: the next hop did not prove"))
        }
        var client = try LogIn("SCRAM-SHA-256")
        _ = client.challenged(Self.serverFirst)
        let outcome = client.challenged("v=AAAA")
        #expect(outcome.hasPrefix("authenticationFailed: the next hop did not prove"))
    }

    @Test func `the connection is bound to where the server offers it, and missed where it does not`() throws {
        let bindings = ChannelBindings(exporter: [1, 2, 3])
        let bound = try LogIn("SCRAM-SHA-256-PLUS SCRAM-SHA-256", bindings: bindings).first
        #expect(bound == "AUTH SCRAM-SHA-256-PLUS \(Self.encoded("p=tls-exporter,,n=user,r=rOprNGfwEbeRWgbNEkqO"))")
        let missed = try LogIn("SCRAM-SHA-256", bindings: bindings).first
        #expect(missed == "AUTH SCRAM-SHA-256 \(Self.encoded("y,,n=user,r=rOprNGfwEbeRWgbNEkqO"))")
    }

    @Test func `a server that asks for too few iterations learns nothing`() throws {
        var client = try LogIn("SCRAM-SHA-256")
        let answer = client.challenged(Self.serverFirst.replacing("i=4096", with: "i=1"))
        #expect(answer == "*")
    }

    @Test func `a log-in that does not fit into a command line waits to be asked, RFC 4954 section 4`() throws {
        let long = try #require(Password(String(repeating: "x", count: 600)))
        var session = SMTPClientSession(
            configuration: SMTPClientSession.Configuration(
                hostName: "client.example",
                tls: .implicit,
                credentials: PasswordCredentials(authenticationIdentity: "user", password: long)
            )
        )
        var action = SMTPClientSession.Action.wait
        for line in ["220 mx.example", "250-mx.example", "250 AUTH PLAIN"] {
            let octets = Array(line.utf8)
            action = session.lineReceived(octets.span)
        }
        #expect(action == .send(Array("AUTH PLAIN\r\n".utf8), isSecret: false))
        let challenge = Array("334 ".utf8)
        let sent = session.lineReceived(challenge.span)
        guard case .send(let bytes, true) = sent else {
            Issue.record("the client says nothing")
            return
        }
        #expect(bytes.count > 800)
    }

    @Test func `the record of what was said names the mechanism and hides the rest`() {
        var dialogue = SMTPDialogue()
        dialogue.saidSecret(Array("AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n".utf8), at: .zero)
        dialogue.saidSecret(Array("AGpvZQBzZWNyZXQ=\r\n".utf8), at: .zero)
        #expect(dialogue.text == "+0ms C: AUTH PLAIN (credentials)\n+0ms C: (credentials)")
    }
}
