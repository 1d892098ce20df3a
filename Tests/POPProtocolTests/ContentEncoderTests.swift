import MailBytes
import POPProtocol
import Testing

/// Byte-stuffing, said slowly: what the encoder must give.
private func expected(_ message: [UInt8], top: Int?) -> [UInt8] {
    var lines: [[UInt8]] = []
    var line: [UInt8] = []
    for octet in message {
        if octet == 0x0A {
            if line.last == 0x0D { line.removeLast() }
            lines.append(line)
            line = []
        } else {
            line.append(octet)
        }
    }
    if !line.isEmpty { lines.append(line) }
    if let top, let blank = lines.firstIndex(of: []) { lines = Array(lines.prefix(blank + 1 + top)) }
    return lines.flatMap { ($0.first == UInt8(ascii: ".") ? [UInt8(ascii: ".")] : []) + $0 + [0x0D, 0x0A] }
        + Array(".\r\n".utf8)
}

private func encoded(_ chunks: [[UInt8]], top: Int?) -> [UInt8] {
    var encoder = POPContentEncoder(top: top)
    var wire: [UInt8] = []
    for chunk in chunks { encoder.encode(chunk.span, into: &wire) }
    return wire + encoder.termination
}

@Suite("Byte-stuffing, RFC 1939 section 3") struct ContentEncoderTests {
    @Test(arguments: [
        ("", ".\r\n"),
        ("a\r\n", "a\r\n.\r\n"),
        ("a", "a\r\n.\r\n"),
        (".", "..\r\n.\r\n"),
        (".\r\n", "..\r\n.\r\n"),
        ("..\r\n", "...\r\n.\r\n"),
        ("a\r\n.b\r\n", "a\r\n..b\r\n.\r\n"),
        ("a.\r\n", "a.\r\n.\r\n"),
        ("a\n.\nb\n", "a\r\n..\r\nb\r\n.\r\n"),
        ("\n\n", "\r\n\r\n.\r\n"),
        ("\n.", "\r\n..\r\n.\r\n"),
        ("a\rb\r\n", "a\rb\r\n.\r\n"),
        ("a\r.\r\n", "a\r.\r\n.\r\n"),
        ("\r\r\n.\r\n", "\r\r\n..\r\n.\r\n"),
    ])
    func `rows, in every cut into two and octet by octet`(message: String, wire: String) {
        let octets = Array(message.utf8)
        for cut in 0...octets.count {
            let chunks = [Array(octets[..<cut]), Array(octets[cut...])]
            #expect(String(decoding: encoded(chunks, top: nil), as: UTF8.self) == wire, "cut at \(cut)")
        }
        #expect(String(decoding: encoded(octets.map { [$0] }, top: nil), as: UTF8.self) == wire)
    }

    @Test(arguments: [nil, 0, 1, 2, 3, 1000] as [Int?])
    func `any message, cut anywhere, gives what the slow way gives`(top: Int?) {
        var random = SplitMix64(seed: 42)
        let alphabet: [[UInt8]] = [
            [0x0D, 0x0A], [0x0D, 0x0A], [0x0A], [0x2E], [0x61], [0x61, 0x62], [0x0D, 0x0A, 0x2E],
        ]
        for round in 0..<3000 {
            let message = (0..<Int.random(in: 0...20, using: &random)).flatMap { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
            }
            var chunks: [[UInt8]] = []
            var rest = message[...]
            while !rest.isEmpty {
                let count = Int.random(in: 0...min(rest.count, 5), using: &random)
                chunks.append(Array(rest.prefix(count)))
                rest = rest.dropFirst(count)
            }
            #expect(
                encoded(chunks, top: top) == expected(message, top: top),
                "seed 42, round \(round): \(message) in \(chunks)"
            )
        }
    }

    @Test func `a chunk with nothing to stuff is one range`() throws {
        let chunk = Array((0..<1000).map { "line \($0), not a dot at its start\r\n" }.joined().utf8)
        var encoder = POPContentEncoder()
        let piece = encoder.nextPiece(of: chunk.span, from: 0)
        #expect(piece == POPContentEncoder.Piece(range: 0..<chunk.count, insertion: .nothing))
        let next = encoder.nextPiece(of: chunk.span, from: chunk.count)
        #expect(next == nil)
    }

    @Test func `after the last line that TOP wants, nothing more is asked for`() {
        var encoder = POPContentEncoder(top: 1)
        let chunk = Array("A: b\r\n\r\none\r\ntwo\r\n".utf8)
        let piece = encoder.nextPiece(of: chunk.span, from: 0)
        #expect(piece?.range == 0..<13)
        #expect(encoder.isCut)
        let next = encoder.nextPiece(of: chunk.span, from: 13)
        #expect(next == nil)
    }
}
