import MailBytes
import NIOCore
import SMTPChannels
import Testing

@Suite("A mail through the server's channel, RFC 5321 and RFC 3030") struct WholeMailTests {
    private static let opening = "EHLO c.example\r\nMAIL FROM:<a@c.example>\r\nRCPT TO:<joe@b.example>\r\n"

    /// What a client says, what it is answered behind the greeting, and what is stored.
    private static let conversations: [(String, String, [String])] = [
        (
            opening + "DATA\r\nSubject: x\r\n\r\n..\r\n.dot\r\n.\r\nQUIT\r\n",
            "250, 250 2.1.0, 250 2.1.5, 354, 250 2.0.0, 221 2.0.0",
            ["<a@c.example> joe@b.example Subject: x\r\n\r\n.\r\ndot\r\n"]
        ),
        (
            opening + "BDAT 7\r\nQUIT\r\n\rBDAT 1\r\n\nBDAT 0 LAST\r\nNOOP\r\nQUIT\r\n",
            "250, 250 2.1.0, 250 2.1.5, 250 2.0.0, 250 2.0.0, 250 2.0.0, 250 2.0.0, 221 2.0.0",
            ["<a@c.example> joe@b.example QUIT\r\n\r\n"]
        ),
        (
            opening + "BDAT 5 LAST\r\nfirstMAIL FROM:<b@c.example>\r\nRCPT TO:<jim@b.example>\r\nBDAT 6\r\nRSET\r\n"
                + "RSET\r\nMAIL FROM:<>\r\nRCPT TO:<jon@b.example>\r\nDATA\r\n.\r\nQUIT\r\n",
            "250, 250 2.1.0, 250 2.1.5, 250 2.0.0, 250 2.1.0, 250 2.1.5, 250 2.0.0, 250 2.0.0, 250 2.1.0, 250 2.1.5, "
                + "354, 250 2.0.0, 221 2.0.0",
            ["<a@c.example> joe@b.example first", "<> jon@b.example "]
        ),
        (
            opening + "BDAT x\r\nMAIL FROM:<evil@c.example>\r\n",
            "250, 250 2.1.0, 250 2.1.5, 501 5.5.4", []
        ),
        (
            opening + "DATA\r\na\n.\r\nMAIL FROM:<evil@c.example>\r\n",
            "250, 250 2.1.0, 250 2.1.5, 354, 554 5.6.0", []
        ),
        (
            "NOOP\nMAIL FROM:<evil@c.example>\r\n", "500 5.5.2", []
        ),
        (
            "NOOP \(String(repeating: "x", count: 3000))\r\nQUIT\r\n", "500 5.5.2, 221 2.0.0", []
        ),
        // What stands behind a bare LF or CR in a line that is too long is no command.
        (
            "NOOP \(String(repeating: "x", count: 2100))\nMAIL FROM:<evil@c.example>\r\n", "500 5.5.2", []
        ),
        (
            "NOOP \(String(repeating: "x", count: 2100))\rMAIL FROM:<evil@c.example>\r\n", "500 5.5.2", []
        ),
        (
            opening + "BDAT 6\(String(repeating: " ", count: 2100))LAST\r\nRSET\r\n",
            "250, 250 2.1.0, 250 2.1.5, 501 5.5.4", []
        ),
    ]

    @Test(arguments: conversations.indices) func `is the same wherever it is cut`(_ number: Int) throws {
        let (said, answers, stored) = Self.conversations[number]
        let bytes = Array(said.utf8)
        for cut in stride(from: 0, through: bytes.count, by: max(1, bytes.count / 400)) {
            let connection = try ServerConnection()
            try connection.receive(bytes[..<cut])
            try connection.receive(bytes[cut...])
            #expect(ServerConnection.codes(try connection.heard()) == "220, " + answers, "cut at \(cut)")
            #expect(connection.authority.stored == stored, "cut at \(cut)")
            #expect(!connection.isOpen, "cut at \(cut)")
        }
        let connection = try ServerConnection()
        for byte in bytes { try connection.receive([byte]) }
        #expect(ServerConnection.codes(try connection.heard()) == "220, " + answers)
        #expect(connection.authority.stored == stored)
    }

    @Test func `what came in one read is answered in one write`() throws {
        let connection = try ServerConnection()
        _ = try connection.heard()
        try connection.receive((Self.opening + "RCPT TO:<jim@b.example>\r\nNOOP\r\n").utf8)
        let first = try connection.channel.readOutbound(as: ByteBuffer.self).map { String(buffer: $0) }
        #expect(ServerConnection.codes(try #require(first)) == "250, 250 2.1.0, 250 2.1.5, 250 2.1.5, 250 2.0.0")
        #expect(try connection.heard().isEmpty)
    }

    @Test func `the authority hears who is there, and who smuggles`() throws {
        let connection = try ServerConnection()
        try connection.say("HELO old.example\r\nEHLO new.example\r\nNOOP\n")
        // Once a connection: it sets deliveries going.
        #expect(connection.authority.clients == ["old.example"])
        #expect(connection.authority.smugglers.count == 1)
    }

    @Test(arguments: [
        (opening + "DATA\r\ngood\r\n.\r\nNOOP\n", "no message"),
        (opening + "RSET\r\nNOOP\n", "no message"),
        (opening + "NOOP\n", "<a@c.example> joe@b.example"),
        (opening + "DATA\r\ngood\r\n.\r\nMAIL FROM:<e@c.example>\r\nRCPT TO\n", "<e@c.example> "),
        (opening + "DATA\r\nevil\n.\r\n", "<a@c.example> joe@b.example"),
        (opening + "BDAT 5 LAST\r\nevil\n", "<a@c.example> joe@b.example"),
    ]) func `the record of an attempt to smuggle names the message that it was in`(
        _ said: String,
        _ message: String
    )
        throws
    {
        let connection = try ServerConnection()
        try connection.say(said)
        #expect(connection.authority.smuggled == [message])
    }

    @Test(arguments: [1, 7, 100, 1000]) func `content beyond what memory takes goes on in pieces`(_ size: Int) throws {
        let connection = try ServerConnection(contentInMemory: .init(bytes: 256))
        let content = String(repeating: "0123456789abcd\r\n", count: 100)
        try connection.say(Self.opening + "DATA\r\n")
        let bytes = Array((content + ".\r\n").utf8)
        for start in stride(from: 0, to: bytes.count, by: size) {
            try connection.receive(bytes[start..<min(start + size, bytes.count)])
        }
        #expect(ServerConnection.codes(try connection.heard()) == "250 2.0.0")
        #expect(connection.authority.stored == ["<a@c.example> joe@b.example \(content)"])
        let upload = try #require(connection.authority.uploads.first)
        #expect(connection.authority.uploads.count == 1)
        // Not a record for each packet.
        #expect(upload.pieces <= 13)
        #expect(!upload.isAbandoned)
    }

    @Test func `a large message that does not come to its end is abandoned`() throws {
        let large = String(repeating: "x", count: 1000)
        let endings: [(String, (ServerConnection) throws -> Void)] = [
            ("the connection is gone", { $0.channel.pipeline.fireChannelInactive() }),
            ("a bare newline", { try $0.say("\n.\r\n") }),
            ("the client is too slow", { $0.pass(1000) }),
        ]
        for (what, end) in endings {
            let connection = try ServerConnection(contentInMemory: .init(bytes: 256))
            try connection.say(Self.opening + "DATA\r\n" + large)
            let upload = try #require(connection.authority.uploads.first)
            #expect(!upload.isAbandoned)
            try end(connection)
            #expect(upload.isAbandoned, "\(what)")
            #expect(connection.authority.stored.isEmpty, "\(what)")
        }
    }

    @Test func `chunks that are reset leave nothing to the next message`() throws {
        let connection = try ServerConnection(contentInMemory: .init(bytes: 64))
        let large = String(repeating: "x", count: 500)
        try connection.say(Self.opening + "BDAT 500\r\n" + large + "RSET\r\n")
        let upload = try #require(connection.authority.uploads.first)
        #expect(upload.isAbandoned)
        try connection.say("MAIL FROM:<>\r\nRCPT TO:<joe@b.example>\r\nBDAT 2 LAST\r\nok")
        #expect(connection.authority.stored == ["<> joe@b.example ok"])
    }
}
