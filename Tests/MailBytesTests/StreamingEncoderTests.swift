import MailBytes
import Testing

@Suite("Encodings of what goes by in pieces, RFC 2045") struct StreamingEncoderTests {
    private static func pieces(_ bytes: [UInt8], _ generator: inout SplitMix64) -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Int.random(in: 1...20, using: &generator)
            pieces.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        return pieces
    }

    private static func sample(_ generator: inout SplitMix64) -> [UInt8] {
        let common: [UInt8] = [13, 10, 32, 9, 61, 65, 46, 0xE4]
        return (0..<Int.random(in: 0...400, using: &generator)).map { _ in
            Bool.random(using: &generator)
                ? common.randomElement(using: &generator) ?? 0 : .random(in: .min ... .max, using: &generator)
        }
    }

    @Test func `quoted-printable comes back, in lines that every host takes`() {
        var generator = SplitMix64(seed: 5)
        for _ in 0..<500 {
            let bytes = Self.sample(&generator)
            var encoder = QuotedPrintableEncoder()
            var encoded: [UInt8] = []
            for piece in Self.pieces(bytes, &generator) { encoder.encode(piece.span, into: &encoded) }
            encoder.finish(into: &encoded)
            #expect(QuotedPrintable.decode(encoded.span) == bytes)
            #expect(encoded.allSatisfy { $0.isVisible || [13, 10, 32, 9].contains($0) })
            let lines = encoded.split(separator: 10, omittingEmptySubsequences: false)
            #expect(lines.allSatisfy { $0.count <= 77 })
            for line in lines.dropLast() { #expect(line.last == 13 && line.dropLast().last?.isWhitespace != true) }
        }
    }

    @Test func `base64 is that of the whole, in lines of 76`() {
        var generator = SplitMix64(seed: 6)
        for _ in 0..<300 {
            let bytes = Self.sample(&generator)
            var encoder = Base64LineEncoder()
            var encoded: [UInt8] = []
            for piece in Self.pieces(bytes, &generator) { encoder.encode(piece.span, into: &encoded) }
            encoder.finish(into: &encoded, endsLine: true)
            #expect(encoded.filter { $0 != 13 && $0 != 10 } == Base64.encodeBytes(bytes))
            #expect(encoded.isEmpty == bytes.isEmpty && (encoded.isEmpty || encoded.suffix(2) == [13, 10]))
            #expect(encoded.split(separator: 10).allSatisfy { $0.count <= 77 })
        }
    }
}
