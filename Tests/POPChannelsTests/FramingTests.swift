import MailBytes
import NIOCore
import Testing

@testable import POPChannels

@Suite("Lines of commands, RFC 1939 section 3") struct FramingTests {
    /// Frames as text, the way a handler takes them; lines are shown with what is left in them.
    private static func frames(_ chunks: [[UInt8]], limit: Int) -> [String] {
        var framing = CommandLineFraming()
        var buffer = ByteBuffer()
        var found: [String] = []
        for chunk in chunks {
            buffer.writeBytes(chunk)
            loop: while true {
                switch framing.next(in: &buffer, limit: limit) {
                case .incomplete: break loop
                case .tooLong: found.append("<too long>")
                case .line(let length, let terminator):
                    found.append(buffer.readString(length: length) ?? "?")
                    buffer.moveReaderIndex(forwardBy: terminator)
                }
            }
            #expect(buffer.readableBytes < limit + 2, "what waits is bounded")
        }
        return found
    }

    @Test(arguments: [
        ("a\r\nb\r\n", ["a", "b"]),
        ("\r\n\r\n", ["", ""]),
        ("a\nb\r\n", ["a\n", "b"]),
        ("a\rb\r\n", ["a\rb"]),
        ("a\r\r\n", ["a\r"]),
        ("12345678\r\n", ["12345678"]),
        ("123456789\r\n", ["<too long>"]),
        ("1234567\n", ["1234567\n"]),
        ("12345678\n", ["<too long>"]),
        ("12345678901234567890\r\nb\r\n", ["<too long>", "b"]),
        ("abc", []),
    ])
    func `rows, in every cut and octet by octet`(text: String, expected: [String]) {
        let octets = Array(text.utf8)
        for cut in 0...octets.count {
            #expect(Self.frames([Array(octets[..<cut]), Array(octets[cut...])], limit: 8) == expected, "cut at \(cut)")
        }
        #expect(Self.frames(octets.map { [$0] }, limit: 8) == expected)
    }

    @Test func `any octets give the same frames however they are cut`() {
        var random = SplitMix64(seed: 5)
        let alphabet: [UInt8] = [0x0D, 0x0A, 0x0A, 0x61, 0x62, 0x00]
        for round in 0..<3000 {
            let octets = (0..<Int.random(in: 0...60, using: &random)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
            }
            var chunks: [[UInt8]] = []
            var rest = octets[...]
            while !rest.isEmpty {
                let count = Int.random(in: 1...7, using: &random)
                chunks.append(Array(rest.prefix(count)))
                rest = rest.dropFirst(count)
            }
            #expect(
                Self.frames(chunks, limit: 8) == Self.frames([octets], limit: 8),
                "seed 5, round \(round): \(octets)"
            )
        }
    }
}
