import NIOCore
import NIOEmbedded
import SMTPChannels
import SMTPProtocol
import Testing

@Suite("Time-outs and ends of server connections, RFC 5321 sections 3.8 and 4.5.3.2") struct ServerTimeTests {
    private static let opening = "EHLO c.example\r\nMAIL FROM:<a@c.example>\r\nRCPT TO:<joe@b.example>\r\n"

    private static var timeouts: SMTPTimeouts {
        var timeouts = SMTPTimeouts()
        (timeouts.command, timeouts.contentBlock) = (.seconds(300), .seconds(300))
        return timeouts
    }

    @Test(arguments: [
        "", "NOO", opening, opening + "DATA\r\nhalf a li", opening + "BDAT 10\r\nhalf",
        "NOOP " + String(repeating: "x", count: 5000),
    ]) func `a client that says nothing for the time-out gets 421 and is left`(_ said: String) throws {
        let connection = try ServerConnection(timeouts: Self.timeouts)
        try connection.say(said)
        connection.pass(299)
        #expect(try connection.heard().isEmpty)
        #expect(connection.isOpen)
        connection.pass(1)
        #expect(ServerConnection.codes(try connection.heard()) == "421 4.4.2")
        #expect(!connection.isOpen)
        #expect(connection.authority.stored.isEmpty)
    }

    @Test(arguments: [false, true]) func `a handshake that is never finished ends with the time-out, RFC 3207`(
        _ isImplicit: Bool
    ) throws {
        let context = try TestCertificate.serverContext()
        let connection = try ServerConnection(
            timeouts: Self.timeouts,
            offersTLS: true,
            isImplicitTLS: isImplicit,
            tls: { context }
        )
        if !isImplicit { #expect(try connection.say("EHLO c.example\r\nSTARTTLS\r\n") == "220, 250, 220 2.0.0") }
        connection.pass(299)
        #expect(connection.isOpen)
        // TLS on its part waits a moment for an orderly end.
        connection.pass(10)
        #expect(!connection.isOpen)
    }

    @Test func `each command gives new time`() throws {
        let connection = try ServerConnection(timeouts: Self.timeouts)
        _ = try connection.heard()
        for _ in 0..<5 {
            connection.pass(299)
            #expect(try connection.say("NOOP\r\n") == "250 2.0.0")
        }
        connection.pass(299)
        #expect(connection.isOpen)
        connection.pass(1)
        #expect(try connection.say("") == "421 4.4.2")
    }

    @Test func `a client is not left while we are what it waits for`() throws {
        let connection = try ServerConnection(TestAuthority(holding: .commits), timeouts: Self.timeouts)
        try connection.say(Self.opening + "DATA\r\n.\r\n")
        connection.pass(1000)
        #expect(connection.isOpen)
        connection.authority.finishCommit()
        #expect(ServerConnection.codes(try connection.heard()) == "250 2.0.0")
        connection.pass(1000)
        #expect(!connection.isOpen)
    }

    @Test func `a half-closed client gets its answers, and the connection ends`() throws {
        let connection = try ServerConnection()
        #expect(
            try connection.say(Self.opening + "DATA\r\ntext\r\n.\r\nNOO")
                == "220, 250, 250 2.1.0, 250 2.1.5, 354, 250 2.0.0"
        )
        connection.halfClose()
        #expect(!connection.isOpen)
        #expect(connection.authority.stored.count == 1)
    }

    @Test func `a half-closed client whose message is becoming durable hears that it is`() throws {
        let connection = try ServerConnection(TestAuthority(holding: .commits))
        try connection.say(Self.opening + "DATA\r\ntext\r\n.\r\nQUIT\r\n")
        connection.halfClose()
        #expect(connection.isOpen)
        connection.authority.finishCommit()
        #expect(ServerConnection.codes(try connection.heard()) == "250 2.0.0, 221 2.0.0")
        #expect(!connection.isOpen)
    }

    @Test func `half a message of a half-closed client is none`() throws {
        let connection = try ServerConnection()
        try connection.say(Self.opening + "DATA\r\ntext\r\n.")
        connection.halfClose()
        #expect(!connection.isOpen)
        #expect(connection.authority.stored.isEmpty)
    }

    @Test func `a service that stops says 421, but not while it makes a message durable`() throws {
        let idle = try ServerConnection()
        _ = try idle.heard()
        let idleContext = try idle.channel.pipeline.syncOperations.context(handler: idle.handler)
        idle.handler.shutDown(context: idleContext)
        #expect(ServerConnection.codes(try idle.heard()) == "421 4.3.2")
        #expect(!idle.isOpen)

        let busy = try ServerConnection(TestAuthority(holding: .commits))
        try busy.say(Self.opening + "DATA\r\n.\r\n")
        let busyContext = try busy.channel.pipeline.syncOperations.context(handler: busy.handler)
        busy.handler.shutDown(context: busyContext)
        #expect(busy.isOpen)
        busy.authority.finishCommit()
        #expect(ServerConnection.codes(try busy.heard()).hasPrefix("250 2.0.0"))
        #expect(!busy.isOpen)
    }

    @Test func `a verdict for a client that is gone does nothing`() throws {
        let connection = try ServerConnection(TestAuthority(holding: .senders))
        try connection.say("EHLO c.example\r\nMAIL FROM:<>\r\n")
        try connection.channel.close().wait()
        connection.authority.decide()
        #expect(try connection.heard().isEmpty)
    }
}
