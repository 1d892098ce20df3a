import DNSClient
import MailBytes
import MailNames
import Testing

@Suite("The data of records, RFC 1035 section 3.3") struct RecordDataTests {
    @Test func `a mail exchanger is read`() throws {
        let data: [UInt8] = [0x01, 0x2C, 2] + Array("mx".utf8) + [7] + Array("example".utf8) + [0]
        let record = try #require(DNSRecordData.mailExchanger(data))
        #expect(record.preference == 300)
        #expect(record.host == "mx.example")
    }

    @Test func `the root as mail exchanger is the null MX of RFC 7505`() throws {
        let record = try #require(DNSRecordData.mailExchanger([0, 0, 0]))
        #expect(record.preference == 0)
        #expect(record.host == nil)
    }

    @Test func `addresses are read by their length`() {
        #expect(DNSRecordData.address([192, 0, 2, 1])?.description == "192.0.2.1")
        #expect(
            DNSRecordData.address([0x20, 1, 0xD, 0xB8] + [UInt8](repeating: 0, count: 11) + [1])?.description
                == "2001:db8::1"
        )
        #expect(DNSRecordData.address([192, 0, 2]) == nil)
    }

    @Test func `the strings of a text are joined`() {
        #expect(DNSRecordData.text([3] + Array("abc".utf8) + [0, 2] + Array("de".utf8)) == Array("abcde".utf8))
        #expect(DNSRecordData.text([]) == [])
        #expect(DNSRecordData.text([4, 1, 2, 3]) == nil)
    }

    @Test(
        arguments: [
            [], [1], [0xC0, 0x0C], [64] + [UInt8](repeating: 0x61, count: 64) + [0], [1, 0x61], [1, 0x61, 0, 0],
            [1, 0x2E, 0],
            [1, 0x00, 0], [2, 0x61, 0x20, 0],
        ] as [[UInt8]]
    )
    func `what is no whole uncompressed name of a host is none`(data: [UInt8]) {
        #expect(DNSRecordData.name(data) == nil)
    }

    @Test func `any octets are read or refused`() {
        var generator = SplitMix64(seed: 0x646E_7331)
        for round in 0..<20_000 {
            let count = Int.random(in: 0...80, using: &generator)
            let data = (0..<count).map { _ in UInt8.random(in: 0...(round % 2 == 0 ? 255 : 8), using: &generator) }
            let note: Comment = "seed 0x646E7331, round \(round)"
            if let text = DNSRecordData.text(data) { #expect(text.count < max(1, count), note) }
            if let name = DNSRecordData.name(data) { #expect(name.utf8.count <= count, note) }
            if let (preference, _) = DNSRecordData.mailExchanger(data) {
                #expect(Int(preference) == Int(data[0]) << 8 | Int(data[1]), note)
            }
        }
    }
}
