import InternetMessage
import MailBytes
import MailNames
import NIOCore
import SMTPProtocol
import Testing

import class SMTPClient.SMTPClient
import struct SMTPClient.SMTPClientError

@Suite("Sending mail from a program", .timeLimit(.minutes(15))) struct SMTPClientTests {
    private static func address(_ text: String) throws -> EmailAddress { try EmailAddress(parsing: text) }

    private static let message = Array("Subject: x\r\n\r\nText.\r\n".utf8)

    /// The example of the documentation.
    private static func greet(
        _ recipient: EmailAddress,
        from sender: EmailAddress,
        through client: SMTPClient
    ) async throws -> [String] {
        var message = MessageBuilder()
        message.add("From", mailboxes: [Mailbox(displayName: "Grüße", address: sender)])
        message.add("To", mailboxes: [Mailbox(address: recipient)])
        message.add("Subject", text: "Über uns")
        do {
            let receipt = try await client.send(message, .text("Hello.\r\n"), from: sender, to: [recipient])
            return receipt.accepted.values.map(\.oneLine)
        } catch {
            guard error.isTransient else { throw error }
            return ["try again later: \(error)"]
        }
    }

    private static func unreachablePort() async throws -> Int {
        let catcher = MailCatcher()
        let port = try await catcher.start()
        await catcher.stop()
        return port
    }

    @Test func `the example sends, and says later when nobody is there`() async throws {
        let catcher = MailCatcher()
        let port = try await catcher.start()
        let (sender, recipient) = (try Self.address("app@c.example"), try Self.address("r@b.example"))
        let client = SMTPClient(host: "127.0.0.1", port: port, security: .none)
        let said = try await Self.greet(recipient, from: sender, through: client)
        #expect(said == ["250 2.0.0 Ok: queued as CAUGHT1"])
        await client.shutDown()
        await catcher.stop()
        let caught = try #require(catcher.messages.first)
        #expect(caught.transaction.reversePath == .address(sender))
        #expect(caught.content.contains("Subject: =?utf-8?"))
        let nobody = SMTPClient(host: "127.0.0.1", port: try await Self.unreachablePort(), security: .none)
        let later = try await Self.greet(recipient, from: sender, through: nobody)
        #expect(later.first?.hasPrefix("try again later: ") == true)
    }

    @Test func `messages one after the other share a connection, many at once use several up to the bound`()
        async throws
    {
        let catcher = MailCatcher()
        let port = try await catcher.start()
        var options = SMTPClient.Options()
        options.connections = 3
        // However long the machine takes over a message.
        options.idle = .seconds(3600)
        let client = SMTPClient(host: "127.0.0.1", port: port, security: .none, options: options)
        let recipient = try Self.address("r@b.example")
        for _ in 0..<5 { _ = try await client.send(Self.message, from: nil, to: [recipient]) }
        #expect(catcher.connections == 1)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<60 {
                group.addTask { _ = try await client.send(Self.message, from: nil, to: [recipient]) }
            }
            try await group.waitForAll()
        }
        #expect(catcher.messages.count == 65)
        #expect(catcher.connections <= 3)
        await client.shutDown()
        await #expect(throws: SMTPClientError.self) {
            _ = try await client.send(Self.message, from: nil, to: [recipient])
        }
        await catcher.stop()
    }

    @Test func `what a server refuses is told for each recipient, and thrown when nobody is left`() async throws {
        let catcher = MailCatcher()
        let port = try await catcher.start()
        let client = SMTPClient(host: "127.0.0.1", port: port, security: .none)
        let all = try ["yes@b.example", "no@b.example", "later@b.example"].map(Self.address)
        let receipt = try await client.send(Self.message, from: nil, to: all)
        #expect(Array(receipt.accepted.keys) == [all[0]])
        #expect(receipt.refused[all[1]]?.code == 550 && receipt.refused[all[2]]?.code == 451)
        for (recipient, isTransient) in [(all[1], false), (all[2], true)] {
            do {
                _ = try await client.send(Self.message, from: nil, to: [recipient])
                Issue.record("nobody was there to take it")
            } catch {
                #expect(error.reason == .refused && error.isTransient == isTransient)
                #expect(error.refused.count == 1)
            }
        }
        await #expect(throws: SMTPClientError.self) { _ = try await client.send(Self.message, from: nil, to: []) }
        await client.shutDown()
        await catcher.stop()
    }

    @Test func `a submission server is reached over TLS with a log-in, and a wrong password is told apart`()
        async throws
    {
        let (identity, pem) = try MailCatcher.identity()
        let catcher = MailCatcher()
        let port = try await catcher.start(role: .submission, tls: identity)
        var options = SMTPClient.Options()
        options.trustedCertificates = pem
        let recipient = try Self.address("r@b.example")
        func client(_ password: String, _ options: SMTPClient.Options) -> SMTPClient {
            SMTPClient(
                host: "localhost",
                port: port,
                security: .startTLS,
                credentials: .init(user: "alice@c.example", password: password),
                options: options
            )
        }
        let right = client("secret", options)
        _ = try await right.send(Self.message, from: try Self.address("alice@c.example"), to: [recipient])
        #expect(catcher.messages.first?.account == "alice@c.example")
        await right.shutDown()
        do {
            _ = try await client("wrong", options).send(Self.message, from: nil, to: [recipient])
            Issue.record("a wrong password was taken")
        } catch {
            #expect(error.reason == .authentication && !error.isTransient)
            #expect(!error.description.contains("wrong"))
        }
        // A certificate of nobody we know: nothing is sent.
        do {
            _ = try await client("secret", SMTPClient.Options()).send(Self.message, from: nil, to: [recipient])
            Issue.record("an unknown certificate was taken")
        } catch {
            #expect(error.reason == .unreachable || error.reason == .insecure)
        }
        #expect(catcher.messages.count == 1)
        await catcher.stop()
    }

    @Test func `without TLS where it is asked for nothing is sent`() async throws {
        let catcher = MailCatcher()
        let port = try await catcher.start()
        let client = SMTPClient(host: "127.0.0.1", port: port, security: .startTLS)
        let recipient = try Self.address("r@b.example")
        do {
            _ = try await client.send(Self.message, from: nil, to: [recipient])
            Issue.record("it went in clear")
        } catch {
            #expect(error.reason == .insecure)
        }
        #expect(catcher.messages.isEmpty)
        await catcher.stop()
    }

    @Test func `a server that bounds what one connection brings is sent the rest on others`() async throws {
        var limits = SMTPLimits()
        limits.transactionsPerConnection = 1
        limits.recipientsPerTransaction = 2
        let catcher = MailCatcher()
        let port = try await catcher.start(limits: limits)
        let client = SMTPClient(host: "127.0.0.1", port: port, security: .none)
        let all = try (0..<5).map { try Self.address("r\($0)@b.example") }
        let receipt = try await client.send(Self.message, from: nil, to: all)
        #expect(receipt.accepted.count == 5)
        #expect(catcher.messages.count == 3 && catcher.connections == 3)
        await client.shutDown()
        await catcher.stop()
    }

    @Test func `what is asked of the servers goes along, and is refused where it may not be left out`() async throws {
        let catcher = MailCatcher()
        let port = try await catcher.start(offer: SMTPServiceOffer(.priority))
        let client = SMTPClient(host: "127.0.0.1", port: port, security: .none)
        let recipient = try Self.address("r@b.example")
        let request = SMTPClient.Request(
            notify: .success,
            envelopeID: "7@c.example",
            terms: DeliveryTerms(priority: try #require(MessagePriority(-2)))
        )
        _ = try await client.send(Self.message, from: nil, to: [recipient], asking: request)
        let transaction = try #require(catcher.messages.first?.transaction)
        #expect(transaction.terms.priority == MessagePriority(-2) && transaction.envelopeID == "7@c.example")
        #expect(transaction.recipients.first?.notify == .success)
        let held = SMTPClient.Request(terms: DeliveryTerms(holdUntil: .distantFuture))
        await #expect(throws: SMTPClientError.self) {
            _ = try await client.send(Self.message, from: nil, to: [recipient], asking: held)
        }
        await client.shutDown()
        await catcher.stop()
    }

    @Test func `a message that has a name goes with it, and what is sent to some of its recipients without`()
        async throws
    {
        let catcher = MailCatcher()
        let port = try await catcher.start(offer: SMTPServiceOffer(.checkpoint))
        let client = SMTPClient(host: "127.0.0.1", port: port, security: .none)
        let name = try #require(TransactionIdentifier(local: "7", domain: "c.example"))
        let request = SMTPClient.Request(transactionID: name)
        let taken = try Self.address("r@b.example")
        _ = try await client.send(Self.message, from: nil, to: [taken], asking: request)
        _ = try await client.send(
            Self.message,
            from: nil,
            to: [taken, try Self.address("no@b.example")],
            asking: request
        )
        #expect(catcher.messages.map(\.transaction.checkpoint?.identifier) == [name, nil])
        await client.shutDown()
        await catcher.stop()
    }
}
