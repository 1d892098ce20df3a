import MailBytes
import Testing

@testable import SMTPProtocol

@Suite("The end of content, RFC 5321 sections 4.1.1.4 and 4.5.2") struct DotStuffingTests {
    private static let opening = "EHLO c.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<joe@b.example>\r\nDATA\r\n"

    /// What CVE-2023-51764, CVE-2023-51765 and CVE-2023-51766 took for the end of a message.
    @Test(arguments: [
        "\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r", "\n.\r", "\r.\n", "\r\n\u{0}.\r\n",
        "\r\r\n.\r\r\n",
    ]) func `nothing but CR LF dot CR LF ends a message, at whatever place it is cut`(_ end: String) throws {
        let smuggled = "a" + end + "MAIL FROM:<evil@b.example>\r\nRCPT TO:<joe@b.example>\r\nDATA\r\nx\r\n.\r\n"
        let bytes = Array((Self.opening + smuggled).utf8)
        for policy in [DotUnstuffer.BareNewlines.refuse, .normalise] {
            for cut in 0...bytes.count {
                var dialogue = Dialogue(try .sample { $0.bareNewlines = policy })
                dialogue.receive(Array(bytes[..<cut]))
                dialogue.receive(Array(bytes[cut...]))
                let senders = dialogue.stored.map { "\($0.0.reversePath)" }
                let isEvil = senders.contains { $0.contains("evil") }
                #expect(!isEvil, "cut at \(cut), \(policy)")
                if policy == .refuse && !end.contains("\u{0}") {
                    let smuggled = dialogue.smuggled
                    #expect(smuggled && senders.isEmpty, "cut at \(cut)")
                } else {
                    #expect(senders.count == 1, "cut at \(cut), \(policy)")
                }
            }
        }
    }

    @Test func `a bare LF or CR in a command is refused and ends the session`() throws {
        for line in ["NOOP\nQUIT", "NOOP\rQUIT"] {
            var dialogue = Dialogue(try .sample())
            let heard = dialogue.say(line)
            #expect(heard == "500 5.5.2")
            let smuggled = dialogue.smuggled
            #expect(smuggled)
        }
    }

    @Test func `what was stuffed is unstuffed, cut wherever it may be`() {
        var random = SplitMix64(seed: 0x5321)
        for round in 0..<600 {
            let lines = (0..<Int.random(in: 0...4, using: &random)).map { _ in
                (0..<Int.random(in: 0...3, using: &random)).map { _ in
                    [0x2E, 0x61, 0x2E][Int.random(in: 0...2, using: &random)]
                }
            }
            let message = lines.flatMap { $0 + [13, 10] }.map { UInt8($0) }
            var stuffer = DotStuffer()
            var wire: [UInt8] = []
            let middle = Int.random(in: 0...message.count, using: &random)
            for part in [Array(message[..<middle]), Array(message[middle...])] {
                stuffer.encode(part.span) { piece in
                    switch piece {
                    case .bytes(let range): wire += part[range]
                    case .dot: wire += [0x2E]
                    case .lineEnd: wire += [13, 10]
                    }
                }
            }
            wire += Array("\(stuffer.end())".utf8)
            for cut in 0...wire.count {
                let (decoded, outcome) = Self.unstuff([Array(wire[..<cut]), Array(wire[cut...])])
                #expect(decoded == message, "seed 0x5321, round \(round), cut at \(cut)")
                let isEnd = if case .end = outcome { true } else { false }
                #expect(isEnd)
            }
        }
    }

    @Test func `every line that leaves ends in CR LF, whatever the content is`() {
        var random = SplitMix64(seed: 0x3030)
        for round in 0..<2000 {
            let message = (0..<Int.random(in: 0...9, using: &random)).map { _ in
                [13, 10, 0x2E, 0x61][Int.random(in: 0...3, using: &random)] as UInt8
            }
            var stuffer = DotStuffer()
            var wire: [UInt8] = []
            for byte in message {
                let part = [byte]
                stuffer.encode(part.span) { piece in
                    switch piece {
                    case .bytes: wire.append(byte)
                    case .dot: wire += [0x2E]
                    case .lineEnd: wire += [13, 10]
                    }
                }
            }
            wire += Array("\(stuffer.end())".utf8)
            let (_, outcome) = Self.unstuff([wire])
            #expect(outcome == .end(next: wire.count), "seed 0x3030, round \(round): \(message)")
        }
    }

    private static func unstuff(_ parts: [[UInt8]]) -> ([UInt8], DotUnstuffer.Outcome) {
        var unstuffer = DotUnstuffer()
        var decoded: [UInt8] = []
        var outcome = DotUnstuffer.Outcome.incomplete
        for part in parts where outcome == .incomplete {
            outcome = unstuffer.consume(part.span) { piece in
                switch piece {
                case .bytes(let range): decoded += part[range]
                case .lineEnd: decoded += [13, 10]
                }
            }
        }
        return (decoded, outcome)
    }
}
