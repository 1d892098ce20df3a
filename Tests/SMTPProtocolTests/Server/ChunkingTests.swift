import MailBytes
import Testing

@testable import SMTPProtocol

@Suite("BDAT, RFC 3030") struct ChunkingTests {
    private static let opening =
        "EHLO c.example\r\nMAIL FROM:<a@b.example> BODY=BINARYMIME\r\nRCPT TO:<joe@b.example>\r\n"

    @Test func `the chunks of section 4.2 become one message, cut wherever it may be`() throws {
        let bytes = Array((Self.opening + "BDAT 5\r\nab\n\rcBDAT 3\r\nQUIBDAT 0 LAST\r\nQUIT\r\n").utf8)
        for cut in 0...bytes.count {
            var dialogue = Dialogue(try .sample())
            dialogue.receive(Array(bytes[..<cut]))
            dialogue.receive(Array(bytes[cut...]))
            let heard = dialogue.heard()
            #expect(heard == "250, 250 2.1.0, 250 2.1.5, 250 2.0.0, 250 2.0.0, 250 2.0.0, 221 2.0.0", "cut at \(cut)")
            let content = dialogue.stored.first?.1 ?? []
            #expect(String(decoding: content, as: UTF8.self) == "ab\n\rcQUI")
        }
    }

    @Test func `octets of a refused chunk are thrown away and are no commands`() throws {
        var dialogue = Dialogue(try .sample())
        let heard = dialogue.say("EHLO c.example\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP")
        #expect(heard == "250, 503 5.5.1, 250 2.0.0")
    }

    @Test func `BDAT and DATA do not mix`() throws {
        var dialogue = Dialogue(try .sample())
        let heard = dialogue.say(Self.opening + "DATA\r\nBDAT 1\r\nxDATA\r\nRCPT TO:<b@b.example>\r\nRSET\r\nBDAT x")
        #expect(
            heard
                == "250, 250 2.1.0, 250 2.1.5, 503 5.5.1, 250 2.0.0, 503 5.5.1, 503 5.5.1, 250 2.0.0, 501 5.5.4"
        )
    }

    @Test(arguments: [
        "BDAT", "BDAT x", "BDAT -1", "BDAT 5x LAST", "BDAT 99999999999999999999", "BDAT LAST", "BDAT 5 FIRST",
        "bdat 5 LAST LAST", "BDAT 5\u{0} LAST", "BDAT\t5",
    ]) func `what follows a chunk of unknown size is never taken for commands`(_ line: String) throws {
        for opening in ["", "EHLO c.example\r\n", Self.opening, Self.opening + "BDAT 1\r\nx"] {
            var dialogue = Dialogue(try .sample())
            dialogue.receive(Array(opening.utf8))
            _ = dialogue.heard()
            let heard = dialogue.say(line + "\r\nRSET\r\nMAIL FROM:<evil@b.example>\r\nRCPT TO:<joe@b.example>")
            #expect(heard == "501 5.5.4", "\(line) behind \(opening)")
            let isClosed = dialogue.isClosed
            #expect(isClosed, "\(line) behind \(opening)")
        }
    }

    @Test func `a word that begins like BDAT announces no content`() throws {
        var dialogue = Dialogue(try .sample())
        let heard = dialogue.say("BDATA 5\r\nNOOP")
        #expect(heard == "500 5.5.2, 250 2.0.0")
    }

    @Test func `a chunk that is too large ends its transaction, and leaves nothing to the next`() throws {
        var dialogue = Dialogue(try .sample { $0.limits.messageSize = .init(bytes: 4) })
        let opening = "MAIL FROM:<a@b.example>\r\nRCPT TO:<joe@b.example>\r\n"
        let heard = dialogue.say(
            "EHLO c.example\r\n" + opening + "BDAT 2\r\nx\rBDAT 3\r\nabc" + opening + "BDAT 2 LAST\r\nok" + "NOOP"
        )
        #expect(
            heard
                == "250, 250 2.1.0, 250 2.1.5, 250 2.0.0, 552 5.3.4, 250 2.1.0, 250 2.1.5, 250 2.0.0, 250 2.0.0"
        )
    }
}
