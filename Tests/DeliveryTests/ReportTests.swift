import DeliveryScheduler
import MailBytes
import MailEvents
import MailNames
import NIOCore
import SMTPProtocol
import Synchronization
import Testing

@testable import Delivery

@Suite("Reports, RFC 3461, RFC 3464, RFC 6533", .timeLimit(.minutes(15))) struct ReportTests {
    private static let refusal = SMTPReply(550, EnhancedStatus(5, 1, 1), "No such user here")

    /// The report that a failing message causes.
    private func report(
        _ change: (inout Envelope) -> Void = { _ in },
        content: String = House.message
    ) async throws -> String {
        let house = try await House()
        house.server.refuse("no@far.test", Self.refusal)
        try await house.submit(from: "bob@home.test", to: "no@far.test", content: content, change: change)
        await house.recorder.wait(for: .delivered)
        let left = await house.end()
        #expect(left == 0)
        #expect(house.mailboxes.written.count == 1)
        return house.mailboxes.written.first?.text ?? ""
    }

    @Test func `a failure report has the three parts, and its fields keep to the grammar`() async throws {
        let text = try await report { $0.envelopeID = "QQ314159" }
        #expect(text.hasPrefix("Return-Path: <>\r\n"))
        #expect(text.contains("\r\nTo: <bob@home.test>\r\n"))
        #expect(text.contains("\r\nAuto-Submitted: auto-replied\r\n"))
        #expect(text.contains("Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary="))
        let parts = try parts(of: text)
        #expect(parts.map(\.type) == ["text/plain; charset=utf-8", "message/delivery-status", "text/rfc822-headers"])
        #expect(parts[0].body.contains("S: 550 5.1.1 No such user here"), "the dialogue is in it")
        #expect(parts[2].body.contains("Subject: Hello") && !parts[2].body.contains("A line."))
        // RFC 3464 section 2.1: groups of fields, parted by empty lines; the first is the message's.
        let groups = parts[1].body.components(separatedBy: "\r\n\r\n")
            .map { $0.components(separatedBy: "\r\n").filter { !$0.isEmpty } }.filter { !$0.isEmpty }
        #expect(groups.count == 2)
        #expect(groups[0].contains("Original-Envelope-Id: QQ314159"))
        #expect(groups[0].contains("Reporting-MTA: dns; mx.home.test"))
        #expect(groups[1].contains("Final-Recipient: rfc822; no@far.test"))
        #expect(groups[1].contains("Remote-MTA: dns; mx.far.test"))
        #expect(groups[1].contains("Action: failed") && groups[1].contains("Status: 5.1.1"))
        for line in groups.joined() {
            let name = line.prefix { $0 != ":" }
            #expect(!name.isEmpty && name.allSatisfy { $0.isLetter || $0 == "-" } || line.hasPrefix(" "), "\(line)")
        }
        for line in text.components(separatedBy: "\r\n") {
            #expect(line.utf8.count <= 998 && !line.contains("\n") && !line.contains("\r"))
        }
    }

    private func parts(of text: String) throws -> [(type: String, body: String)] {
        let after = try #require(text.range(of: "boundary=\""))
        let boundary = String(text[after.upperBound...].prefix { $0 != "\"" })
        let pieces = text.components(separatedBy: "\r\n--" + boundary)
        #expect(pieces.last?.hasPrefix("--\r\n") == true)
        return try pieces.dropFirst().dropLast().map { piece in
            let split = try #require(piece.range(of: "\r\n\r\n"))
            let header = piece[..<split.lowerBound].components(separatedBy: "\r\n")
            let type = try #require(header.first { $0.hasPrefix("Content-Type: ") })
            return (String(type.dropFirst(14)), String(piece[split.upperBound...]) + "\r\n")
        }
    }

    @Test func `RET=FULL returns the message, and not when it is large`() async throws {
        let small = try await report { $0.returnContent = .full }
        #expect(small.contains("Content-Type: message/rfc822\r\n") && small.contains("A line.\r\n.\r\n..two"))
        let large = House.message + String(repeating: "x\r\n", count: 100_000)
        let cut = try await report({ $0.returnContent = .full }, content: large)
        #expect(cut.contains("Content-Type: text/rfc822-headers\r\n") && !cut.contains("A line."))
    }

    @Test func `the original recipient is told as it was given`() async throws {
        let text = try await report {
            $0.recipients[0].originalRecipient = OriginalRecipient(addressType: "rfc822", address: "list@other.test")
        }
        #expect(text.contains("Original-Recipient: rfc822; list@other.test\r\nFinal-Recipient: rfc822; no@far.test"))
    }

    @Test func `what the peer says cannot break the report's form`() async throws {
        let item = ReportItem(
            action: .failed,
            status: EnhancedStatus(5, 0, 0),
            recipient: 0,
            key: 0,
            finalRecipient: try EmailAddress(parsing: "x@far.test"),
            remoteHost: "evil\r\nAction: delivered",
            reply: "550 \r\n\r\nAction: delivered " + String(repeating: "y", count: 5000),
            text: "bad\r\n.\r\n",
            dialogue: "S: one\r\nInjected: yes",
            lastAttempt: Timestamp(seconds: 0)
        )
        var report = DeliveryReport(
            reportingHost: try Domain(parsing: "mx.home.test"),
            envelope: Envelope(
                reversePath: .null,
                recipients: [EnvelopeRecipient(address: item.finalRecipient)],
                origin: MessageOrigin(door: .smtp, transmissionType: "SMTP"),
                received: Timestamp(seconds: 0),
                expires: Timestamp(seconds: 1)
            ),
            items: [item],
            queueID: "1",
            unique: "1.1",
            recipient: item.finalRecipient,
            returned: ByteBuffer(string: "Subject: x\r\n"),
            returnsWholeMessage: false,
            now: Timestamp(seconds: 0)
        )
        let lines = String(buffer: report.compose()).components(separatedBy: "\r\n")
        #expect(lines.count { $0.hasPrefix("Action:") } == 1)
        #expect(!lines.contains { $0.hasPrefix("Injected") || $0 == "." || $0.utf8.count > 998 })
    }

    @Test func `an internationalized address takes the global forms`() async throws {
        let house = try await House()
        house.server.refuse("jörg@far.test", Self.refusal)
        try await house.submit(from: "bob@home.test", to: "jörg@far.test") { $0.isInternationalized = true }
        await house.recorder.wait(for: .delivered)
        let text = try #require(house.mailboxes.written.first?.text)
        #expect(text.contains("report-type=global-delivery-status"))
        #expect(text.contains("Content-Type: message/global-delivery-status"))
        #expect(text.contains("Final-Recipient: utf-8; jörg@far.test"))
        _ = await house.end()
    }

    @Test func `nobody is told of the failure of a report, and it is dropped with a trace`() async throws {
        let house = try await House()
        house.server.refuse("no@far.test", Self.refusal)
        try await house.submit(from: "", to: "no@far.test")
        await house.recorder.wait(for: .deleted)
        let left = await house.end()
        #expect(left == 0)
        #expect(house.mailboxes.written.isEmpty)
        #expect(house.recorder.events(.reported).isEmpty)
    }

    @Test func `a double bounce goes to the postmaster where that is asked for`() async throws {
        let postmaster = try EmailAddress(parsing: "alice@home.test")
        let house = try await House { options, _ in options.doubleBounceRecipient = postmaster }
        house.server.refuse("no@far.test", Self.refusal)
        try await house.submit(from: "", to: "no@far.test") { $0.origin.door = .report }
        await house.recorder.wait(for: .delivered)
        #expect(house.mailboxes.written.map(\.recipient) == ["alice@home.test"])
        _ = await house.end()
    }

    @Test func `NOTIFY=NEVER is not told, NOTIFY=SUCCESS is told of delivery`() async throws {
        let house = try await House()
        house.server.refuse("no@far.test", Self.refusal)
        try await house.submit(from: "bob@home.test", to: "no@far.test") { $0.recipients[0].notify = .never }
        await house.recorder.wait(for: .failed)
        try await house.submit(from: "bob@home.test", to: "alice@home.test") { $0.recipients[0].notify = .success }
        await house.recorder.wait(for: .delivered, count: 2)
        let left = await house.end()
        #expect(left == 0)
        let texts = house.mailboxes.written.filter { $0.recipient == "bob@home.test" }.map(\.text)
        #expect(texts.count == 1)
        #expect(
            texts.first?.contains("Final-Recipient: rfc822; alice@home.test\r\nAction: delivered\r\nStatus: 2.1.5")
                == true
        )
    }

    @Test func `a host that offers DSN is passed NOTIFY and reports itself`() async throws {
        let house = try await House()
        try await house.submit(from: "bob@home.test", to: "x@far.test") {
            $0.recipients[0].notify = [.success, .failure]
        }
        await house.recorder.wait(for: .relayed)
        let left = await house.end()
        #expect(left == 0)
        #expect(house.server.messages.first?.transaction.recipients.first?.notify == [.success, .failure])
        #expect(house.recorder.events(.reported).isEmpty)
    }

    @Test func `a message whose time is over fails with the last error, wherever it waits`() async throws {
        // Its time is over when the first attempt was made, however long that took.
        let now = WallClock.system.now()
        let isTried = Atomic(false)
        let clock = WallClock { isTried.load(ordering: .relaxed) ? now + .seconds(3600) : now }
        let house = try await House(clock: clock)
        house.lookup.host("down.test", "127.0.0.77")
        try await house.submit(from: "bob@home.test", to: "x@down.test") { $0.expires = now + .seconds(1) }
        await house.recorder.wait(for: .deferred)
        isTried.store(true, ordering: .relaxed)
        await house.recorder.wait(for: .delivered)
        let left = await house.end()
        #expect(left == 0)
        let text = try #require(house.mailboxes.written.first?.text)
        #expect(text.contains("Status: 5.4.7"))
        #expect(text.contains("127.0.0.77"))
        #expect(house.recorder.events(.expired).count == 1)
    }

    @Test func `a delay is told once, and the message stays`() async throws {
        let house = try await House { options, _ in options.delayWarning = .milliseconds(300) }
        house.lookup.host("down.test", "127.0.0.77")
        try await house.submit(from: "bob@home.test", to: "x@down.test")
        await house.recorder.wait(for: .delivered)
        let text = try #require(house.mailboxes.written.first?.text)
        #expect(text.contains("Action: delayed\r\n") && text.contains("\r\nWill-Retry-Until: "))
        #expect(text.contains("\r\nSubject: Your message is delayed\r\n"))
        let left = await house.end()
        #expect(left == 1)
    }
}
