import MailBytes
import MailEvents
import Testing

@Suite("Stored trace entries") struct TraceCodingTests {
    static func bytes(_ entries: [TraceEntry]) -> [UInt8] {
        var bytes: [UInt8] = []
        for entry in entries { entry.encode(into: &bytes) }
        return bytes
    }

    static func entries(_ bytes: [UInt8]) -> [TraceEntry] { TraceEntry.entries(in: bytes.span).entries }

    static func random(using random: inout SplitMix64) -> TraceEntry {
        let letters: [Character] = ["a", "é", "\n", "@", "\u{0}", "漢", "🕊", " "]
        let fields = (0..<Int.random(in: 0...12, using: &random)).map { _ in
            let text = String(
                (0..<Int.random(in: 0...40, using: &random)).map { _ in
                    letters[Int.random(in: 0..<letters.count, using: &random)]
                }
            )
            return TraceEvent.Entry(
                TraceField.allCases[Int.random(in: 0..<TraceField.allCases.count, using: &random)],
                text
            )
        }
        let kind = TraceEvent.Kind.allCases[Int.random(in: 0..<TraceEvent.Kind.allCases.count, using: &random)]
        return TraceEntry(
            queueID: Bool.random(using: &random) ? nil : QueueID(rawValue: .random(in: 1 ... .max, using: &random)),
            time: Timestamp(microseconds: .random(in: .min ... .max, using: &random)),
            event: TraceEvent(kind, fields)
        )
    }

    @Test(arguments: 1...20) func `what is written is read back`(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let entries = (0..<50).map { _ in Self.random(using: &random) }
        let bytes = Self.bytes(entries)
        let read = TraceEntry.entries(in: bytes.span)
        #expect(read.entries == entries, "seed \(seed)")
        #expect(read.used == bytes.count, "seed \(seed)")
    }

    @Test func `wherever the bytes end, the whole entries before are read`() {
        let seed: UInt64 = 5
        var random = SplitMix64(seed: seed)
        let entries = (0..<5).map { _ in Self.random(using: &random) }
        let bytes = Self.bytes(entries)
        let ends = (1...entries.count).map { Self.bytes(Array(entries.prefix($0))).count }
        for cut in 0...bytes.count {
            let whole = ends.count { $0 <= cut }
            let read = TraceEntry.entries(in: bytes.span.extracting(0..<cut))
            #expect(read.entries == Array(entries.prefix(whole)), "cut at \(cut), seed \(seed)")
            #expect(read.used == (whole == 0 ? 0 : ends[whole - 1]), "cut at \(cut), seed \(seed)")
        }
    }

    @Test(arguments: 1...200) func `damaged bytes are read without a trap`(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let whole = Self.bytes([Self.random(using: &random), Self.random(using: &random)])
        var bytes = whole
        for _ in 0..<4 {
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: .min ... .max, using: &random)
        }
        let read = TraceEntry.entries(in: bytes.span)
        #expect(read.used <= bytes.count && read.entries.count <= 2, "seed \(seed)")
    }

    @Test(arguments: [[0, 0, 0, 0], [16, 0, 0, 0], [255, 255, 255, 255], [0, 0, 0, 128]] as [[UInt8]])
    func `a length that no entry has ends the reading`(length: [UInt8]) {
        let entry = TraceEntry(queueID: nil, time: Timestamp(seconds: 1), event: TraceEvent(.held, [:]))
        let bytes = Self.bytes([entry]) + length + [UInt8](repeating: 0, count: 100)
        let read = TraceEntry.entries(in: bytes.span)
        #expect(read.entries == [entry])
        #expect(read.used == Self.bytes([entry]).count)
    }

    @Test func `an event of a later program is passed over, a field of one is left out`() {
        let known = TraceEntry(
            queueID: QueueID(rawValue: 7),
            time: Timestamp(seconds: 1),
            event: TraceEvent(.held, [.reason: "by hand"])
        )
        var later = Self.bytes([known])
        later[20] = 250
        #expect(Self.entries(later + Self.bytes([known])) == [known])
        var field = Self.bytes([known])
        field[21] = 250
        #expect(Self.entries(field).first?.event == TraceEvent(.held, [:]))
    }

    @Test(arguments: [("a", 0), ("é", 0), ("é", 1), ("漢", 0), ("漢", 1), ("漢", 2), ("🕊", 1), ("🕊", 2), ("🕊", 3)])
    func `a long text is cut between characters`(letter: String, before: Int) throws {
        let text = String(repeating: "x", count: before) + String(repeating: letter, count: 20_000)
        let entry = TraceEntry(
            queueID: nil,
            time: Timestamp(seconds: 1),
            event: TraceEvent(.attempted, [.dialogue: text])
        )
        let read = try #require(Self.entries(Self.bytes([entry])).first?.event[.dialogue])
        #expect(text.hasPrefix(read))
        #expect(TraceEntry.textLimit - read.utf8.count < letter.utf8.count)
    }

    @Test func `an entry is bounded, and smaller fields still find room`() throws {
        let long = TraceEvent.Entry(.dialogue, String(repeating: "x", count: TraceEntry.textLimit))
        let fields = Array(repeating: long, count: 100) + [TraceEvent.Entry(.reason, "why")]
        let entry = TraceEntry(queueID: nil, time: Timestamp(seconds: 1), event: TraceEvent(.attempted, fields))
        let bytes = Self.bytes([entry])
        #expect(bytes.count <= TraceEntry.lengthLimit)
        let read = try #require(Self.entries(bytes).first)
        #expect(read.event.all(.dialogue).count == TraceEntry.lengthLimit / TraceEntry.textLimit - 1)
        #expect(read.event[.reason] == "why")
    }

    @Test func `numbers and names of kinds and fields are given once`() {
        #expect(Set(TraceField.allCases.map(\.name)).count == TraceField.allCases.count)
        // What stored traces have: a number that changes makes them unreadable.
        #expect(TraceEvent.Kind.allCases.map(\.rawValue) == Array(1...23) + [40, 41])
        #expect(TraceField.allCases.map(\.rawValue) == Array(1...30))
    }
}
