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

@Suite("Mail through the doors", .timeLimit(.minutes(15))) struct ReceptionTests {
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

    @Test(arguments: [
        ("From: Alice <alice@example.test>\r\n", "250 2.0.0"), ("FROM: alice@EXAMPLE.test\r\n", "250 2.0.0"),
        ("", "250 2.0.0"),
        ("From: team@example.test\r\n", "250 2.0.0"), ("From: Bob <bob@example.test>\r\n", "550 5.7.1"),
        ("From: alice@example.test, bob@example.test\r\n", "550 5.7.1"),
        ("From: alice@example.test\r\nFrom: bob@example.test\r\n", "550 5.7.1"),
        ("From: \"alice@example.test\" <bob@example.test>\r\n", "550 5.7.1"),
        ("From: x@elsewhere.test\r\n", "550 5.7.1"),
        ("From: The Boss\r\n", "550 5.6.0"),
    ]) func `what From says has to belong to the account, RFC 6409 section 6.1`(
        _ from: String,
        _ answer: String
    ) async throws {
        try await DoorFixture.with { door in
            // Small, and so large that it goes to the disk as it arrives.
            for body in ["text\r\n", String(repeating: "text\r\n", count: 30_000)] {
                let answers = try await door.send(
                    from + "Subject: x\r\n\r\n" + body,
                    from: "alice@example.test",
                    to: "bob@example.test",
                    account: "alice@example.test"
                )
                #expect(answers.first?.hasPrefix(answer) == true, "\(answers)")
            }
            let isTaken = answer.hasPrefix("250")
            #expect(try door.spooled().count == (isTaken ? 2 : 0))
            #expect(door.events(.refused).count == (isTaken ? 0 : 2))
        }
    }

    @Test func `who checks From is the configuration's affair, and mail from other hosts is never checked`()
        async throws
    {
        try await DoorFixture.with { door in
            let content = "From: bob@example.test\r\n\r\ntext\r\n"
            let relayed = try await door.send(content, to: "alice@example.test")
            #expect(relayed.first?.hasPrefix("250") == true)
            var options = Reception.Options(hostName: "mx.example.test")
            options.checksAuthors = false
            door.reception.setOptions(options)
            let submitted = try await door.send(
                content,
                from: "alice@example.test",
                to: "bob@example.test",
                account: "alice@example.test"
            )
            #expect(submitted.first?.hasPrefix("250") == true)
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

    private static func local(
        _ text: String,
        to recipients: [String] = [],
        fromHeader: Bool = false
    ) throws -> LocalSubmission {
        LocalSubmission(
            sender: nil,
            recipients: try recipients.map { try EmailAddress(parsing: $0) },
            takesRecipientsFromHeader: fromHeader,
            content: Array(text.utf8),
            user: "root"
        )
    }

    private static func refusal(_ submission: LocalSubmission, at door: DoorFixture) async -> String {
        do {
            return "taken as \(try await door.reception.submitLocally(submission, on: DoorFixture.group.any()))"
        } catch {
            return (error as? LocalSubmissionRefused)?.reply.oneLine ?? "\(error)"
        }
    }

    @Test func `the Received field of a local message names this host, RFC 5321 section 4.4`() async throws {
        try await DoorFixture.with { door in
            let submission = try Self.local("Subject: x\n\nbody\n", to: ["alice@example.test"])
            _ = try await door.reception.submitLocally(submission, on: DoorFixture.group.any())
            let content = try #require(try door.spooled().first).content
            #expect(content.hasPrefix("Received: from mx.example.test\r\n\tby mx.example.test (Martlet) with local;"))
        }
    }

    @Test(arguments: [
        // Behind a line that is no field, with the rest of it on lines of its own, and where there is no header at all.
        (
            "Subject: x\nbad line\nBcc: secret@x.example\nmore\n\nbody\n",
            "Subject: x\r\n\r\nbad line\r\nmore\r\n\r\nbody\r\n"
        ),
        ("Subject: x\nbad line\nBCC:\n secret@x.example\n\nbody\n", "Subject: x\r\n\r\nbad line\r\n\r\nbody\r\n"),
        ("bad line\nBcc: secret@x.example\n\nbody\n", "\r\nbad line\r\n\r\nbody\r\n"),
        ("Bc\rc: secret@x.example\nSubject: x\n\nbody", "Subject: x\r\n\r\nbody\r\n"),
        ("Resent-Bcc: secret@x.example\nSubject: x\n\nbody", "Subject: x\r\n\r\nbody\r\n"),
        ("Bcc: secret@x.example", "\r\n"),
        // A body is left alone.
        ("Subject: x\n\nBcc: text\n", "Subject: x\r\n\r\nBcc: text\r\n"),
        ("Subject: x\nno field\n", "Subject: x\r\n\r\nno field\r\n"),
        ("Subject: x", "Subject: x\r\n\r\n"), ("", "\r\n"),
    ]) func `a Bcc goes on in no local message, wherever in the header it stands`(
        _ text: String,
        _ sent: String
    )
        async throws
    {
        try await DoorFixture.with { door in
            let submission = try Self.local(text, to: ["alice@example.test"])
            _ = try await door.reception.submitLocally(submission, on: DoorFixture.group.any())
            let content = try #require(try door.spooled().first).content
            #expect(content.hasSuffix(">\r\n" + sent))
            #expect(!content.contains("secret"))
        }
    }

    @Test func `where it is not certain whose a Bcc is, and recipients come from the header, nobody gets the message`()
        async throws
    {
        try await DoorFixture.with { door in
            let text = "To: alice@example.test\nbad line\nBcc: bob@example.test\n\nbody\n"
            let submission = try Self.local(text, fromHeader: true)
            let answer = await Self.refusal(submission, at: door)
            #expect(answer.hasPrefix("554 5.6.0"))
            #expect(try door.spooled().isEmpty)
        }
    }

    @Test func `recipients of a message that is sent on are those of its Resent fields, RFC 5322 section 3.6.6`()
        async throws
    {
        try await DoorFixture.with { door in
            let text = "Resent-To: bob@example.test\nTo: alice@example.test\nSubject: x\n\nbody\n"
            let submission = try Self.local(text, fromHeader: true)
            _ = try await door.reception.submitLocally(submission, on: DoorFixture.group.any())
            let recipients = try door.spooled().first?.envelope.recipients.map(\.address.description)
            #expect(recipients == ["bob@example.test"])
        }
    }

    @Test func `a local message has the limits that others have`() async throws {
        try await DoorFixture.with { door in
            var options = Reception.Options(hostName: "mx.example.test")
            (options.messageSize, options.recipients) = (.init(bytes: 2000), 2)
            door.reception.setOptions(options)
            let large = try Self.local(String(repeating: "x", count: 2001), to: ["alice@example.test"])
            #expect(await Self.refusal(large, at: door).hasPrefix("552 5.3.4"))
            let many = try Self.local("Subject: x\n", to: ["alice@example.test", "a@x.example", "b@x.example"])
            #expect(await Self.refusal(many, at: door).hasPrefix("554 5.5.3"))
            let unknown = try Self.local("Subject: x\n", to: ["nobody@example.test"])
            #expect(await Self.refusal(unknown, at: door).hasPrefix("550 5.1.1"))
            #expect(try door.spooled().isEmpty)
            // One of several is delivery's to report, for a program cannot leave it out.
            let some = try Self.local("Subject: x\n", to: ["nobody@example.test", "alice@example.test"])
            #expect(await Self.refusal(some, at: door).hasPrefix("taken"))
            #expect(try door.spooled().first?.envelope.recipients.count == 2)
            #expect(
                door.events(.refused).compactMap { $0[.recipient] } == Array(repeating: "nobody@example.test", count: 2)
            )
        }
    }

    @Test func `a local message in a loop is cut, RFC 5321 section 6.3`() async throws {
        try await DoorFixture.with { door in
            let message = try Self.local(Self.passed(101), to: ["alice@example.test"])
            #expect(await Self.refusal(message, at: door).hasPrefix("554 5.4.6"))
            #expect(door.events(.loop).count == 1)
        }
    }

    @Test func `a large local message goes to the spool in pieces, whole`() async throws {
        try await DoorFixture.with { door in
            let lines = String(repeating: "0123456789abcdef\n", count: 120_000)
            let message = try Self.local("Subject: large\n\n" + lines, to: ["alice@example.test"])
            let id = try await door.reception.submitLocally(message, on: DoorFixture.group.any())
            #expect(try door.spool.pieces(of: id) > 1)
            let content = try #require(try door.spooled().first).content
            #expect(content.hasSuffix("Subject: large\r\n\r\n" + lines.replacing("\n", with: "\r\n")))
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
            while door.service.connections == 2 { try await Task.sleep(for: .milliseconds(2)) }
            let third = try await door.connect()
            await second.close()
            await third.close()
        }
    }

    @Test func `a stop ends idle sessions and takes no new ones`() async throws {
        try await DoorFixture.with { door in
            let idle = try await door.connect()
            await door.service.stop(within: .seconds(240))
            while !idle.isClosed || door.service.connections > 0 { try await Task.sleep(for: .milliseconds(2)) }
            await #expect(throws: (any Error).self) { try await door.connect() }
        }
    }
}
