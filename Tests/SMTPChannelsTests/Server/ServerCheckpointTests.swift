import MailBytes
import MailEvents
import NIOCore
import SMTPProtocol
import Synchronization
import Testing

@testable import SMTPChannels

@Suite("Connections that are lost within content, RFC 1845") struct ServerCheckpointTests {
    /// What is told of transactions.
    private final class Notes: Sendable {
        private let notes = Mutex<[String]>([])
        var all: [String] { notes.withLock { $0 } }

        func add(_ note: String) { notes.withLock { $0.append(note) } }
    }

    /// A server whose connections come one after the other.
    private struct Server {
        let authority: TestAuthority
        let store: SMTPCheckpointStore
        var contentInMemory: ByteCount
        var newlines = DotUnstuffer.BareNewlines.refuse
        var messageSize = ByteCount.mebibytes(1)
        let notes = Notes()

        init(
            contentInMemory: Int = 256 << 10,
            limits: SMTPCheckpointLimits = SMTPCheckpointLimits(),
            clock: WallClock = .system,
            holding held: TestAuthority.Held = .nothing
        ) {
            authority = TestAuthority(holding: held)
            store = SMTPCheckpointStore(limits: limits, clock: clock) { [notes] in notes.add($1) }
            self.contentInMemory = ByteCount(bytes: contentInMemory)
        }

        func connect(from peer: String = "192.0.2.1", as name: String = "c.example") throws -> ServerConnection {
            let connection = try ServerConnection(
                authority,
                contentInMemory: contentInMemory,
                peer: peer,
                configuring: {
                    $0.offer = SMTPServiceOffer(.checkpoint)
                    $0.bareNewlines = newlines
                    $0.limits.messageSize = messageSize
                },
                adjusting: { $0.checkpoints = store }
            )
            _ = try connection.heard()
            try connection.say("EHLO \(name)\r\n")
            return connection
        }
    }

    private static let recipient = "RCPT TO:<r@b.example>\r\n"

    private static func mail(_ parameters: String = "") -> String {
        "MAIL FROM:<a@c.example>\(parameters) TRANSID=<1@c.example>\r\n"
    }

    private static func stored(_ content: [UInt8]) -> String {
        "<a@c.example> r@b.example \(String(decoding: content, as: UTF8.self))"
    }

    private static func stuffed(_ content: some Collection<UInt8>) -> [UInt8] {
        let content = Array(content)
        var stuffer = DotStuffer()
        var bytes: [UInt8] = []
        stuffer.encode(content.span) { piece in
            switch piece {
            case .bytes(let range): bytes += content[range]
            case .dot: bytes.append(UInt8(ascii: "."))
            case .lineEnd: bytes += [13, 10]
            }
        }
        for byte in "\(stuffer.end())".utf8 { bytes.append(byte) }
        return bytes
    }

    /// Opens a transaction. Where it goes on, or `nil` where it begins.
    private static func open(_ connection: ServerConnection) throws -> Int? {
        try connection.receive(mail().utf8)
        let reply = try connection.heard()
        if reply.hasPrefix("250") {
            try connection.say(recipient)
            return nil
        }
        let words = reply.split(separator: " ")
        try #require(words.count > 1 && words[0] == "355", "\(reply)")
        let offset: Int = try #require(Int(words[1]))
        return offset
    }

    // MARK: Cuts

    private static let content = Array(
        "Subject: x\r\n\r\n.\r\n..\r\n.dot\r\n\r\n\r\na longer line without much in it\r\n.\r\nend".utf8
    )

    @Test(arguments: [256 << 10, 16, 4])
    func `wherever DATA is cut, the message is the same and comes once`(contentInMemory: Int) throws {
        let whole = Self.content + [13, 10]
        let wire = Self.stuffed(Self.content)
        for cut in 0...wire.count {
            let server = Server(contentInMemory: contentInMemory)
            let first = try server.connect()
            #expect(try Self.open(first) == nil)
            try first.say("DATA\r\n")
            try first.receive(wire[..<cut])
            first.lose()

            let second = try server.connect()
            if let offset = try Self.open(second) {
                #expect(whole[..<offset].suffix(2) == [13, 10])
                let missing = cut - Self.stuffed(whole[..<offset]).count + 3
                // What was received and is sent again is less than a line, where lines fit in memory.
                if cut < wire.count && contentInMemory > 16 { #expect(missing <= 36, "\(offset) of \(cut)") }
                #expect(try second.say("DATA\r\n") == "354")
                try second.receive(Self.stuffed(whole[offset...]))
            } else {
                try second.say("DATA\r\n")
                try second.receive(wire)
            }
            #expect(ServerConnection.codes(try second.heard()) == "250 2.0.0")
            #expect(server.authority.stored == [Self.stored(whole)], "cut at \(cut)")
        }
    }

    @Test func `wherever BDAT is cut, the message is the same and comes once`() throws {
        let whole = Self.content + [13, 10]
        let chunks =
            Array("BDAT 20\r\n".utf8) + whole[..<20] + Array("BDAT \(whole.count - 20) LAST\r\n".utf8) + whole[20...]
        for (cut, memory) in (0...chunks.count).flatMap({ [($0, 256 << 10), ($0, 16)] }) {
            let server = Server(contentInMemory: memory)
            let first = try server.connect()
            _ = try Self.open(first)
            try first.receive(chunks[..<cut])
            first.lose()

            let second = try server.connect()
            let offset = try Self.open(second) ?? 0
            // It may go on with the other command.
            if cut.isMultiple(of: 2) {
                try second.receive(Array("BDAT \(whole.count - offset) LAST\r\n".utf8) + whole[offset...])
            } else {
                try second.say("DATA\r\n")
                try second.receive(Self.stuffed(whole[offset...]))
            }
            #expect(ServerConnection.codes(try second.heard()) == "250 2.0.0")
            #expect(server.authority.stored == [Self.stored(whole)], "cut at \(cut)")
        }
    }

    @Test func `binary content goes on at every octet`() throws {
        let server = Server()
        let first = try server.connect()
        try first.say(Self.mail(" BODY=BINARYMIME") + Self.recipient)
        try first.receive("BDAT 9 LAST\r\nab\nc\r".utf8)
        first.lose()
        let second = try server.connect()
        try second.receive(Self.mail(" BODY=BINARYMIME").utf8)
        #expect(try second.heard() == "355 5 is the transaction offset\r\n")
        #expect(try second.say("DATA\r\n") == "503 5.5.1")
        try second.receive("BDAT 4 LAST\r\nd\re\n".utf8)
        #expect(server.authority.stored == [Self.stored(Array("ab\nc\rd\re\n".utf8))])
    }

    @Test func `the longer example of section 5 is answered as there`() throws {
        let server = Server()
        let begun = [UInt8](repeating: UInt8(ascii: "x"), count: 6133) + [13, 10]
        let first = try server.connect(as: "ymir.claremont.edu")
        try first.say("MAIL FROM:<ned@ymir.claremont.edu> TRANSID=<12345@claremont.edu>\r\n")
        try first.say("RCPT TO:<mrose@dbc.mtview.ca.us>\r\nDATA\r\n")
        try first.receive(begun + Array("and a part of a line".utf8))
        first.lose()
        let second = try server.connect(as: "ymir.claremont.edu")
        try second.receive("MAIL FROM:<ned@ymir.claremont.edu> TRANSID=<12345@claremont.edu>\r\n".utf8)
        #expect(try second.heard() == "355 6135 is the transaction offset\r\n")
        try second.receive("DATA\r\n".utf8)
        #expect(try second.heard() == "354 Send previously checkpointed message starting at octet 6135\r\n")
        #expect(try second.say("and a part of a line\r\n.\r\n") == "250 2.0.0")
        #expect(try second.say("QUIT\r\n") == "221 2.0.0")
        let text = String(decoding: begun, as: UTF8.self) + "and a part of a line\r\n"
        #expect(server.authority.stored == ["<ned@ymir.claremont.edu> mrose@dbc.mtview.ca.us \(text)"])
    }

    @Test(arguments: UInt64(1)...40)
    func `cut at random again and again, a random message is the same in the end`(seed: UInt64) throws {
        var chance = SplitMix64(seed: seed)
        var whole: [UInt8] = []
        let words = ["\r\n", ".", "..", "a", "word ", "\r\n.\r\n", String(repeating: "x", count: 50)]
        for _ in 0..<Int.random(in: 1...200, using: &chance) {
            whole += Array((words.randomElement(using: &chance) ?? "").utf8)
        }
        whole += [13, 10]
        let server = Server(contentInMemory: Int.random(in: 1...300, using: &chance))
        for connectionNumber in 1...200 {
            let connection = try server.connect()
            let offset = try Self.open(connection) ?? 0
            var wire = Self.stuffed(whole[offset...])
            if Bool.random(using: &chance) {
                wire = Array("BDAT \(whole.count - offset) LAST\r\n".utf8) + whole[offset...]
            } else {
                try connection.say("DATA\r\n")
            }
            // The last one is not cut.
            let end = connectionNumber == 200 ? wire.count : Int.random(in: 0...wire.count, using: &chance)
            var sent = 0
            while sent < end {
                let next = min(end, sent + Int.random(in: 1...100, using: &chance))
                try connection.receive(wire[sent..<next])
                sent = next
            }
            connection.lose()
            if end == wire.count { break }
        }
        #expect(server.authority.stored == [Self.stored(whole)], "seed \(seed)")
    }

    // MARK: The end

    @Test func `a reply that was lost is told again, and the message comes once`() throws {
        let server = Server(holding: .commits)
        let first = try server.connect()
        _ = try Self.open(first)
        try first.say("DATA\r\n")
        try first.say("x\r\n.\r\n")
        first.lose()
        // It is not known yet what becomes of it.
        let early = try server.connect()
        #expect(try early.say(Self.mail()) == "450 4.5.0")
        server.authority.finishCommit()
        let second = try server.connect()
        try second.receive(Self.mail().utf8)
        #expect(try second.heard() == "355 3 is the transaction offset\r\n")
        // Lost once more, it stays as it is.
        second.lose()
        let third = try server.connect()
        #expect(try Self.open(third) == 3)
        try third.say("DATA\r\n")
        try third.receive(".\r\n".utf8)
        #expect(try third.heard() == SMTPReply.queued("0000000000001").text)
        #expect(server.authority.stored.count == 1)
    }

    @Test(arguments: ["QUIT\r\n", "RSET\r\n", "MAIL FROM:<a@c.example>\r\n"])
    func `a client that heard the reply has said so, and begins another by the same name`(command: String) throws {
        let server = Server()
        let first = try server.connect()
        _ = try Self.open(first)
        try first.say("DATA\r\n")
        try first.say("x\r\n.\r\n")
        try first.say(command)
        first.lose()
        let second = try server.connect()
        #expect(try Self.open(second) == nil)
    }

    @Test(arguments: ["QUIT\r\n", "RSET\r\n", "MAIL FROM:<a@c.example>\r\n", "NOOP\r\nQUIT\r\n"])
    func `what was sent before the reply does not say that it was heard`(command: String) throws {
        for isHeld in [false, true] {
            let server = Server(holding: isHeld ? .commits : .nothing)
            let first = try server.connect()
            _ = try Self.open(first)
            try first.say("DATA\r\n")
            if isHeld {
                try first.say("x\r\n.\r\n")
                try first.receive(command.utf8)
                server.authority.finishCommit()
            } else {
                try first.receive(("x\r\n.\r\n" + command).utf8)
            }
            first.lose()
            // Nor where the reply is told again.
            let second = try server.connect()
            #expect(try Self.open(second) == 3)
            try second.say("DATA\r\n")
            try second.receive((".\r\n" + command).utf8)
            second.lose()
            let third = try server.connect()
            #expect(try Self.open(third) == 3)
            #expect(server.authority.stored.count == 1)
        }
    }

    @Test func `a message that was refused is forgotten`() throws {
        var server = Server()
        server.messageSize = ByteCount(bytes: 10)
        let first = try server.connect()
        _ = try Self.open(first)
        try first.say("DATA\r\n")
        #expect(try first.say("01234567890\r\n.\r\n") == "552 5.3.4")
        first.lose()
        let second = try server.connect()
        #expect(try Self.open(second) == nil)
    }

    @Test func `a client that says nothing any more is cut off, and goes on later`() throws {
        let server = Server()
        let first = try server.connect()
        _ = try Self.open(first)
        try first.say("DATA\r\n")
        try first.receive("one\r\ntw".utf8)
        first.pass(3600)
        #expect(!first.isOpen)
        let second = try server.connect()
        #expect(try Self.open(second) == 5)
    }

    @Test func `a client that comes again has given up its old connection, which ends and is gone on with`() throws {
        let server = Server()
        let first = try server.connect()
        _ = try Self.open(first)
        try first.say("DATA\r\n")
        try first.receive("one\r\ntw".utf8)
        let second = try server.connect()
        #expect(try second.say(Self.mail()) == "450 4.5.0")
        #expect(!first.isOpen)
        #expect(try Self.open(second) == 5)
        #expect(server.notes.all == ["another connection had the transaction, and was ended"])
    }

    // MARK: Whose it is

    @Test func `another client, by name or by address, begins anew`() throws {
        let server = Server()
        let first = try server.connect()
        _ = try Self.open(first)
        try first.say("DATA\r\n")
        try first.receive("one\r\n".utf8)
        first.lose()
        let others = [
            try server.connect(from: "192.0.2.2"), try server.connect(as: "d.example"),
        ]
        for other in others { #expect(try Self.open(other) == nil) }
        let second = try server.connect()
        #expect(try Self.open(second) == 5)
    }

    @Test func `with another SIZE or sender it is another transaction`() throws {
        for other in [Self.mail(" SIZE=7"), "MAIL FROM:<b@c.example> TRANSID=<1@c.example>\r\n"] {
            let server = Server()
            let first = try server.connect()
            _ = try Self.open(first)
            try first.say("DATA\r\n")
            try first.receive("one\r\n".utf8)
            first.lose()
            let second = try server.connect()
            #expect(try second.say(other) == "250 2.1.0")
            second.lose()
            // The other one has taken its place.
            let third = try server.connect()
            #expect(try Self.open(third) == nil)
        }
    }

    // MARK: Bounds and abuse

    @Test func `what was uploaded is kept without its unfinished line, and given up when it is too old`() throws {
        let time = Mutex(Timestamp(seconds: 0))
        let server = Server(contentInMemory: 8, clock: WallClock { time.withLock { $0 } })
        let first = try server.connect()
        _ = try Self.open(first)
        try first.say("DATA\r\n")
        try first.receive("0123456789\r\n0123".utf8)
        first.lose()
        let upload = try #require(server.authority.uploads.first)
        #expect(upload.text == "0123456789\r\n")
        #expect(!upload.isAbandoned)
        time.withLock { $0 = Timestamp(seconds: 24 * 3600) }
        let second = try server.connect()
        #expect(try Self.open(second) == nil)
    }

    @Test func `a line larger than memory takes is not gone on with until it has ended`() throws {
        let server = Server(contentInMemory: 16)
        let first = try server.connect()
        _ = try Self.open(first)
        try first.say("DATA\r\n")
        try first.receive("0123456789012345678901234567890123456789".utf8)
        try first.receive("0123456789".utf8)
        first.lose()
        let second = try server.connect()
        #expect(try Self.open(second) == nil)
        try second.say("DATA\r\n")
        try second.receive("0123456789012345678901234567890123456789".utf8)
        try second.receive("01\r\n23".utf8)
        second.lose()
        let third = try server.connect()
        #expect(try Self.open(third) == 44)
    }

    @Test func `a bare newline ends what was resumed too, and nothing is kept`() throws {
        let server = Server()
        let first = try server.connect()
        _ = try Self.open(first)
        try first.say("DATA\r\n")
        try first.receive("one\r\n".utf8)
        first.lose()
        let second = try server.connect()
        #expect(try Self.open(second) == 5)
        try second.say("DATA\r\n")
        #expect(try second.say("\n.\r\nMAIL FROM:<evil@c.example>\r\n") == "554 5.6.0")
        second.lose()
        #expect(server.authority.smugglers.count == 1)
        let third = try server.connect()
        #expect(try Self.open(third) == nil)
        #expect(server.authority.stored.isEmpty)
    }

    @Test func `where bare newlines are normalised it is not offered, since the octets of both sides are not the same`()
        throws
    {
        var server = Server()
        server.newlines = .normalise
        let connection = try server.connect()
        try connection.receive("EHLO c.example\r\n".utf8)
        #expect(try !connection.heard().contains("CHECKPOINT"))
        #expect(try connection.say(Self.mail()) == "555 5.5.4")
    }

    @Test func `what is kept for too long goes by itself`() throws {
        let time = Mutex(Timestamp(seconds: 0))
        let server = Server(contentInMemory: 8, clock: WallClock { time.withLock { $0 } })
        let first = try server.connect()
        _ = try Self.open(first)
        try first.say("DATA\r\n")
        try first.receive("0123456789\r\n0123".utf8)
        first.lose()
        #expect(server.store.kept.transactions == 1)
        time.withLock { $0 = Timestamp(seconds: 24 * 3600) }
        first.pass(24 * 3600)
        #expect(server.store.kept == SMTPCheckpointSize())
    }

    @Test func `what gives way to others is told`() throws {
        var limits = SMTPCheckpointLimits()
        limits.perClient.disk = 10
        let server = Server(contentInMemory: 8, limits: limits)
        let first = try server.connect()
        _ = try Self.open(first)
        try first.say("DATA\r\n")
        try first.receive("0123456789\r\n0123".utf8)
        first.lose()
        #expect(server.notes.all == ["given up, since too much was kept"])
    }

    @Test func `without a store nothing is kept, and the extension does no harm`() throws {
        let authority = TestAuthority()
        for _ in 0..<2 {
            let connection = try ServerConnection(
                authority,
                configuring: { $0.offer = SMTPServiceOffer(.checkpoint) }
            )
            _ = try connection.heard()
            try connection.say("EHLO c.example\r\n")
            #expect(try Self.open(connection) == nil)
            try connection.say("DATA\r\n")
            try connection.receive("one\r\n".utf8)
            connection.lose()
        }
    }
}

extension SMTPReply {
    fileprivate var text: String { String(decoding: wire, as: UTF8.self) }
}
