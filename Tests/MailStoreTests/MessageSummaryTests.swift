import Foundation
import GRDB
import InternetMessage
import MailBytes
import NIOCore
import Testing

@testable import MailStore

@Suite("What is written down of a message")
struct MessageSummaryTests {
    private func summary(_ text: String) -> MessageSummary {
        let bytes = Array(text.utf8)
        var parser = MessageParser()
        parser.consume(bytes.span)
        return MessageSummary(bytes.span, parser.finish())
    }

    @Test func `fields are found, unfolded, decoded, and the first counts`() {
        let found = summary(
            "RECEIVED: a\r\n b\r\nsubject : =?utf-8?Q?H=C3=A4llo?=\r\n  world\r\nMessage-ID:\r\n <1@x>\r\n"
                + "From: \"A. B.\" <a@b>, c@d\r\nSubject: no\r\n\r\nFrom: c\r\n"
        )
        #expect(found.subject == "Hällo world")
        #expect(found.messageID == "<1@x>")
        #expect(found.from == "A. B. <a@b>")
        #expect(!found.hasUTF8)
        #expect(found.preview == "From: c")
    }

    @Test(arguments: ["", "\r\n", "x", ":", " \r\n", "Subject", "Subject:", "\n\nFrom: a"])
    func `odd headers give nothing`(text: String) {
        #expect((summary(text).subject ?? "") == "")
        #expect(summary(text).from == nil)
    }

    @Test func `a long field is cut, a header beyond its bound is not looked at`() {
        let text = "Subject: " + String(repeating: "x", count: 5000) + "\r\n y\r\nFrom: a@b\r\n"
        #expect(summary(text).subject?.count == 500)
        #expect(summary(text).from == "a@b")
        let late = String(repeating: "X: y\r\n", count: 20_000) + "From: a@b\r\n\r\n"
        #expect(summary(late).from == nil)
    }

    @Test func `identifiers are its own, the first and the last of what it answers`() {
        let references = (0..<50).map { "<\($0)@x>" }.joined(separator: "\r\n ")
        let found = summary("References: \(references)\r\nIn-Reply-To: <last@x>\r\nMessage-ID: <own@x>\r\n\r\n")
            .identifiers
        #expect(found.count == 20)
        #expect(found.prefix(2) == ["<own@x>", "<0@x>"])
        #expect(found.last == "<last@x>")
    }

    @Test func `octets beyond ASCII count in the header alone`() {
        #expect(summary("Subject: ü\r\n\r\nx").hasUTF8)
        #expect(!summary("Subject: u\r\n\r\nü").hasUTF8)
        // Octets of Latin-1 are no internationalized header.
        var parser = MessageParser()
        let latin = Array("Subject: caf".utf8) + [0xE9] + Array("\r\n\r\n".utf8)
        parser.consume(latin.span)
        #expect(!MessageSummary(latin.span, parser.finish()).hasUTF8)
    }
}

@Suite("Conversations and changes")
struct ConversationTests {
    private func read<Value>(_ fixture: StoreFixture, _ query: (Database) throws -> Value) throws -> Value {
        try DatabaseQueue(path: fixture.folder + "/07/7.db").read(query)
    }

    @Test func `answers join what they answer, others with its subject do not`() async throws {
        try await StoreFixture.with { fixture in
            let texts = [
                "Message-ID: <1@x>\r\nSubject: Plan\r\n\r\n",
                "Message-ID: <2@x>\r\nIn-Reply-To: <1@x>\r\nSubject: Re: Plan\r\n\r\n",
                "Message-ID: <3@x>\r\nReferences: <0@x> <2@x>\r\nSubject: =?utf-8?Q?AW=3A?= Plan\r\n\r\n",
                "Message-ID: <4@x>\r\nReferences: <1@x>\r\n <2@x>\r\nSubject: Fwd: Plan\r\n\r\n",
                "Message-ID: <5@x>\r\nSubject: Plan\r\n\r\n",
                // It came before what it answers.
                "Message-ID: <7@x>\r\nIn-Reply-To: <6@x>\r\nSubject: Re: New\r\n\r\n",
                "Message-ID: <6@x>\r\nSubject: New\r\n\r\n",
                "\r\nno header\r\n",
            ]
            let items = texts.enumerated().map { message(UInt64($0), $1) }
            _ = try await fixture.store.deliver(items, to: 7)
            let threads = try read(fixture) {
                try Int64.fetchAll($0, sql: "SELECT thread_id FROM message ORDER BY uid")
            }
            #expect(threads == [1, 1, 3, 1, 5, 6, 6, 8])
        }
    }

    @Test(arguments: [false, true])
    func `structure and preview are those of the stored octets`(isLarge: Bool) async throws {
        try await StoreFixture.with { fixture in
            let rest = isLarge ? String(repeating: "0123456789abcd\r\n", count: 10_000) : ""
            let text =
                "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello\r\n\(rest)\r\n--b\r\n\r\ntwo\r\n--b--\r\n"
            var whole = message(1, text)
            whole.content = .whole(prefix: Array("Return-Path: <>\r\n".utf8), body: ByteBuffer(string: text))
            var pieces = message(2, text)
            let body = ByteBuffer(string: text)
            pieces.content = .pieces(prefix: Array("Return-Path: <>\r\n".utf8), count: text.utf8.count / 5000 + 1) {
                index in
                let start = index * 5000
                return body.getSlice(at: start, length: min(5000, body.readableBytes - start)) ?? ByteBuffer()
            }
            _ = try await fixture.store.deliver([whole, pieces], to: 7)
            let stored = Array("Return-Path: <>\r\n\(text)".utf8)
            var parser = MessageParser()
            parser.consume(stored.span)
            let expected = parser.finish()
            let rows = try read(fixture) { try Row.fetchAll($0, sql: "SELECT structure, preview FROM message") }
            #expect(rows.count == 2)
            for row in rows {
                let record: Data = row[0]
                #expect(BodyPart(encoded: record.span) == expected.structure)
                #expect(row[1] as String == expected.preview)
            }
            #expect(expected.structure.parts.last?.body.isEmpty == false)
            #expect(expected.preview.hasPrefix("Hello"))
        }
    }

    @Test func `what is removed stands in the log of changes`() async throws {
        try await StoreFixture.with { fixture in
            _ = try await fixture.store.deliver([message(1), message(2), message(3)], to: 7)
            try await fixture.store.maildrop(7).remove([1, 3, 9])
            let rows = try read(fixture) {
                try Row.fetchAll($0, sql: "SELECT uid, modseq FROM expunged ORDER BY uid")
            }
            #expect(rows.map { $0[0] as Int64 } == [1, 3])
            let highest = try read(fixture) {
                try Int64.fetchOne($0, sql: "SELECT highest_modseq FROM mailbox WHERE name = 'INBOX'")
            }
            #expect(rows.allSatisfy { $0[1] as Int64? == highest })
        }
    }
}
