import NIOCore
import NIOEmbedded
import NIOSSL
import SMTPChannels
import Testing

@Suite("STARTTLS on the server's channel, RFC 3207") struct ServerTLSTests {
    private static let injected = "MAIL FROM:<evil@c.example>\r\nRCPT TO:<joe@b.example>\r\nDATA\r\nevil\r\n.\r\n"

    private static func connection() throws -> ServerConnection {
        let context = try TestCertificate.serverContext()
        return try ServerConnection(offersTLS: true, tls: { context })
    }

    /// A client's end of TLS, without verification: what is tested is what the server makes of the octets.
    private static func client() throws -> EmbeddedChannel {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .none
        let context = try NIOSSLContext(configuration: configuration)
        let client = EmbeddedChannel(handler: try NIOSSLClientHandler(context: context, serverHostname: "localhost"))
        try client.connect(to: SocketAddress(ipAddress: "192.0.2.2", port: 25)).wait()
        return client
    }

    /// Carries octets to and fro until neither side has any.
    private static func carry(_ client: EmbeddedChannel, _ connection: ServerConnection) throws {
        var isMoving = true
        while isMoving {
            isMoving = false
            while let buffer = try client.readOutbound(as: ByteBuffer.self) {
                try connection.receive(buffer.readableBytesView)
                isMoving = true
            }
            while let buffer = try connection.channel.readOutbound(as: ByteBuffer.self) {
                try client.writeInbound(buffer)
                isMoving = true
            }
        }
    }

    /// Says something within TLS and gives the codes of the answers.
    private static func say(_ text: String, _ client: EmbeddedChannel, _ connection: ServerConnection) throws -> String
    {
        client.writeAndFlush(ByteBuffer(string: text), promise: nil)
        try carry(client, connection)
        var heard = ""
        while let buffer = try client.readInbound(as: ByteBuffer.self) { heard += String(buffer: buffer) }
        return ServerConnection.codes(heard)
    }

    @Test func `what came in clear behind STARTTLS is never executed, wherever it is cut`() throws {
        let bytes = Array(("EHLO c.example\r\nSTARTTLS\r\n" + Self.injected).utf8)
        let end = bytes.count - Self.injected.utf8.count
        // All that is received before the handshake begins lies in the channel at once with STARTTLS.
        for cut in stride(from: 0, through: end - 1, by: 3) {
            let connection = try Self.connection()
            try connection.receive(bytes[..<cut])
            try connection.receive(bytes[cut...])
            #expect(ServerConnection.codes(try connection.heard()) == "220, 250, 220 2.0.0", "cut at \(cut)")

            let client = try Self.client()
            try Self.carry(client, connection)
            #expect(try Self.say("RCPT TO:<joe@b.example>\r\n", client, connection) == "503 5.5.1", "cut at \(cut)")
            #expect(
                try Self.say(
                    "EHLO c.example\r\nMAIL FROM:<a@c.example>\r\nRCPT TO:<joe@b.example>\r\n",
                    client,
                    connection
                )
                    == "250, 250 2.1.0, 250 2.1.5"
            )
            #expect(try Self.say("DATA\r\ngood\r\n.\r\n", client, connection) == "354, 250 2.0.0")
            #expect(connection.authority.stored == ["<a@c.example> joe@b.example good\r\n"])
            ServerConnection.end(client)
        }
    }

    @Test func `a client that ends its side without a word of TLS gets the answers to what it sent`() throws {
        let connection = try Self.connection()
        try connection.say("EHLO c.example\r\nSTARTTLS\r\n")
        let client = try Self.client()
        try Self.carry(client, connection)
        client.writeAndFlush(ByteBuffer(string: "EHLO c.example\r\nNOOP\r\n"), promise: nil)
        while let buffer = try client.readOutbound(as: ByteBuffer.self) {
            try connection.channel.writeInbound(buffer)
        }
        connection.halfClose()
        try Self.carry(client, connection)
        var heard = ""
        while let buffer = try client.readInbound(as: ByteBuffer.self) { heard += String(buffer: buffer) }
        #expect(ServerConnection.codes(heard) == "250, 250 2.0.0")
        #expect(!connection.isOpen)
        ServerConnection.end(client)
    }

    @Test func `a client that ends its side while its message becomes durable hears that it is, with TLS too`() throws {
        let context = try TestCertificate.serverContext()
        let connection = try ServerConnection(TestAuthority(holding: .commits), offersTLS: true, tls: { context })
        try connection.say("EHLO c.example\r\nSTARTTLS\r\n")
        let client = try Self.client()
        try Self.carry(client, connection)
        let mail = "EHLO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<joe@b.example>\r\nDATA\r\n.\r\n"
        _ = try Self.say(mail, client, connection)
        connection.halfClose()
        #expect(connection.isOpen)
        connection.authority.finishCommit()
        try Self.carry(client, connection)
        var heard = ""
        while let buffer = try client.readInbound(as: ByteBuffer.self) { heard += String(buffer: buffer) }
        #expect(ServerConnection.codes(heard) == "250 2.0.0")
        ServerConnection.end(client)
    }

    @Test func `plain text in the place of a handshake ends the connection`() throws {
        let connection = try Self.connection()
        try connection.say("EHLO c.example\r\nSTARTTLS\r\n")
        // NIOSSL's error is the end of the connection, and nothing that a client is told.
        try? connection.receive(Self.injected.utf8)
        #expect(!connection.isOpen)
        #expect(connection.authority.stored.isEmpty)
        #expect(!(try connection.heard()).contains("250"))
    }

    @Test func `half a line from before TLS is no part of one after it`() throws {
        let connection = try Self.connection()
        try connection.say("EHLO c.example\r\nSTARTTLS\r\nEHLO in.clear.example\r\nNOO")
        let client = try Self.client()
        try Self.carry(client, connection)
        #expect(try Self.say("QUIT\r\n", client, connection) == "221 2.0.0")
        #expect(connection.authority.clients == ["c.example"])
        ServerConnection.end(client)
    }

    @Test func `without a certificate STARTTLS is answered 454, and the mail comes in clear`() throws {
        let connection = try ServerConnection(offersTLS: true)
        #expect(
            try connection.say("EHLO c.example\r\nSTARTTLS\r\nMAIL FROM:<>\r\nRCPT TO:<joe@b.example>\r\n")
                == "220, 250, 454 4.7.0, 250 2.1.0, 250 2.1.5"
        )
    }
}
