import MailBytes
import MailNames
import NIOCore
import SMTPChannels
import SMTPProtocol
import Testing

@testable import Reception

@Suite("Large messages that go on where they broke off, RFC 1845", .timeLimit(.minutes(5))) struct CheckpointTests {
    private struct Gone: Error {}

    /// One attempt at a message in pieces, whose connection is lost where a piece cannot be had; what the recipient was answered, and
    /// what was said.
    private static func attempt(
        _ door: DoorFixture,
        _ pieces: [[UInt8]],
        losing lost: Int? = nil,
        account: String? = nil,
        change: (inout SMTPDelivery) -> Void = { _ in }
    ) async throws -> (answer: String, dialogue: String) {
        let connection = try await door.connect(account: account)
        var delivery = SMTPDelivery(
            reversePath: .address(try EmailAddress(parsing: account ?? "carol@elsewhere.test")),
            recipients: [EnvelopeRecipient(address: try EmailAddress(parsing: "bob@example.test"))],
            size: pieces.joined().count
        )
        delivery.transactionID = TransactionIdentifier(local: "1", domain: "client.test")
        change(&delivery)
        let outcome = await connection.perform(
            delivery,
            content: ByteBuffer(bytes: pieces[0]),
            laterPieces: pieces.count - 1,
            piece: { index in
                // Looking for the place reads them too: what is lost is so behind DATA.
                guard index != lost else { throw Gone() }
                return ByteBuffer(bytes: pieces[index])
            }
        )
        await connection.close()
        switch outcome.result.outcomes.first {
        case .accepted(let reply), .deferred(let reply), .failed(let reply): return (reply.oneLine, outcome.dialogue)
        case .notTried, nil: return ("not tried", outcome.dialogue)
        }
    }

    /// The same, once the server has noticed that the connection before is gone: the first 450 has it look.
    private static func attemptLater(
        _ door: DoorFixture,
        _ pieces: [[UInt8]],
        losing lost: Int? = nil,
        account: String? = nil,
        change: (inout SMTPDelivery) -> Void = { _ in }
    ) async throws -> (answer: String, dialogue: String) {
        while true {
            let outcome = try await attempt(door, pieces, losing: lost, account: account, change: change)
            if !outcome.answer.hasPrefix("450 4.5.0") { return outcome }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    /// Lines of all kinds, in pieces that end anywhere.
    private static func pieces(_ chance: inout SplitMix64, octets: Int) -> [[UInt8]] {
        var content = Array("Subject: large\r\n\r\n".utf8)
        let lines = [".", "..", "", "0123456789abcdef", ".dot", String(repeating: "x", count: 900)]
        while content.count < octets {
            content += Array((lines.randomElement(using: &chance) ?? "").utf8) + [13, 10]
        }
        var pieces: [[UInt8]] = []
        while !content.isEmpty {
            let count = min(content.count, Int.random(in: 1...40_000, using: &chance))
            pieces.append(Array(content.prefix(count)))
            content.removeFirst(count)
        }
        return pieces
    }

    private static let offer = SMTPServiceOffer(.checkpoint)

    @Test(arguments: [(UInt64(1), 3000), (2, 100_000), (3, 400_000), (4, 400_000), (5, 1_000_000), (6, 1_000_000)])
    func `a message that is lost again and again is the same in the end, and comes once`(
        seed: UInt64,
        octets: Int
    )
        async throws
    {
        var chance = SplitMix64(seed: seed)
        let pieces = Self.pieces(&chance, octets: octets)
        let whole = String(decoding: pieces.joined(), as: UTF8.self)
        try await DoorFixture.with(offer: Self.offer) { door in
            let losses = pieces.indices.dropFirst().shuffled(using: &chance).prefix(4).sorted()
            for lost in losses {
                let outcome = try await Self.attemptLater(door, pieces, losing: lost)
                #expect(outcome.answer.hasPrefix("421"), "seed \(seed): \(outcome.answer)")
            }
            let last = try await Self.attemptLater(door, pieces)
            #expect(last.answer.hasPrefix("250 2.0.0"), "seed \(seed): \(last.dialogue)")
            let spooled = try door.spooled()
            #expect(spooled.count == 1)
            let stored = try #require(spooled.first).content
            #expect(stored.hasPrefix("Received: from client.test") && stored.hasSuffix("\r\n" + whole), "seed \(seed)")
            // Nothing but the one field is in front of it.
            #expect(stored.utf8.count < whole.utf8.count + 500)
        }
    }

    @Test func `what is on the disk already is not sent again`() async throws {
        var chance = SplitMix64(seed: 7)
        let pieces = Self.pieces(&chance, octets: 800_000)
        try await DoorFixture.with(offer: Self.offer) { door in
            _ = try await Self.attempt(door, pieces, losing: pieces.count - 1)
            // The server may not have read all of it when the connection ended.
            let second = try await Self.attemptLater(door, pieces)
            #expect(second.dialogue.contains("S: 355 "))
            #expect(second.dialogue.contains("S: 354 Send previously checkpointed message starting at octet "))
            #expect(second.answer.hasPrefix("250 2.0.0"))
            #expect(try door.spooled().count == 1)
        }
    }

    @Test func `a submission keeps its account, and loses its blind copies all the same`() async throws {
        var chance = SplitMix64(seed: 8)
        var pieces = Self.pieces(&chance, octets: 300_000)
        pieces[0] = Array("From: alice@example.test\r\nBcc: secret@example.org\r\n".utf8) + pieces[0]
        try await DoorFixture.with(offer: Self.offer) { door in
            let account = "alice@example.test"
            _ = try await Self.attempt(door, pieces, losing: pieces.count - 1, account: account)
            let other = try await Self.attempt(door, pieces, account: "bob@example.test")
            #expect(!other.dialogue.contains("S: 355 "))
            let second = try await Self.attemptLater(door, pieces, account: account)
            #expect(second.dialogue.contains("S: 355 "))
            #expect(second.answer.hasPrefix("250 2.0.0"))
            let stored = try #require(try door.spooled().last).content
            #expect(!stored.contains("secret@example.org"))
            let tail = try #require(pieces.last)
            #expect(stored.hasSuffix(String(decoding: tail, as: UTF8.self)))
        }
    }

    @Test func `another sender's message of the same name is a message of its own`() async throws {
        var chance = SplitMix64(seed: 9)
        let pieces = Self.pieces(&chance, octets: 200_000)
        try await DoorFixture.with(offer: Self.offer) { door in
            _ = try await Self.attempt(door, pieces, losing: pieces.count - 1)
            let second = try await Self.attemptLater(door, pieces) { $0.reversePath = .null }
            #expect(!second.dialogue.contains("S: 355 "))
            #expect(second.answer.hasPrefix("250 2.0.0"))
            #expect(try door.spooled().map(\.envelope.reversePath) == [.null])
        }
    }
}
