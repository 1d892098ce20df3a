import MailBytes
import POPProtocol
import Testing

@Suite("Lines, RFC 2449 sections 3 and 4") struct LineTests {
    @Test func `a command of 255 octets with its CR LF is taken, one more is not`() {
        var conversation = Conversation()
        let taken = conversation.say("USER " + String(repeating: "a", count: 248))
        #expect(taken.hasPrefix("+OK"))
        let refused = conversation.say("USER " + String(repeating: "a", count: 249))
        #expect(refused.hasPrefix("-ERR line too long"))
    }

    @Test(arguments: [
        "", " ", "XYZZ", "USERS alice", "STATS", "CAP", "CAPAA", "USER", "USER ", "PASS", "RETR", "NOOP x",
        "QUIT now", "US\0ER", "USER a\rb", "USER a\nb", "CAPA\t", "AUTH PLAIN a b", "AUTH @", "ÜSER a",
    ])
    func `what is no command is refused and counted`(line: String) {
        var conversation = Conversation()
        for count in 1...10 {
            let isClosed = conversation.isClosed
            #expect(!isClosed, "after \(count - 1)")
            let answer = conversation.say(line)
            #expect(answer.hasPrefix("-ERR"))
        }
        let isClosed = conversation.isClosed
        #expect(isClosed)
    }

    @Test(arguments: ["noop ", "NoOp", "NOOP   "])
    func `case and spaces at the end do not matter`(line: String) {
        var conversation = Conversation.loggedIn()
        let answer = conversation.say(line)
        #expect(answer == "+OK\r\n")
    }

    @Test func `every reply's first line has at most 512 octets and no control characters`() {
        var random = SplitMix64(seed: 3)
        let words = [
            "USER", "PASS", "AUTH", "PLAIN", "LIST", "RETR", "TOP", "1", "3", "CAPA", "STAT", "UIDL", "DELE", "RSET",
            "alice", "secret", "AGFsaWNlAHNlY3JldA==", "=", "*", "\0", "é", "NOOP", "UTF8", "STLS", "  ", "QUIT",
        ]
        for round in 0..<2000 {
            var conversation = Conversation()
            for _ in 0..<12 {
                let line = (0..<Int.random(in: 0...3, using: &random))
                    .map { _ in words[Int.random(in: 0..<words.count, using: &random)] }.joined(separator: " ")
                let isClosed = conversation.isClosed
                guard !isClosed else { break }
                let answer = conversation.say(line)
                #expect(
                    answer.hasPrefix("+OK") || answer.hasPrefix("-ERR") || answer.hasPrefix("+ "),
                    "seed 3, \(round): \(line)"
                )
                #expect(answer.hasSuffix("\r\n"), "seed 3, round \(round): \(line)")
                #expect((answer.split(separator: "\r\n").first?.utf8.count ?? 0) <= 510)
            }
        }
    }

    @Test func `octets from anywhere never trap and never log in`() {
        var random = SplitMix64(seed: 11)
        for round in 0..<5000 {
            var conversation = Conversation()
            for _ in 0..<4 {
                let count = Int.random(in: 0...300, using: &random)
                let line = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) }
                _ = conversation.say(line)
            }
            let isIn = conversation.session.isAuthenticated && !conversation.isClosed
            #expect(!isIn, "seed 11, round \(round)")
        }
    }
}
