import Glibc
import MailBytes
import Martlet
import Testing

@Suite("Standard input as octets") struct InputLinesTests {
    /// What is read of some octets that come through a pipe.
    private static func pieces(_ octets: [UInt8]) throws -> [InputLines.Piece] {
        var ends: [CInt] = [0, 0]
        try #require(pipe(&ends) == 0)
        // More than a pipe holds needs a reader at the same time; less is read afterwards.
        #expect(octets.count <= 60_000)
        #expect(write(ends[1], octets, octets.count) == octets.count)
        close(ends[1])
        defer { close(ends[0]) }
        var lines = InputLines(descriptor: ends[0])
        var pieces: [InputLines.Piece] = []
        while let piece = lines.next() { pieces.append(piece) }
        return pieces
    }

    @Test func `octets that are no UTF-8 come as they are`() throws {
        let octets: [UInt8] = [0x63, 0xE9, 0x0A, 0xFF, 0x00, 0x0D, 0x0A, 0xC3]
        let pieces = try Self.pieces(octets)
        #expect(pieces.map(\.octets) == [[0x63, 0xE9, 0x0A], [0xFF, 0x00, 0x0D, 0x0A], [0xC3]])
        #expect(pieces.map { Array($0.line) } == [[0x63, 0xE9], [0xFF, 0x00], [0xC3]])
    }

    @Test func `a dot alone is known with each end of line, and without one`() throws {
        for text in [".\n", ".\r\n", "."] {
            #expect(try Self.pieces(Array(text.utf8)).map(\.isDot) == [true])
        }
        for text in ["..\n", " .\n", ".x", "\n"] {
            #expect(try Self.pieces(Array(text.utf8)).map(\.isDot) == [false])
        }
    }

    @Test func `whatever comes, nothing is lost or added`() throws {
        var random = SplitMix64(seed: 3)
        let alphabet: [UInt8] = [0x0A, 0x0D, 0x2E, 0x61, 0xFF]
        for round in 0..<200 {
            let octets = (0..<Int.random(in: 0...300, using: &random)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
            }
            let pieces = try Self.pieces(octets)
            #expect(pieces.flatMap(\.octets) == octets, "seed 3, round \(round)")
            let isCut = pieces.contains { !$0.beginsLine }
            #expect(!isCut, "seed 3, round \(round)")
        }
    }
}
