import MailBytes
import Testing

@Suite("Date-times of RFC 3339") struct RFC3339Tests {
    private static func read(_ text: String, fraction: Bool = false) -> Timestamp? {
        Timestamp(rfc3339: Array(text.utf8).span, allowsFraction: fraction)
    }

    @Test(arguments: [
        ("1985-04-12T23:20:50Z", 482_196_050), ("1996-12-19T16:39:57-08:00", 851_042_397),
        ("1990-12-31T23:59:60Z", 662_688_000), ("1937-01-01T12:00:27+00:20", -1_041_337_173),
        ("1970-01-01t00:00:00z", 0),
    ])
    func `the examples of section 5-8 are read`(text: String, seconds: Int64) {
        #expect(Self.read(text)?.seconds == seconds)
    }

    @Test(arguments: [
        "", "1985-04-12T23:20:50", "1985-04-12 23:20:50Z", "1985-02-29T00:00:00Z", "1985-04-12T24:00:00Z",
        "85-04-12T23:20:50Z",
        "1985-04-12T23:20:50.52Z", "1985-04-12T23:20:50Z ", "1985-04-12T23:20:50+0100", "1985-04-12T23:20:50+25:00",
        "1985-04-12T23:20:50+", "1985-04-12T23:20:50.Z",
    ])
    func `what is none is refused`(text: String) { #expect(Self.read(text) == nil) }

    @Test func `a fraction is read where it is allowed`() {
        #expect(Self.read("1985-04-12T23:20:50.52Z", fraction: true)?.microseconds == 482_196_050_520_000)
        #expect(Self.read("1985-04-12T23:20:50.123456789Z", fraction: true)?.microseconds == 482_196_050_123_456)
        #expect(Self.read("1985-04-12T23:20:50.Z", fraction: true) == nil)
        #expect(Self.read("1985-04-12T23:20:50.5", fraction: true) == nil)
    }

    @Test func `what is written is read again, and nothing read goes beyond its octets`() {
        var generator = SplitMix64(seed: 3)
        for _ in 0..<2000 {
            let time = Timestamp(seconds: .random(in: 0...4_000_000_000, using: &generator))
            var bytes = Array(time.rfc3339.utf8)
            #expect(Timestamp(rfc3339: bytes.span) == time)
            bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: .min ... .max, using: &generator)
            bytes.removeLast(Int.random(in: 0...3, using: &generator))
            _ = Timestamp(rfc3339: bytes.span, allowsFraction: true)
        }
    }
}
