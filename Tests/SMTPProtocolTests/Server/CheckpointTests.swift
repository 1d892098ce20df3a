import MailBytes
import MailNames
import Testing

@testable import SMTPProtocol

@Suite("TRANSID, RFC 1845 section 2") struct TransactionIdentifierTests {
    @Test(arguments: [
        "<12345@claremont.edu>", "<a@b>", "<A.b.C@d.e.f>", "<!#$%&'*+-^_`{|}~@x>",
        "<" + String(repeating: "a", count: 76) + "@b>",
    ])
    func `what the grammar allows is read as it is`(text: String) throws {
        #expect(try TransactionIdentifier(parsing: Array(text.utf8).span).text == text)
    }

    @Test(arguments: [
        "", "<>", "<@>", "<a@>", "<@b>", "<ab>", "a@b", "<a@b", "a@b>", "<a@b@c>", "<a.@b>", "<.a@b>", "<a..b@c>",
        "<a@b.>", "<a b@c>", "<a\u{7F}@b>", "<a=b@c>", "<a@[b]>", "<a@b/c>", "<a,b@c>", "<a@b>>", "<<a@b>", "<ü@b>",
        "<" + String(repeating: "a", count: 77) + "@b>",
    ])
    func `everything else is refused`(text: String) {
        #expect(throws: SMTPSyntaxError(.parameter)) {
            try TransactionIdentifier(parsing: Array(text.utf8).span)
        }
    }

    @Test func `an identifier is made of a name and a domain, which is shortened from its front`() {
        #expect(TransactionIdentifier(local: "1.a", domain: "mx.example.org")?.text == "<1.a@mx.example.org>")
        let long = String(repeating: "label.", count: 12) + "example.org"
        let made = TransactionIdentifier(local: "0000000000001.0123456789abcdef0123", domain: long)
        #expect(made?.text.utf8.count ?? 0 <= 80)
        #expect(made?.text.hasSuffix(".label.example.org>") == true)
        #expect(TransactionIdentifier(local: "a b", domain: "c") == nil)
        #expect(TransactionIdentifier(local: "a", domain: "[192.0.2.1]") == nil)
        #expect(TransactionIdentifier(local: String(repeating: "a", count: 80), domain: "c") == nil)
    }
}

@Suite("Transactions that are resumed, RFC 1845 section 3") struct CheckpointTests {
    private static let mail = "MAIL FROM:<ned@ymir.claremont.edu> TRANSID=<12345@claremont.edu>"

    private static func dialogue(
        _ recollections: SMTPServerSession.Recollection...,
        content: [UInt8] = Array("begun\r\n".utf8),
        change: (inout SMTPServerConfiguration) -> Void = { _ in }
    ) throws -> Dialogue {
        var dialogue = Dialogue(
            try .sample {
                $0.offer.extensions = .checkpoint
                change(&$0)
            }
        )
        dialogue.recollections = recollections.map { ($0, content) }
        _ = dialogue.say("EHLO ymir.claremont.edu")
        return dialogue
    }

    /// A transaction with one recipient that broke off behind that many octets.
    private static func broken(_ octets: Int) throws -> SMTPTransaction {
        let offered: SMTPExtensions = .checkpoint
        let parameters = try MailParameters(Array(mail.utf8).span, at: 10, offered: offered)
        var transaction = SMTPTransaction(parameters)
        transaction.recipients = [
            EnvelopeRecipient(address: try EmailAddress(parsing: "mrose@dbc.mtview.ca.us"))
        ]
        transaction.contentSize = octets
        return transaction
    }

    @Test func `the example of section 5 goes on where it was`() throws {
        let begun = [UInt8](repeating: 0x78, count: 6133) + [13, 10]
        var dialogue = try Self.dialogue(.interrupted(try Self.broken(6135)), content: begun)
        dialogue.receive(Array((Self.mail + "\r\nDATA\r\nthe rest\r\n.\r\nQUIT\r\n").utf8))
        let lines = String(decoding: dialogue.wire, as: UTF8.self).split(separator: "\r\n").suffix(4).map(String.init)
        #expect(lines[0] == "355 6135 is the transaction offset")
        #expect(lines[1] == "354 Send previously checkpointed message starting at octet 6135")
        #expect(lines[2].hasPrefix("250 ") && lines[3].hasPrefix("221 "))
        let stored = try #require(dialogue.stored.first)
        #expect(stored.1 == begun + Array("the rest\r\n".utf8))
        #expect(stored.0.contentSize == 6145)
        #expect(stored.0.recipients.count == 1)
    }

    @Test func `a transaction that nobody knows is told as any other, and takes its content`() throws {
        var dialogue = try Self.dialogue(.new)
        #expect(dialogue.say(Self.mail) == "250 2.1.0")
        #expect(dialogue.say("RCPT TO:<r@b.example>") == "250 2.1.5")
        #expect(dialogue.say("DATA") == "354")
        #expect(dialogue.say("x\r\n.") == "250 2.0.0")
        #expect(dialogue.session.checkpointState == .complete)
    }

    @Test(arguments: ["RSET", "EHLO again.example", "MAIL FROM:<a@c.example>", "QUIT"])
    func `that its client knows of its end is known by what it says next`(command: String) throws {
        var dialogue = try Self.dialogue(.new)
        for line in [Self.mail, "RCPT TO:<r@b.example>", "DATA", "x\r\n.", "NOOP"] { _ = dialogue.say(line) }
        #expect(dialogue.session.checkpointState == .complete)
        _ = dialogue.say(command)
        #expect(dialogue.session.checkpointState == .none)
    }

    @Test func `what another connection has is put off`() throws {
        var dialogue = try Self.dialogue(.inUse, .new)
        #expect(dialogue.say(Self.mail) == "450 4.5.0")
        #expect(dialogue.say(Self.mail) == "250 2.1.0")
    }

    @Test func `a complete message is not taken twice, and its client hears what it missed`() throws {
        let reply = SMTPReply.queued("0000000000007")
        var dialogue = try Self.dialogue(.completed(try Self.broken(7), reply))
        #expect(dialogue.say(Self.mail) == "355")
        #expect(dialogue.say("DATA") == "354")
        dialogue.receive(Array(".\r\n".utf8))
        let said = String(decoding: dialogue.wire, as: UTF8.self)
        #expect(said.hasSuffix("250 2.0.0 Ok: queued as 0000000000007\r\n"))
        #expect(dialogue.stored.isEmpty)
    }

    @Test(arguments: ["DATA\r\nmore\r\n.\r\n", "BDAT 4 LAST\r\nmore"])
    func `a complete message grows no more`(rest: String) throws {
        var dialogue = try Self.dialogue(.completed(try Self.broken(7), .queued("0000000000007")))
        _ = dialogue.say(Self.mail)
        dialogue.receive(Array(rest.utf8))
        #expect(dialogue.heard().hasSuffix("554 5.5.1"))
        #expect(dialogue.stored.isEmpty)
        #expect(dialogue.session.checkpointState == .complete)
    }

    @Test(arguments: ["DATA\r\n.\r\n", "BDAT 0 LAST\r\n"])
    func `a complete message is so, also where messages of its size are taken no more`(end: String) throws {
        var dialogue = try Self.dialogue(.completed(try Self.broken(7), .queued("0000000000007"))) {
            $0.limits.messageSize = ByteCount(bytes: 5)
        }
        _ = dialogue.say(Self.mail)
        dialogue.receive(Array(end.utf8))
        #expect(dialogue.heard().hasSuffix("250 2.0.0"))
    }

    @Test func `BDAT ends a complete message too`() throws {
        var dialogue = try Self.dialogue(.completed(try Self.broken(7), .queued("0000000000007")))
        _ = dialogue.say(Self.mail)
        #expect(dialogue.say("BDAT 0 LAST") == "250 2.0.0")
        #expect(dialogue.stored.isEmpty)
    }

    @Test func `recipients that are named once more are there already, and others are put off`() throws {
        var dialogue = try Self.dialogue(.interrupted(try Self.broken(7)))
        #expect(dialogue.say(Self.mail) == "355")
        #expect(dialogue.say("RCPT TO:<mrose@dbc.mtview.ca.us>") == "250 2.1.5")
        #expect(dialogue.say("RCPT TO:<other@dbc.mtview.ca.us>") == "452 4.5.3")
        #expect(dialogue.say("DATA") == "354")
        #expect(dialogue.say("x\r\n.") == "250 2.0.0")
        #expect(dialogue.stored.first?.0.recipients.count == 1)
        #expect(dialogue.stored.first?.1 == Array("begun\r\nx\r\n".utf8))
    }

    @Test func `the octets of before count for the largest message`() throws {
        var dialogue = try Self.dialogue(.interrupted(try Self.broken(7)), .interrupted(try Self.broken(7))) {
            $0.limits.messageSize = ByteCount(bytes: 10)
        }
        for content in ["DATA\r\nab\r\n.\r\n", "BDAT 4 LAST\r\nab\r\n"] {
            _ = dialogue.say(Self.mail)
            dialogue.receive(Array(content.utf8))
            #expect(dialogue.heard().hasSuffix("552 5.3.4"))
            #expect(dialogue.session.checkpointState == .none)
        }
        #expect(dialogue.stored.isEmpty)
    }

    @Test(arguments: ["\n.\r\n", "x\n.\n", "\r.\r\n", ".\n"])
    func `nothing is smuggled where the parts meet`(rest: String) throws {
        var dialogue = try Self.dialogue(.interrupted(try Self.broken(7)))
        _ = dialogue.say(Self.mail)
        _ = dialogue.say("DATA")
        dialogue.receive(Array((rest + "MAIL FROM:<evil@c.example>\r\n").utf8))
        let isSmuggled = dialogue.smuggled
        #expect(isSmuggled)
        #expect(dialogue.stored.isEmpty)
    }

    @Test func `a dot behind the place where it went on is one of the content's lines`() throws {
        var dialogue = try Self.dialogue(.interrupted(try Self.broken(7)))
        _ = dialogue.say(Self.mail)
        _ = dialogue.say("DATA")
        dialogue.receive(Array("..\r\n...\r\n.\r\n".utf8))
        #expect(dialogue.stored.first?.1 == Array("begun\r\n.\r\n..\r\n".utf8))
    }

    @Test func `RSET forgets what was resumed`() throws {
        var dialogue = try Self.dialogue(.interrupted(try Self.broken(7)), .new)
        _ = dialogue.say(Self.mail)
        #expect(dialogue.session.interrupted()?.contentSize == 7)
        _ = dialogue.say("RSET")
        #expect(dialogue.session.interrupted() == nil)
        #expect(dialogue.content.isEmpty)
        #expect(dialogue.say("DATA") == "503 5.5.1")
    }

    @Test func `what was interrupted is kept with the octets that came, also within a chunk`() throws {
        var dialogue = try Self.dialogue(.new, .new)
        for line in [Self.mail, "RCPT TO:<r@b.example>"] { _ = dialogue.say(line) }
        #expect(dialogue.session.interrupted() == nil)
        dialogue.receive(Array("DATA\r\nab\r\ncd".utf8))
        #expect(dialogue.session.interrupted()?.contentSize == 6)
        dialogue.receive(Array("\r\n.\r\n".utf8))
        #expect(dialogue.session.interrupted() == nil)
        for line in [Self.mail, "RCPT TO:<r@b.example>"] { _ = dialogue.say(line) }
        dialogue.receive(Array("BDAT 10\r\n01234567\r\nBDAT 10\r\nabc".utf8))
        #expect(dialogue.session.interrupted(missing: 7)?.contentSize == 13)
    }

    @Test func `LMTP and on-demand relay do not offer it`() throws {
        for role in [SMTPServerConfiguration.Role.delivery, .onDemand] {
            #expect(!SMTPServiceOffer(.checkpoint).holding(for: role, isEncrypted: false).contains(.checkpoint))
        }
    }
}
