import MailNames
import Testing

@testable import SMTPProtocol

@Suite("LMTP's client, RFC 2033") struct ClientLMTPTests {
    private static func ready(_ offered: String...) -> ClientDialogue {
        let dialogue = ClientDialogue(speaksLMTP: true)
        dialogue.hear("220 foo.edu LMTP server ready")
        for line in ["250-foo.edu"] + offered.map({ "250-" + $0 }) + ["250 SIZE"] { dialogue.hear(line) }
        return dialogue
    }

    @Test func `LHLO is said, and nothing else when that is not known`() {
        let dialogue = ClientDialogue(speaksLMTP: true)
        #expect(dialogue.hear("220 foo.edu LMTP server ready") == "LHLO me.example")
        #expect(dialogue.hear("500 5.5.2 What?") == "refused: 500 5.5.2")
    }

    @Test func `each recipient has the reply that is its own, section 4-2`() throws {
        let dialogue = Self.ready("PIPELINING")
        _ = dialogue.begin(try .sample(3))
        #expect(
            dialogue.hear("250 OK", "250 OK", "550 No such user here", "250 OK", "354 Start mail input") == "content"
        )
        #expect(dialogue.hear("250 OK") == "wait")
        #expect(
            dialogue.hear("452 <green@foo.edu> is temporarily over quota")
                == "accepted 250, failed 550, deferred 452"
        )
        #expect(dialogue.mayBegin)
    }

    @Test func `the last chunk has as many replies, section 4-3`() throws {
        let dialogue = Self.ready("PIPELINING", "CHUNKING", "BINARYMIME")
        _ = dialogue.begin(try .sample(2) { $0.bodyType = .binaryMIME })
        #expect(dialogue.hear("250 OK", "250 OK", "250 OK").hasPrefix("chunk BDAT"))
        #expect(dialogue.hear("554 no", "250 OK") == "failed 554, accepted 250")
    }

    @Test func `replies that arrived before the connection was lost hold, section 5`() throws {
        let dialogue = Self.ready("PIPELINING")
        _ = dialogue.begin(try .sample(3))
        dialogue.hear("250 OK", "250 OK", "250 OK", "250 OK", "354 Start mail input", "250 OK")
        let lost = dialogue.session.lost(.connection(.connectionLost, "gone"))
        #expect(ClientDialogue.text(lost) == "accepted 250, deferred 421 4.4.2, deferred 421 4.4.2")
    }

    @Test func `nobody to deliver to is 503 to DATA, and no content follows`() throws {
        let dialogue = Self.ready("PIPELINING")
        _ = dialogue.begin(try .sample(1))
        #expect(dialogue.hear("250 OK", "550 no", "503 no recipients") == "failed 550")
        #expect(dialogue.mayBegin)
    }

    @Test func `without pipelining the commands go one by one`() throws {
        let dialogue = Self.ready()
        #expect(dialogue.begin(try .sample(2)).hasPrefix("MAIL FROM:"))
        #expect(dialogue.hear("250 OK").hasPrefix("RCPT TO:"))
        #expect(dialogue.hear("250 OK").hasPrefix("RCPT TO:"))
        #expect(dialogue.hear("250 OK") == "DATA")
        #expect(dialogue.hear("354 go") == "content")
        #expect(dialogue.hear("250 OK", "552 full") == "accepted 250, failed 552")
    }
}
