import Foundation
import MailBytes
import MailEvents
import MailNames
import MailPolicy
import NIOCore
import Reception
import SMTPProtocol
import Spool
import Testing

@Suite("Mail through the doors", .timeLimit(.minutes(1))) struct ReceptionTests {
    @Test func `an accepted message is in the spool under the id that the client was told`() async throws {
        try await DoorFixture.with { door in
            let answers = try await door.send(to: "alice@example.test", "bob@example.test")
            let spooled = try door.spooled()
            #expect(spooled.count == 1)
            let message = try #require(spooled.first)
            #expect(answers.count == 2)
            for answer in answers { #expect(answer.hasPrefix("250 2.0.0") && answer.contains(message.id.description)) }
            #expect(message.envelope.reversePath.description == "<carol@elsewhere.test>")
            #expect(
                message.envelope.recipients.map(\.address.description) == ["alice@example.test", "bob@example.test"]
            )
            #expect(message.envelope.expires == message.envelope.received + .seconds(5 * 86_400))
            let received = door.events(.received)
            #expect(received.count == 1)
            #expect(door.recorder.entries.first { $0.event.kind == .received }?.queueID == message.id)
        }
    }

    @Test func `the content begins with our Received field and is otherwise untouched, RFC 5321 section 4.4`()
        async throws
    {
        try await DoorFixture.with { door in
            let content = "subject:  odd \r\nnot a field\r\n\r\n..dots\r\n\r\n"
            _ = try await door.send(content, to: "alice@example.test")
            let stored = try #require(try door.spooled().first).content
            #expect(stored.hasSuffix(content))
            let field = stored.dropLast(content.count).replacing("\r\n\t", with: " ").replacing("\r\n ", with: " ")
            #expect(field.hasPrefix("Received: from client.test ("))
            #expect(field.contains("[127.0.0.1]"))
            #expect(field.contains("by mx.example.test"))
            #expect(field.contains("with ESMTP"))
            #expect(field.contains("for <alice@example.test>"))
            #expect(field.hasSuffix("15 Jan 2027 08:00:00 +0000\r\n"))
            #expect(!field.dropLast(2).contains("\r\n"))
        }
    }

    @Test func `other recipients are not told to one another in the Received field`() async throws {
        try await DoorFixture.with { door in
            _ = try await door.send(to: "alice@example.test", "bob@example.test")
            let stored = try #require(try door.spooled().first).content
            #expect(!stored.contains("alice@") && !stored.contains("bob@"))
        }
    }

    @Test func `a message larger than memory takes is whole in the spool, and the field is in front of it`()
        async throws
    {
        try await DoorFixture.with { door in
            let content = "Subject: large\r\n\r\n" + String(repeating: "0123456789abcdef\r\n", count: 60_000)
            let answers = try await door.send(content, to: "alice@example.test")
            #expect(answers.first?.hasPrefix("250 2.0.0") == true)
            let stored = try #require(try door.spooled().first).content
            #expect(stored.hasPrefix("Received: from client.test"))
            #expect(stored.hasSuffix(content))
        }
    }

    @Test func `each recipient is judged for itself, and a refusal is in the trace with its reason`() async throws {
        try await DoorFixture.with { door in
            let answers = try await door.send(to: "alice@example.test", "nobody@example.test", "x@example.org")
            #expect(answers[0].hasPrefix("250"))
            #expect(answers[1].hasPrefix("550 5.1.1"))
            #expect(answers[2].hasPrefix("550 5.7.1"))
            #expect(try door.spooled().first?.envelope.recipients.count == 1)
            let refused = door.events(.refused)
            #expect(refused.map { $0[.recipient] } == ["nobody@example.test", "x@example.org"])
            #expect(refused.last?[.reason]?.contains("relay.networks") == true)
        }
    }

    private static func passed(_ hosts: Int) -> String {
        String(repeating: "Received: from a by b; Fri, 15 Jan 2027 08:00:00 +0000\r\n", count: hosts)
            + "Subject: round\r\n\r\nReceived: in the body\r\n"
    }

    @Test func `a message with a hundred Received fields passes, with one more it is in a loop, RFC 5321 section 6.3`()
        async throws
    {
        try await DoorFixture.with { door in
            let taken = try await door.send(Self.passed(100), to: "alice@example.test")
            #expect(taken.first?.hasPrefix("250") == true)
            let refused = try await door.send(Self.passed(101), to: "alice@example.test")
            #expect(refused.first?.hasPrefix("554 5.4.6") == true)
            #expect(try door.spooled().count == 1)
            #expect(door.events(.loop).count == 1)
        }
    }

    @Test func `while the disk is too full MAIL is answered 452 4.3.1, and nothing is lost`() async throws {
        var options = SpoolOptions()
        options.minimumFreeSpace = .gibibytes(1 << 20)
        try await DoorFixture.with(spool: options) { door in
            let answers = try await door.send(to: "alice@example.test")
            #expect(answers.first?.hasPrefix("452 4.3.1") == true)
            #expect(try door.spooled().isEmpty)
            #expect(door.events(.refused).first?[.reason]?.contains("spool") == true)
        }
    }

    // MARK: Submission

    @Test func `a submission gets the fields it lacks, RFC 6409 section 8`() async throws {
        try await DoorFixture.with { door in
            let bare = "Subject: bare\r\n\r\ntext\r\n"
            let whole = "Date: Fri, 15 Jan 2027 07:00:00 +0000\r\nMessage-ID: <own@client.test>\r\n\r\ntext\r\n"
            for content in [bare, whole] {
                let answers = try await door.send(
                    content,
                    from: "alice@example.test",
                    to: "x@example.org",
                    account: "alice@example.test"
                )
                #expect(answers.first?.hasPrefix("250") == true)
            }
            let stored = try door.spooled().map(\.content)
            #expect(stored[0].contains("\r\nDate: Fri, 15 Jan 2027 08:00:00 +0000\r\n"))
            #expect(stored[0].contains("\r\nMessage-ID: <"))
            #expect(stored[0].contains("with ESMTPSA"))
            #expect(stored[1].components(separatedBy: "Date:").count == 2)
            #expect(stored[1].components(separatedBy: "Message-ID:").count == 2)
        }
    }

    @Test func `an account does not send as somebody else`() async throws {
        try await DoorFixture.with { door in
            let answers = try await door.send(
                from: "bob@example.test",
                to: "alice@example.test",
                account: "alice@example.test"
            )
            #expect(answers.first?.hasPrefix("553 5.7.1") == true)
            #expect(try door.spooled().isEmpty)
        }
    }

    @Test func `a wrong password is refused, and the trace has the name and no password`() async throws {
        try await DoorFixture.with { door in
            await #expect(throws: (any Error).self) { try await door.connect(account: "mallory@example.org") }
            let failed = door.events(.authenticationFailed)
            #expect(failed.map { $0[.account] } == ["mallory@example.org"])
            #expect(!door.recorder.entries.contains { "\($0)".contains("-secret") })
        }
    }

    // MARK: From this machine

    @Test func `a local program's message gets line ends, sender and recipients from its header, and no Bcc`()
        async throws
    {
        try await DoorFixture.with { door in
            let text = "To: Alice <alice@example.test>\nBcc: bob@example.test\nSubject: cron\n\nline\r\nlast"
            let submission = LocalSubmission(
                sender: nil,
                recipients: [],
                takesRecipientsFromHeader: true,
                content: Array(text.utf8),
                user: "root"
            )
            let id = try await door.reception.submitLocally(submission, on: DoorFixture.group.any())
            let message = try #require(try door.spooled().first)
            #expect(message.id == id)
            #expect(message.envelope.reversePath.description == "<root@mx.example.test>")
            #expect(
                message.envelope.recipients.map(\.address.description) == ["alice@example.test", "bob@example.test"]
            )
            #expect(
                message.content.hasSuffix("To: Alice <alice@example.test>\r\nSubject: cron\r\n\r\nline\r\nlast\r\n")
            )
            #expect(message.content.contains("From: <root@mx.example.test>\r\n"))
            #expect(!message.content.contains("Bcc"))
            #expect(!message.content.replacing("\r\n", with: "").contains { $0 == "\r" || $0 == "\n" || $0 == "\r\n" })
        }
    }

    @Test func `a local message to nobody is refused`() async throws {
        try await DoorFixture.with { door in
            let submission = LocalSubmission(
                sender: nil,
                recipients: [],
                takesRecipientsFromHeader: true,
                content: Array("Subject: x\n\n".utf8),
                user: "root"
            )
            await #expect(throws: LocalSubmissionRefused.self) {
                try await door.reception.submitLocally(submission, on: DoorFixture.group.any())
            }
        }
    }

    // MARK: Connections

    @Test func `a connection too many is told 421 and has room when another went`() async throws {
        try await DoorFixture.with(limits: .init(connections: 2, perAddress: 2)) { door in
            let first = try await door.connect()
            let second = try await door.connect()
            await #expect(throws: (any Error).self) { try await door.connect() }
            await first.close()
            while door.service.connections == 2 { await Task.yield() }
            let third = try await door.connect()
            await second.close()
            await third.close()
        }
    }

    @Test func `a stop ends idle sessions and takes no new ones`() async throws {
        try await DoorFixture.with { door in
            let idle = try await door.connect()
            await door.service.stop(within: .seconds(5))
            while !idle.isClosed { await Task.yield() }
            #expect(door.service.connections == 0)
            await #expect(throws: (any Error).self) { try await door.connect() }
        }
    }
}
