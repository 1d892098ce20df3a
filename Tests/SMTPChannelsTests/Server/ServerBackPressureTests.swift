import NIOCore
import SMTPChannels
import SMTPProtocol
import Testing

@Suite("Back-pressure of SMTP server connections") struct ServerBackPressureTests {
    private static let opening = "EHLO c.example\r\nMAIL FROM:<a@c.example>\r\n"
    /// More than is kept for a client whose command waits.
    private static let flood = String(repeating: "NOOP\r\n", count: 11_000)

    @Test func `while a verdict is awaited nothing is done, and beyond a bound nothing is read`() throws {
        let connection = try ServerConnection(TestAuthority(holding: .recipients))
        try connection.say(Self.opening)
        #expect(try connection.say("RCPT TO:<joe@b.example>\r\nRSET\r\n").isEmpty)
        connection.channel.read()
        #expect(connection.reads == 1)
        #expect(try connection.say(Self.flood).isEmpty)
        connection.channel.read()
        connection.channel.read()
        #expect(connection.reads == 1)
        connection.authority.decide()
        #expect(connection.reads == 2)
        let answers = try connection.heard().split(separator: "\r\n")
        #expect(answers.prefix(3).allSatisfy { $0.hasPrefix("250 2.") })
        // What a flood of NOOP comes to is the session's affair.
        #expect(answers.last?.hasPrefix("421 4.7.0") == true)
    }

    @Test func `verdicts come one at a time, in the order of the commands`() throws {
        let connection = try ServerConnection(TestAuthority(holding: .recipients))
        try connection.say(Self.opening + "RCPT TO:<r1@b.example>\r\nRCPT TO:<r2@b.example>\r\nDATA\r\n.\r\n")
        connection.authority.decide(.refused(SMTPReply(550, EnhancedStatus(5, 1, 1), "no")))
        #expect(ServerConnection.codes(try connection.heard()) == "550 5.1.1")
        connection.authority.decide()
        #expect(ServerConnection.codes(try connection.heard()) == "250 2.1.5, 354, 250 2.0.0")
        #expect(connection.authority.stored == ["<a@c.example> r2@b.example "])
    }

    @Test func `while a message becomes durable the next command waits`() throws {
        let connection = try ServerConnection(TestAuthority(holding: .commits))
        try connection.say(Self.opening + "RCPT TO:<r1@b.example>\r\nDATA\r\n.\r\n")
        #expect(try connection.say("MAIL FROM:<b@c.example>\r\n").isEmpty)
        connection.authority.finishCommit()
        #expect(ServerConnection.codes(try connection.heard()) == "250 2.0.0, 250 2.1.0")
    }

    @Test func `a client that does not read its replies is not read from`() throws {
        let connection = try ServerConnection()
        _ = try connection.heard()
        connection.channel.isWritable = false
        connection.channel.read()
        #expect(connection.reads == 0)
        connection.becomeWritable(true)
        #expect(connection.reads == 1)
    }

    @Test func `a group whose replies nobody reads stops, and goes on with the reading`() throws {
        let connection = try ServerConnection()
        try connection.say(Self.opening)
        connection.channel.isWritable = false
        let group = (0..<3000).map { "RCPT TO:<r\($0)@b.example>\r\n" }.joined()
        let before = try connection.say(group).split(separator: ",").count
        #expect(before > 0 && before < 3000)
        connection.becomeWritable(true)
        let behind = ServerConnection.codes(try connection.heard()).split(separator: ",").count
        #expect(before + behind == 3000)
    }

    @Test func `while the disk is behind nothing is read`() throws {
        let connection = try ServerConnection(
            TestAuthority(uploadsTakeMore: false),
            contentInMemory: .init(bytes: 256)
        )
        try connection.say(Self.opening + "RCPT TO:<joe@b.example>\r\nDATA\r\n")
        connection.channel.read()
        #expect(connection.reads == 1)
        try connection.say(String(repeating: "x", count: 1000))
        connection.channel.read()
        #expect(connection.reads == 1)
        let upload = try #require(connection.authority.uploads.first)
        upload.resume()
        #expect(connection.reads == 2)
        #expect(try connection.say("\r\n.\r\n") == "250 2.0.0")
        #expect(upload.text == String(repeating: "x", count: 1000) + "\r\n")
    }
}
