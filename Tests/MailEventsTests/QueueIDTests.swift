import MailBytes
import MailEvents
import Testing

@Suite("Queue ids") struct QueueIDTests {
    @Test(arguments: [
        (UInt64(0), "0000000000000"),
        (1, "0000000000001"),
        (31, "000000000000Z"),
        (32, "0000000000010"),
        (.max, "FZZZZZZZZZZZZ"),
    ])
    func `an id is written with 13 characters`(value: UInt64, text: String) {
        #expect(QueueID(rawValue: value).description == text)
        #expect(QueueID(text)?.rawValue == value)
        #expect(QueueID(text.lowercased())?.rawValue == value)
    }

    @Test func `what is written is read back, and texts sort as ids do`() {
        let seed: UInt64 = 11
        var random = SplitMix64(seed: seed)
        var ids: [QueueID] = []
        for _ in 0..<1000 {
            let id = QueueID(
                rawValue: UInt64.random(in: .min ... .max, using: &random) >> UInt64.random(in: 0..<64, using: &random)
            )
            #expect(QueueID(id.description) == id, "seed \(seed), \(id.rawValue)")
            ids.append(id)
        }
        #expect(ids.sorted().map(\.description) == ids.map(\.description).sorted(), "seed \(seed)")
    }

    @Test(arguments: [
        "", "000000000000", "00000000000000", "G000000000000", "000000000000I", "000000000000L", "000000000000O",
        "000000000000U", "000000000000-", " 000000000000", "00000000000é",
    ])
    func `another text is no id`(text: String) {
        #expect(QueueID(text) == nil)
    }
}
