import MailBytes
import SASL
import Testing

@testable import SMTPProtocol

@Suite("The client before its first transaction, RFC 5321 section 3.2, RFC 3207 and RFC 4954")
struct ClientGreetingTests {
    private static let credentials = Password("secret").map {
        PasswordCredentials(authenticationIdentity: "joe", password: $0)
    }

    // MARK: EHLO and HELO

    @Test(arguments: ["500 what", "501 5.5.4 no", "502 no", "504 no", "550 no", "554 no"])
    func `EHLO refused for good is followed by HELO`(_ refusal: String) throws {
        let dialogue = ClientDialogue(tls: .opportunistic)
        #expect(dialogue.hear("220-old", "220 still old") == "EHLO me.example")
        #expect(dialogue.hear(refusal) == "HELO me.example")
        // What HELO is answered are no keywords.
        #expect(dialogue.hear("250-old", "250-SIZE 5", "250 PIPELINING") == "ready")
        let delivery = try SMTPDelivery.sample {
            $0.bodyType = .eightBitMIME
            $0.returnContent = .full
            $0.recipients[0].notify = .never
        }
        #expect(dialogue.begin(delivery) == "MAIL FROM:<a@c.example>")
        #expect(dialogue.hear("250 ok") == "RCPT TO:<r0@b.example>")
    }

    @Test func `EHLO refused for now, or with 521, is followed by nothing`() {
        for (refusal, outcome) in [
            ("450 later", "refused: 450"), ("421 4.3.2 bye", "refused: 421 4.3.2"), ("354 go", "refused: 354"),
            ("521 no mail", "takesNoMail: 521"),
        ] {
            let dialogue = ClientDialogue()
            dialogue.hear("220 mx.example")
            #expect(dialogue.hear(refusal) == outcome)
        }
    }

    @Test func `HELO serves neither a hop that must have TLS nor one to log in to`() {
        let secure = ClientDialogue(tls: .required)
        secure.hear("220 mx.example")
        #expect(secure.hear("502 no") == "refused: 502")
        let account = ClientDialogue(tls: .implicit, credentials: Self.credentials)
        account.hear("220 mx.example")
        #expect(account.hear("502 no") == "refused: 502")
    }

    @Test func `HELO refused ends the session`() {
        let dialogue = ClientDialogue()
        dialogue.hear("220 mx.example", "502 no")
        #expect(dialogue.hear("550 no") == "refused: 550")
    }

    @Test func `a greeting that is none ends the session, RFC 5321 section 3.1`() {
        for (greeting, outcome) in [
            ("554 5.7.1 no", "takesNoMail: 554 5.7.1"), ("521 no", "takesNoMail: 521"), ("421 busy", "refused: 421"),
            ("450 later", "refused: 450"), ("550 no", "refused: 550"), ("250 hello", "refused: 250"),
        ] { #expect(ClientDialogue().hear(greeting) == outcome) }
    }

    // MARK: STARTTLS

    @Test func `what was offered before TLS is forgotten, RFC 3207 section 4.2`() throws {
        let dialogue = ClientDialogue(tls: .opportunistic)
        dialogue.hear("220 mx.example")
        #expect(
            dialogue.hear("250-mx.example", "250-PIPELINING", "250-SIZE 5", "250-DSN", "250 STARTTLS") == "STARTTLS"
        )
        #expect(dialogue.hear("220 2.0.0 go") == "start TLS")
        #expect(dialogue.tlsEstablished() == "EHLO me.example")
        // Whoever offers STARTTLS again is not asked again.
        #expect(dialogue.hear("250-mx.example", "250-STARTTLS", "250 8BITMIME") == "ready")
        let delivery = try SMTPDelivery.sample { $0.returnContent = .full }
        #expect(dialogue.begin(delivery) == "MAIL FROM:<a@c.example>")
        #expect(dialogue.hear("250 ok") == "RCPT TO:<r0@b.example>")
    }

    @Test func `half a reply from before TLS is no part of one after it`() {
        let dialogue = ClientDialogue(tls: .opportunistic)
        dialogue.hear("220 mx.example", "250-mx.example", "250 STARTTLS", "220 go")
        #expect(dialogue.hear("250-injected") == "wait")
        #expect(dialogue.tlsEstablished() == "EHLO me.example")
        #expect(dialogue.hear("250 mx.example") == "ready")
        #expect(dialogue.session.extensions == SMTPServerExtensions())
    }

    @Test func `TLS refused is borne or not, as is asked for`() {
        for (policy, refusal, outcome) in [
            (SMTPClientSession.TLSPolicy.opportunistic, "454 4.7.0 not now", "ready"),
            (.opportunistic, "501 no", "ready"), (.required, "454 4.7.0 not now", "tlsRequired: 454 4.7.0"),
            (.opportunistic, "421 4.3.2 bye", "connectionLost: 421 4.3.2"),
        ] {
            let dialogue = ClientDialogue(tls: policy)
            dialogue.hear("220 mx.example")
            #expect(dialogue.hear("250-mx.example", "250 STARTTLS") == "STARTTLS")
            #expect(dialogue.hear(refusal) == outcome, "\(policy)")
        }
        let missing = ClientDialogue(tls: .required)
        missing.hear("220 mx.example")
        #expect(missing.hear("250-mx.example", "250 SIZE") == "tlsRequired: 450 4.7.10")
        let off = ClientDialogue(tls: .off)
        off.hear("220 mx.example")
        #expect(off.hear("250-mx.example", "250 STARTTLS") == "ready")
    }

    // MARK: AUTH

    private static func loggingIn(_ mechanisms: String) -> (ClientDialogue, String) {
        let dialogue = ClientDialogue(tls: .implicit, credentials: credentials)
        dialogue.hear("220 mx.example")
        return (dialogue, dialogue.hear("250-mx.example", "250 AUTH \(mechanisms)"))
    }

    @Test(arguments: [
        ("235 2.7.0 welcome", "ready"), ("535 5.7.8 no", "authenticationFailed: 535 5.7.8"),
        ("454 4.7.0 later", "authenticationFailed: 454 4.7.0"), ("534 5.7.9 weak", "authenticationFailed: 534 5.7.9"),
        ("250 fine", "authenticationFailed: 250"), ("421 4.3.2 bye", "connectionLost: 421 4.3.2"),
    ]) func `AUTH PLAIN, its initial response, and what it is answered`(_ answer: String, _ outcome: String) {
        let (dialogue, command) = Self.loggingIn("LOGIN PLAIN")
        #expect(command == "secretly AUTH PLAIN AGpvZQBzZWNyZXQ=")
        #expect(dialogue.hear(answer) == outcome)
    }

    @Test func `a challenge that PLAIN does not have is cancelled, RFC 4954 section 4`() {
        let (dialogue, _) = Self.loggingIn("PLAIN")
        #expect(dialogue.hear("334 bW9yZQ==") == "*")
        #expect(dialogue.hear("501 5.7.0 cancelled") == "authenticationFailed: 501 5.7.0")
    }

    @Test func `AUTH LOGIN answers two prompts, whatever they say`() {
        for prompts in [("334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"), ("334 Username:", "334 "), ("334", "334")] {
            let (dialogue, command) = Self.loggingIn("LOGIN CRAM-MD5")
            #expect(command == "AUTH LOGIN")
            #expect(dialogue.hear(prompts.0) == "secretly am9l")
            #expect(dialogue.hear(prompts.1) == "secretly c2VjcmV0")
            #expect(dialogue.hear("235 2.7.0 welcome") == "ready")
        }
    }

    @Test func `a third prompt of LOGIN is cancelled`() {
        let (dialogue, _) = Self.loggingIn("LOGIN")
        #expect(dialogue.hear("334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "334 TW9yZTo=") == "*")
    }

    @Test func `a password crosses no connection in clear, RFC 4954 section 4`() {
        for policy in [SMTPClientSession.TLSPolicy.off, .opportunistic] {
            let dialogue = ClientDialogue(tls: policy, credentials: Self.credentials)
            dialogue.hear("220 mx.example")
            #expect(
                dialogue.hear("250-mx.example", "250 AUTH PLAIN LOGIN") == "authenticationFailed: 450 4.7.0",
                "\(policy)"
            )
        }
        let refused = ClientDialogue(tls: .opportunistic, credentials: Self.credentials)
        refused.hear("220 mx.example", "250-mx.example", "250-STARTTLS", "250 AUTH PLAIN")
        #expect(refused.hear("454 not now") == "authenticationFailed: 450 4.7.0")
    }

    @Test func `no mechanism in common is a failure to log in`() {
        for offered in ["CRAM-MD5 SCRAM-SHA-256", ""] {
            let (_, action) = Self.loggingIn(offered)
            #expect(action == "authenticationFailed: 450 4.7.0", "\(offered)")
        }
    }

    @Test func `mechanisms offered before TLS are not used after it`() {
        let dialogue = ClientDialogue(tls: .required, credentials: Self.credentials)
        dialogue.hear("220 mx.example", "250-mx.example", "250-AUTH PLAIN", "250 STARTTLS", "220 go")
        _ = dialogue.tlsEstablished()
        #expect(dialogue.hear("250-mx.example", "250 AUTH LOGIN") == "AUTH LOGIN")
    }
}
