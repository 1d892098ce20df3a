import POPProtocol
import Testing

@Suite("TRANSACTION and UPDATE, RFC 1939 sections 5 to 7") struct TransactionTests {
    @Test func `STAT counts what is not deleted`() {
        var conversation = Conversation.loggedIn()
        let all = conversation.say("STAT")
        #expect(all == "+OK 3 86\r\n")
        _ = conversation.say("DELE 1")
        let rest = conversation.say("STAT")
        #expect(rest == "+OK 2 42\r\n")
        _ = conversation.say("RSET")
        let again = conversation.say("STAT")
        #expect(again == "+OK 3 86\r\n")
    }

    @Test func `LIST and UIDL, whole and for one message`() {
        var conversation = Conversation.loggedIn()
        _ = conversation.say("DELE 2")
        let list = conversation.say("LIST")
        #expect(list == "+OK listing follows\r\n1 44\r\n3 26\r\n.\r\n")
        let one = conversation.say("LIST 3")
        #expect(one == "+OK 3 26\r\n")
        let ids = conversation.say("UIDL")
        #expect(ids == "+OK listing follows\r\n1 uid-1\r\n3 uid-3\r\n.\r\n")
        let id = conversation.say("uidl 1")
        #expect(id == "+OK 1 uid-1\r\n")
    }

    @Test(arguments: [
        "LIST 2", "UIDL 2", "RETR 2", "TOP 2 0", "DELE 2", "LIST 4", "UIDL 4", "RETR 4", "TOP 4 0", "DELE 4",
        "RETR 0", "RETR", "RETR x", "RETR -1", "RETR 1 2", "TOP 1", "TOP 1 -1", "TOP 1 x", "TOP 1 1 1", "LIST 1 1",
        "RETR 99999999999999999999", "DELE 999999999",
    ])
    func `no such message is refused and changes nothing`(line: String) {
        var conversation = Conversation.loggedIn()
        _ = conversation.say("DELE 2")
        let answer = conversation.say(line)
        #expect(answer.hasPrefix("-ERR"))
        #expect(answer.hasSuffix("\r\n"))
        let statistics = conversation.say("STAT")
        #expect(statistics == "+OK 2 70\r\n")
    }

    @Test func `RETR sends the message byte-stuffed`() {
        var conversation = Conversation.loggedIn()
        let answer = conversation.say("RETR 1")
        #expect(answer == "+OK message follows\r\nSubject: one\r\n\r\nfirst line\r\n..second\r\nthird\r\n.\r\n")
    }

    @Test(arguments: [
        ("TOP 1 0", "Subject: one\r\n\r\n"),
        ("TOP 1 1", "Subject: one\r\n\r\nfirst line\r\n"),
        ("TOP 1 2", "Subject: one\r\n\r\nfirst line\r\n..second\r\n"),
        ("TOP 1 999999", "Subject: one\r\n\r\nfirst line\r\n..second\r\nthird\r\n"),
        ("TOP 2 5", "Subject: two\r\n\r\n"),
    ])
    func `TOP sends the header section and as many lines as asked for`(line: String, expected: String) {
        var conversation = Conversation.loggedIn()
        let answer = conversation.say(line)
        #expect(answer == "+OK message follows\r\n\(expected).\r\n")
    }

    @Test func `a message that cannot be read is refused, and the session lives on`() {
        var conversation = Conversation.loggedIn()
        conversation.canOpen = false
        let refused = conversation.say("RETR 1")
        #expect(refused.hasPrefix("-ERR [SYS/TEMP]"))
        conversation.canOpen = true
        let answer = conversation.say("RETR 1")
        #expect(answer.hasPrefix("+OK"))
    }

    @Test func `a message that breaks off ends the connection`() {
        let configuration = POPServerConfiguration(hostName: "h")
        var session = POPServerSession.sendingAMessage(configuration)
        let action = session.messageBroken()
        #expect(action == .close)
    }

    @Test func `NOOP does nothing`() {
        var conversation = Conversation.loggedIn()
        let answer = conversation.say("NOOP")
        #expect(answer == "+OK\r\n")
    }

    @Test(arguments: ["USER alice", "PASS secret", "APOP a b", "STLS", "UTF8", "AUTH"])
    func `commands of the AUTHORIZATION state are refused`(line: String) {
        var conversation = Conversation.loggedIn()
        let answer = conversation.say(line)
        #expect(answer.hasPrefix("-ERR"))
        let statistics = conversation.say("STAT")
        #expect(statistics == "+OK 3 86\r\n")
    }

    @Test func `messages are removed at QUIT, and those marked alone`() {
        var conversation = Conversation.loggedIn()
        _ = conversation.say("DELE 3")
        _ = conversation.say("DELE 1")
        let before = conversation.removed
        #expect(before == nil)
        let answer = conversation.say("QUIT")
        #expect(answer == "+OK goodbye\r\n")
        let removed = conversation.removed
        #expect(removed == [0, 2])
    }

    @Test func `RSET takes all marks away`() {
        var conversation = Conversation.loggedIn()
        _ = conversation.say("DELE 1")
        _ = conversation.say("RSET")
        let answer = conversation.say("QUIT")
        #expect(answer == "+OK goodbye\r\n")
        let removed = conversation.removed
        #expect(removed == nil)
    }

    @Test func `a removal that fails is told`() {
        var conversation = Conversation.loggedIn()
        conversation.canRemove = false
        _ = conversation.say("DELE 1")
        let answer = conversation.say("QUIT")
        #expect(answer.hasPrefix("-ERR [SYS/TEMP]"))
        let isClosed = conversation.isClosed
        #expect(isClosed)
    }

    @Test func `a lost connection, a time-out and too many errors remove nothing`() {
        var lost = Conversation.loggedIn()
        _ = lost.say("DELE 1")
        let lostAction = lost.session.connectionLost()
        #expect(lostAction == .close)
        var timed = Conversation.loggedIn()
        _ = timed.say("DELE 1")
        let timedAction = timed.session.timedOut()
        #expect(timedAction == .close)
        var errors = Conversation.loggedIn()
        _ = errors.say("DELE 1")
        for _ in 0..<10 { _ = errors.say("XYZZ") }
        let isClosed = errors.isClosed
        #expect(isClosed)
        let removed = [lost.removed, timed.removed, errors.removed]
        #expect(removed == [nil, nil, nil])
        let after = lost.say("QUIT")
        #expect(after == "<busy>")
    }

    @Test func `a listing of a hundred thousand messages is made in chunks`() {
        let messages = (1...100_000).map { POPMaildrop.Message(size: $0, uniqueID: String($0, radix: 36)) }
        let configuration = POPServerConfiguration(hostName: "h")
        var session = POPServerSession.loggedIn(configuration, POPMaildrop(messages: messages))
        let line = Array("LIST".utf8)
        guard case .sendListing = session.lineReceived(line.span) else {
            Issue.record("LIST was not taken")
            return
        }
        var wire: [UInt8] = []
        var largest = 0
        while let chunk = session.nextListingChunk() {
            let accepts = session.acceptsLines
            #expect(!accepts)
            largest = max(largest, chunk.count)
            wire += chunk
        }
        #expect(largest < 16 * 1024 + 64)
        #expect(wire == Array(((1...100_000).map { "\($0) \($0)\r\n" }.joined() + ".\r\n").utf8))
        let accepts = session.acceptsLines
        #expect(accepts)
    }

    @Test func `an empty maildrop has empty listings`() {
        var conversation = Conversation()
        conversation.judgement = .accepted(POPMaildrop(messages: []))
        _ = conversation.say("USER alice")
        let answer = conversation.say("PASS secret")
        #expect(answer == "+OK maildrop has 0 messages (0 octets)\r\n")
        let list = conversation.say("LIST")
        #expect(list == "+OK listing follows\r\n.\r\n")
        let statistics = conversation.say("STAT")
        #expect(statistics == "+OK 0 0\r\n")
    }
}

@Suite("UTF8, RFC 6856") struct UTF8Tests {
    @Test(arguments: ["RETR 3", "TOP 3 0"])
    func `a message with UTF-8 header fields is sent as it is in UTF-8 mode, else as a surrogate`(line: String) {
        var ascii = Conversation.loggedIn()
        let surrogate = ascii.say(line)
        #expect(surrogate.hasPrefix("+OK message follows\r\nSurrogate: yes\r\n"))
        var utf8 = Conversation.loggedIn(utf8: true)
        let answer = utf8.say(line)
        #expect(answer.contains("Subject: Grüße\r\n"))
        let other = ascii.say("RETR 1")
        #expect(other.hasPrefix("+OK") && !other.contains("Surrogate"))
    }

    @Test func `names and passwords may be UTF-8, and must be right UTF-8`() {
        var conversation = Conversation()
        _ = conversation.say("USER jürgen")
        _ = conversation.say("PASS größe")
        let verified = conversation.verified
        #expect(verified == ["jürgen:größe"])
        let broken = conversation.say(Array("USER ".utf8) + [0xC3, 0x28])
        #expect(broken.hasPrefix("-ERR"))
    }
}

extension POPServerSession {
    static func loggedIn(_ configuration: POPServerConfiguration, _ maildrop: POPMaildrop) -> POPServerSession {
        var session = POPServerSession(configuration: configuration, isEncrypted: true)
        let user = Array("USER a".utf8), pass = Array("PASS b".utf8)
        _ = session.lineReceived(user.span)
        _ = session.lineReceived(pass.span)
        _ = session.loginJudged(.accepted(maildrop))
        return session
    }

    static func sendingAMessage(_ configuration: POPServerConfiguration) -> POPServerSession {
        var session = Self.loggedIn(configuration, Conversation.maildrop)
        let retrieve = Array("RETR 1".utf8)
        _ = session.lineReceived(retrieve.span)
        _ = session.messageOpened(true)
        return session
    }
}
