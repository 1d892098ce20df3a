import MailBytes
import Testing

@testable import Configuration

@Suite("Durations, addresses and other values as text") struct TextFormTests {
    @Test(arguments: [
        ("0s", Duration.zero), ("90s", .seconds(90)), ("1m30s", .seconds(90)), ("5d", .seconds(432_000)),
        ("250ms", .milliseconds(250)), ("1h1ms", .milliseconds(3_600_001)),
    ])
    func `a duration is read`(text: String, duration: Duration) {
        #expect(DurationText.read(text) == duration)
    }

    @Test(arguments: [
        "", "5", "s", "5 s", "5x", "-5s", "5m5h", "5s5s", "1.5h", "٥s", "99999999999999999999d", "9223372036854775807d",
        "9223372036854775807ms", "5M",
    ])
    func `what is no duration is refused`(text: String) {
        #expect(DurationText.read(text) == nil)
    }

    @Test func `a duration is read back as it was written`() {
        var generator = SplitMix64(seed: 0x6D61_7274)
        for round in 0..<1000 {
            let duration = Duration.milliseconds(Int64.random(in: 0...10_000_000_000, using: &generator))
            #expect(DurationText.read(DurationText.write(duration)) == duration, "seed 0x6D617274, round \(round)")
        }
    }

    @Test(arguments: [
        "25", ":25", "192.0.2.1", "192.0.2.1:0", "192.0.2.1:65536", "::1:25", "[192.0.2.1]:25", "localhost:25", "",
    ])
    func `what is no address to listen on is refused`(text: String) {
        #expect(ListenAddress(text) == nil)
    }

    @Test(arguments: [
        ("smtp.example.net", "smtp.example.net:25"), ("smtp.example.net:587", "smtp.example.net:587"),
        ("192.0.2.1", "192.0.2.1:25"), ("192.0.2.1:26", "192.0.2.1:26"), ("::1", "[::1]:25"), ("[::1]:26", "[::1]:26"),
        ("[::1]", "[::1]:25"), ("lmtp:mail.example.net", "lmtp:mail.example.net:24"),
        ("lmtp:[::1]:26", "lmtp:[::1]:26"), ("lmtp:/run/dovecot/lmtp", "lmtp:/run/dovecot/lmtp"),
    ])
    func `a smart host is read`(text: String, description: String) {
        #expect(SmartHostAddress(text)?.description == description)
    }

    @Test(arguments: [
        "", ":25", "a b:25", "smtp.example.net:", "smtp.example.net:x", "smtp.example.net:0", "a:1:2", "/run/lmtp",
        "lmtp:",
    ])
    func `what is no smart host is refused`(text: String) {
        #expect(SmartHostAddress(text) == nil)
    }

    @Test func `the locator takes any octets`() {
        var generator = SplitMix64(seed: 0x746F_6D6C)
        let alphabet = Array("[]{}=.\"'#\\\n\r \tab,1".utf8)
        for round in 0..<2000 {
            let count = Int.random(in: 0...60, using: &generator)
            let bytes = (0..<count).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] }
            let text = String(decoding: bytes, as: UTF8.self)
            let lines = text.utf8.count { $0 == 0x0A } + 1
            let line = KeyLocator(text).line(of: "a") ?? 1
            #expect((1...lines).contains(line), "seed 0x746F6D6C, round \(round)")
        }
    }
}
