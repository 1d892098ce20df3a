import MailBytes
import POPProtocol
import SASL
import Testing

@Suite("AUTHORIZATION, RFC 1939 sections 4 and 7") struct AuthorizationTests {
    @Test func `the greeting is one positive line`() {
        #expect(
            POPReply(greetingOf: "pop.example.com").encoded == Array("+OK pop.example.com POP3 server ready\r\n".utf8)
        )
    }

    @Test func `USER and PASS open the maildrop`() {
        var conversation = Conversation()
        let user = conversation.say("USER alice")
        #expect(user.hasPrefix("+OK"))
        let pass = conversation.say("pass secret")
        #expect(pass == "+OK maildrop has 3 messages (86 octets)\r\n")
        let isIn = conversation.session.isAuthenticated
        #expect(isIn)
    }

    @Test func `PASS takes its whole argument, spaces at the end too`() {
        var conversation = Conversation()
        _ = conversation.say("USER alice")
        _ = conversation.say("PASS  two  words ")
        let verified = conversation.verified
        #expect(verified == ["alice: two  words "])
    }

    @Test func `PASS comes right after a good USER or not at all`() {
        var conversation = Conversation()
        let early = conversation.say("PASS secret")
        #expect(early.hasPrefix("-ERR"))
        _ = conversation.say("USER alice")
        _ = conversation.say("CAPA")
        let late = conversation.say("PASS secret")
        #expect(late.hasPrefix("-ERR"))
        let verified = conversation.verified
        #expect(verified.isEmpty)
    }

    @Test func `a name that does not exist is answered as one that does`() {
        var conversation = Conversation()
        let known = conversation.say("USER alice")
        let unknown = conversation.say("USER nobody")
        #expect(known == unknown)
    }

    @Test(arguments: ["STAT", "LIST", "LIST 1", "RETR 1", "DELE 1", "NOOP", "RSET", "TOP 1 0", "UIDL"])
    func `commands of the TRANSACTION state are refused`(line: String) {
        var conversation = Conversation()
        let answer = conversation.say(line)
        #expect(answer.hasPrefix("-ERR"))
        let isIn = conversation.session.isAuthenticated
        #expect(!isIn)
    }

    @Test func `QUIT ends without the UPDATE state`() {
        var conversation = Conversation()
        let answer = conversation.say("QUIT")
        #expect(answer.hasPrefix("+OK"))
        let removed = conversation.removed
        #expect(removed == nil)
        let isClosed = conversation.isClosed
        #expect(isClosed)
    }

    @Test func `APOP is refused and not announced by a time stamp`() {
        var conversation = Conversation()
        let answer = conversation.say("APOP mrose c4c9334bac560ecc979e58001b3e22fb")
        #expect(answer.hasPrefix("-ERR"))
        #expect(!POPReply(greetingOf: "pop.example.com").text.contains("<"))
    }

    @Test(arguments: [
        (POPServerSession.LoginJudgement.rejected, "-ERR [AUTH] "),
        (.maildropInUse, "-ERR [IN-USE] "),
        (.tooSoon, "-ERR [LOGIN-DELAY] "),
        (.unavailable, "-ERR [SYS/TEMP] "),
        (.broken, "-ERR [SYS/PERM] "),
    ])
    func `each refusal has its code, and another try is possible`(
        judgement: POPServerSession.LoginJudgement,
        prefix: String
    ) {
        var conversation = Conversation()
        conversation.judgement = judgement
        _ = conversation.say("USER alice")
        let refused = conversation.say("PASS secret")
        #expect(refused.hasPrefix(prefix))
        conversation.judgement = nil
        _ = conversation.say("USER alice")
        let accepted = conversation.say("PASS secret")
        #expect(accepted.hasPrefix("+OK"))
    }

    @Test func `failed log-ins are answered ever later, and the last one ends the session`() {
        var conversation = Conversation()
        var delays: [Duration] = []
        for _ in 0..<3 {
            _ = conversation.say("USER alice")
            conversation.delay = .zero
            _ = conversation.say("PASS wrong")
            delays.append(conversation.delay)
        }
        #expect(delays == [.seconds(2), .seconds(4), .seconds(8)])
        let isClosed = conversation.isClosed
        #expect(isClosed)
    }

    @Test func `a maildrop in use is no failed log-in`() {
        var conversation = Conversation()
        conversation.judgement = .maildropInUse
        for _ in 0..<5 {
            _ = conversation.say("USER alice")
            _ = conversation.say("PASS secret")
        }
        let isClosed = conversation.isClosed
        #expect(!isClosed)
        let delay = conversation.delay
        #expect(delay == .zero)
    }
}

@Suite("AUTH, RFC 5034") struct AuthTests {
    private static let plain = Base64.encode(Array("\0alice\0secret".utf8))

    @Test func `PLAIN with an initial response`() {
        var conversation = Conversation()
        let answer = conversation.say("AUTH PLAIN \(Self.plain)")
        #expect(answer.hasPrefix("+OK maildrop"))
    }

    @Test func `PLAIN after an empty challenge, which is a plus and a space`() {
        var conversation = Conversation()
        let challenge = conversation.say("auth plain")
        #expect(challenge == "+ \r\n")
        let answer = conversation.say(Self.plain)
        #expect(answer.hasPrefix("+OK maildrop"))
    }

    @Test func `LOGIN asks twice`() {
        var conversation = Conversation()
        let first = conversation.say("AUTH LOGIN")
        #expect(first == "+ VXNlcm5hbWU6\r\n")
        let second = conversation.say(Base64.encode(Array("alice".utf8)))
        #expect(second == "+ UGFzc3dvcmQ6\r\n")
        let answer = conversation.say(Base64.encode(Array("secret".utf8)))
        #expect(answer.hasPrefix("+OK maildrop"))
    }

    @Test(arguments: ["*", "=AAA", "AAA=BBB", "STAT", "QUIT", ""])
    func `a cancelled or broken exchange leaves the session as it was`(line: String) {
        var conversation = Conversation()
        _ = conversation.say("AUTH PLAIN")
        let refused = conversation.say(line)
        #expect(refused.hasPrefix("-ERR"))
        let isClosed = conversation.isClosed
        #expect(!isClosed)
        let answer = conversation.say("AUTH PLAIN \(Self.plain)")
        #expect(answer.hasPrefix("+OK maildrop"))
    }

    @Test func `a response may be longer than a command`() {
        var conversation = Conversation()
        _ = conversation.say("AUTH PLAIN")
        let long = String(repeating: "s", count: 900)
        let answer = conversation.say(Base64.encode(Array("\0alice\0\(long)".utf8)))
        #expect(answer.hasPrefix("-ERR [AUTH]"))
        let verified = conversation.verified
        #expect(verified == ["alice:\(long)"])
    }

    @Test func `a response beyond every bound ends the exchange`() {
        var conversation = Conversation()
        _ = conversation.say("AUTH PLAIN")
        let refused = conversation.say(String(repeating: "A", count: 12_288))
        #expect(refused.hasPrefix("-ERR"))
        let limit = conversation.session.lineLimit
        #expect(limit == 253)
    }

    @Test func `an unknown mechanism is refused`() {
        var conversation = Conversation()
        let answer = conversation.say("AUTH CRAM-MD5")
        #expect(answer.hasPrefix("-ERR"))
        let next = conversation.say("AUTH PLAIN \(Self.plain)")
        #expect(next.hasPrefix("+OK"))
    }

    @Test func `after a good one there is no other`() {
        var conversation = Conversation.loggedIn()
        let answer = conversation.say("AUTH PLAIN \(Self.plain)")
        #expect(answer.hasPrefix("-ERR"))
        let verified = conversation.verified
        #expect(verified.count == 1)
    }

    @Test func `AUTH alone lists the mechanisms`() {
        var conversation = Conversation()
        let answer = conversation.say("AUTH")
        #expect(answer == "+OK mechanisms follow\r\nPLAIN\r\nLOGIN\r\n.\r\n")
    }
}

@Suite("STLS, RFC 2595 section 4") struct StartTLSTests {
    private static func capabilities(_ answer: String) -> Set<Substring> {
        Set(answer.split(separator: "\r\n").dropFirst().dropLast())
    }

    @Test func `passwords are taken under TLS alone`() {
        var conversation = Conversation(isEncrypted: false)
        for line in ["USER alice", "AUTH PLAIN AGEAYg==", "AUTH PLAIN", "AUTH LOGIN"] {
            let answer = conversation.say(line)
            #expect(answer.hasPrefix("-ERR"), "\(line)")
        }
        let before = Self.capabilities(conversation.say("CAPA"))
        #expect(before.contains("STLS"))
        #expect(!before.contains("USER"))
        #expect(!before.contains { $0.hasPrefix("SASL") })
        let begin = conversation.say("STLS")
        #expect(begin == "+OK begin TLS negotiation\r\n")
        let after = Self.capabilities(conversation.say("CAPA"))
        #expect(!after.contains("STLS"))
        #expect(after.contains("USER"))
        #expect(after.contains("SASL PLAIN LOGIN"))
        _ = conversation.say("USER alice")
        let answer = conversation.say("PASS secret")
        #expect(answer.hasPrefix("+OK"))
    }

    @Test func `what was said before the handshake is forgotten`() {
        let configuration = POPServerConfiguration(hostName: "pop.example.com", plaintextPasswords: .always)
        var conversation = Conversation(configuration: configuration, isEncrypted: false)
        _ = conversation.say("USER alice")
        _ = conversation.say("STLS")
        let answer = conversation.say("PASS secret")
        #expect(answer.hasPrefix("-ERR"))
        let verified = conversation.verified
        #expect(verified.isEmpty)
    }

    @Test func `it is refused when TLS is active, after UTF8, after the log-in and where there is none`() {
        var active = Conversation()
        let activeAnswer = active.say("STLS")
        #expect(activeAnswer.hasPrefix("-ERR"))
        var utf8 = Conversation(isEncrypted: false)
        _ = utf8.say("UTF8")
        let utf8Answer = utf8.say("STLS")
        #expect(utf8Answer.hasPrefix("-ERR"))
        var late = Conversation.loggedIn()
        let lateAnswer = late.say("STLS")
        #expect(lateAnswer.hasPrefix("-ERR"))
        var none = Conversation(
            configuration: POPServerConfiguration(hostName: "pop.example.com", offersTLS: false),
            isEncrypted: false
        )
        let noneAnswer = none.say("STLS")
        #expect(noneAnswer.hasPrefix("-ERR"))
        let handshakes = [active.handshakes, utf8.handshakes, late.handshakes, none.handshakes]
        #expect(handshakes == [0, 0, 0, 0])
    }

    @Test func `during the handshake no line is taken`() {
        let configuration = POPServerConfiguration(hostName: "pop.example.com")
        var session = POPServerSession(configuration: configuration, isEncrypted: false)
        let line = Array("STLS".utf8)
        guard case .startTLS = session.lineReceived(line.span) else {
            Issue.record("STLS was not taken")
            return
        }
        let accepts = session.acceptsLines
        #expect(!accepts)
        let injected = Array("USER mallory".utf8)
        let action = session.lineReceived(injected.span)
        #expect(action == .proceed)
    }
}

@Suite("CAPA, RFC 2449") struct CapabilityTests {
    @Test func `every capability is announced`() {
        let configuration = POPServerConfiguration(
            hostName: "pop.example.com",
            implementation: "Martlet-1",
            expiry: .days(60),
            loginDelay: .seconds(900)
        )
        var conversation = Conversation(configuration: configuration)
        let answer = conversation.say("CAPA")
        #expect(
            answer == """
                +OK capability list follows\r
                TOP\r
                UIDL\r
                PIPELINING\r
                RESP-CODES\r
                AUTH-RESP-CODE\r
                UTF8 USER\r
                USER\r
                SASL PLAIN LOGIN\r
                EXPIRE 60\r
                LOGIN-DELAY 900\r
                IMPLEMENTATION Martlet-1\r
                .\r

                """
        )
    }

    @Test func `what is announced before the log-in is announced after it`() {
        var before = Conversation()
        let first = before.say("CAPA")
        var after = Conversation.loggedIn()
        let second = after.say("CAPA")
        #expect(first == second)
        #expect(first.contains("EXPIRE NEVER\r\n"))
        #expect(!first.contains("LOGIN-DELAY"))
    }
}
