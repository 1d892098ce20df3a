import MailNames
import Testing

@testable import SMTPProtocol

@Suite("VRFY, EXPN and HELP, RFC 5321 sections 3.5 and 4.1.1.8") struct LookupTests {
    private static func dialogue(
        _ role: SMTPServerConfiguration.Role = .transfer,
        change: (inout SMTPServerConfiguration) -> Void = { _ in }
    ) throws -> Dialogue {
        var dialogue = Dialogue(try .sample(role, change: change))
        dialogue.names = [
            "Smith": SMTPReply(
                553,
                EnhancedStatus(5, 1, 4),
                lines: ["Ambiguous; Possibilities are", "<smith@a.test>"]
            ),
            "jones": SMTPReply(250, EnhancedStatus(2, 1, 5), "<jones@a.test>"),
            "nobody": SMTPReply(550, EnhancedStatus(5, 1, 1), "No such user here"),
        ]
        _ = dialogue.say("EHLO c.example")
        return dialogue
    }

    @Test func `names are asked about as they are written`() throws {
        var dialogue = try Self.dialogue()
        let answers = dialogue.say(
            "VRFY jones\r\nVRFY Smith\r\nEXPN nobody\r\nexpn <x@a.test>\r\nVRFY Full Name <y@a.test>"
        )
        #expect(answers == "250 2.1.5, 553 5.1.4, 550 5.1.1, 252 2.5.2, 252 2.5.2")
        let lookups = dialogue.lookups
        #expect(
            lookups == [
                SMTPLookup(.verify, "jones"), SMTPLookup(.verify, "Smith"), SMTPLookup(.expand, "nobody"),
                SMTPLookup(.expand, "<x@a.test>"), SMTPLookup(.verify, "Full Name <y@a.test>"),
            ]
        )
    }

    @Test func `the parameter SMTPUTF8 is no part of the name, RFC 6531 section 3.7.4.2`() throws {
        var dialogue = try Self.dialogue()
        _ = dialogue.say("VRFY jones smtputf8\r\nEXPN SMTPUTF8")
        let lookups = dialogue.lookups
        #expect(lookups == [SMTPLookup(.verify, "jones", takesUTF8: true), SMTPLookup(.expand, "SMTPUTF8")])
    }

    @Test func `a transaction lives on`() throws {
        var dialogue = try Self.dialogue()
        let answers = dialogue.say(
            "MAIL FROM:<a@b.example>\r\nVRFY jones\r\nRCPT TO:<c@d.example>\r\nEXPN jones\r\nHELP\r\nDATA\r\nhello\r\n."
        )
        #expect(answers == "250 2.1.0, 250 2.1.5, 250 2.1.5, 250 2.1.5, 214 2.0.0, 354, 250 2.0.0")
    }

    @Test func `who has not logged in asks nothing on submission`() throws {
        var dialogue = try Self.dialogue(.submission)
        let answers = dialogue.say("VRFY jones\r\nEXPN jones")
        #expect(answers == "530 5.7.0, 530 5.7.0")
        let lookups = dialogue.lookups
        #expect(lookups.isEmpty)
    }

    @Test func `guessing names ends`() throws {
        var dialogue = try Self.dialogue { $0.limits.badCommands = 2 }
        let answers = dialogue.say("VRFY nobody\r\nVRFY nobody\r\nVRFY nobody\r\nVRFY nobody")
        #expect(answers == "550 5.1.1, 550 5.1.1, 421 4.7.0")
    }

    @Test func `an answer that nobody asked for is none`() throws {
        var session = SMTPServerSession(configuration: try .sample())
        let answered = session.lookedUp(.ok)
        #expect(answered == .send(.localError))
    }

    @Test func `help lists what is on and knows each of it`() throws {
        var dialogue = try Self.dialogue { configuration in
            configuration.offersTLS = false
            configuration.mechanisms = []
        }
        _ = dialogue.say("HELP")
        let listed = String(decoding: dialogue.wire, as: UTF8.self)
        #expect(!listed.contains("STARTTLS") && !listed.contains("AUTH"))
        for verb in ["EHLO", "HELO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP", "QUIT", "VRFY", "EXPN", "HELP"] {
            #expect(listed.contains(verb))
            let answer = dialogue.say("HELP \(verb.lowercased())")
            #expect(answer == "214 2.0.0", "\(verb)")
        }
        let unknown = dialogue.say("HELP AUTH\r\nHELP me please")
        #expect(unknown == "504 5.5.4, 504 5.5.4")
    }
}
