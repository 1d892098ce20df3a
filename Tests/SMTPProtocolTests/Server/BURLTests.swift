import MailBytes
import Testing

@testable import SMTPProtocol

@Suite("Content by URL, RFC 4468") struct BURLTests {
    private static let url =
        "imap://harry@gryffindor.example.com/outbox;uidvalidity=1078863300/;uid=25;urlauth=submit+harry:internal:91354a47"

    private static func session(_ isLoggedIn: Bool = true) throws -> SMTPServerSession {
        var session = SMTPServerSession(
            configuration: try .sample(.submission) { $0.offer = SMTPServiceOffer(.burl) },
            isEncrypted: true
        )
        _ = say(&session, "EHLO potter.example.com")
        if isLoggedIn {
            _ = say(&session, "AUTH PLAIN aGFycnkAaGFycnkAYWNjaW8=")
            _ = session.credentialsJudged(.accepted(account: "harry"))
            _ = say(&session, "EHLO potter.example.com")
        }
        return session
    }

    private static func say(_ session: inout SMTPServerSession, _ line: String) -> SMTPServerSession.Action {
        session.lineReceived(Array(line.utf8).span)
    }

    private static func inTransaction() throws -> SMTPServerSession {
        var session = try session()
        _ = say(&session, "MAIL FROM:<harry@gryffindor.example.com>")
        _ = session.senderJudged(.accepted)
        _ = say(&session, "RCPT TO:<ron@gryffindor.example.com>")
        _ = session.recipientJudged(.accepted)
        return session
    }

    @Test func `the example of section 3-4 is resolved and then committed`() throws {
        var session = try Self.inTransaction()
        let resolve = Self.say(&session, "BURL \(Self.url) LAST")
        #expect(resolve == .resolve(url: Self.url, account: "harry"))
        guard case .commit(let transaction) = session.urlResolved(octets: 100) else { return #expect(Bool(false)) }
        #expect(transaction.contentSize == 100 && transaction.isChunked)
    }

    @Test func `URLs and chunks take turns until one is the last`() throws {
        var session = try Self.inTransaction()
        _ = Self.say(&session, "BURL \(Self.url)")
        let taken = session.urlResolved(octets: 100)
        #expect(taken == .send(.urlTaken))
        let chunk = Self.say(&session, "BDAT 5")
        #expect(chunk == .receiveChunk(size: 5, isKept: true))
        _ = session.chunkReceived()
        _ = Self.say(&session, "BURL \(Self.url) LAST")
        guard case .commit(let transaction) = session.urlResolved(octets: 1) else { return #expect(Bool(false)) }
        #expect(transaction.contentSize == 106)
    }

    @Test func `a failure, or a URL of somebody else, ends the transaction`() throws {
        var session = try Self.inTransaction()
        _ = Self.say(&session, "BURL \(Self.url) LAST")
        let failed = session.urlResolved(octets: nil)
        #expect(failed == .send(.urlUnresolved))
        let after = Self.say(&session, "DATA")
        #expect(after == .send(.mailFirst))
        var other = try Self.inTransaction()
        let denied = Self.say(&other, "BURL \(Self.url.replacing("submit+harry", with: "submit+ron")) LAST")
        #expect(denied == .send(.urlDenied))
    }

    @Test func `what is too large is refused when it is known`() throws {
        var session = try Self.inTransaction()
        _ = Self.say(&session, "BURL \(Self.url) LAST")
        let answer = session.urlResolved(octets: 50 << 20 | 1)
        #expect(answer == .send(.tooLarge))
    }

    @Test(arguments: [
        ("BURL", "501 5.5.4"), ("BURL no-url LAST", "501 5.5.4"), ("BURL imap://a/b FIRST", "501 5.5.4"),
        ("BURL :x LAST", "501 5.5.4"),
    ])
    func `what is no BURL is refused`(line: String, answered: String) throws {
        var session = try Self.inTransaction()
        guard case .send(let reply) = Self.say(&session, line) else { return #expect(Bool(false)) }
        #expect(reply.oneLine.hasPrefix(answered))
    }

    @Test func `without a recipient nothing is resolved, and the order is kept`() throws {
        var session = try Self.session()
        let early = Self.say(&session, "BURL \(Self.url) LAST")
        #expect(early == .send(.mailFirst))
        _ = Self.say(&session, "MAIL FROM:<harry@gryffindor.example.com>")
        _ = session.senderJudged(.accepted)
        let empty = Self.say(&session, "BURL \(Self.url) LAST")
        #expect(empty == .send(.noValidRecipients))
    }

    @Test(arguments: [(true, "250-BURL imap"), (false, "250-BURL")])
    func `what EHLO says depends on the log-in`(isLoggedIn: Bool, line: String) throws {
        var session = try Self.session(isLoggedIn)
        guard case .send(let reply) = Self.say(&session, "EHLO c.example") else { return #expect(Bool(false)) }
        let lines = String(decoding: reply.wire, as: UTF8.self).split(separator: "\r\n")
        #expect(lines.contains(line[...]))
    }

    @Test func `it is not known where it is not offered`() throws {
        var session = SMTPServerSession(configuration: try .sample { $0.offer = SMTPServiceOffer(.burl) })
        _ = Self.say(&session, "EHLO c.example")
        let answer = Self.say(&session, "BURL \(Self.url) LAST")
        #expect(answer == .send(.unrecognized))
    }
}
