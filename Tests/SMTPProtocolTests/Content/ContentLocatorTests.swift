import MailBytes
import Testing

@testable import SMTPProtocol

@Suite("Where a content goes on, RFC 1845 section 3") struct ContentLocatorTests {
    /// Where the octet is, counted in all pieces; `nil` where no line begins.
    private static func find(_ offset: Int, _ pieces: [[UInt8]], isText: Bool = true) -> Int? {
        var locator = ContentLocator(offset: offset, isText: isText)
        var before = 0
        for piece in pieces {
            switch locator.find(in: piece.span) {
            case .at(let index): return before + index
            case .nowhere: return nil
            case .later: before += piece.count
            }
        }
        return locator.isAtEnd() ? before : nil
    }

    /// What DATA makes of it, dots undone.
    private static func canonical(_ content: [UInt8]) -> [UInt8] {
        var stuffer = DotStuffer()
        var canonical: [UInt8] = []
        stuffer.encode(content.span) { piece in
            switch piece {
            case .bytes(let range): canonical += content[range]
            case .dot: break
            case .lineEnd: canonical += [13, 10]
            }
        }
        if stuffer.end().utf8CodeUnitCount > 3 { canonical += [13, 10] }
        return canonical
    }

    @Test(arguments: [
        "", "\r\n", "a", "a\r\n", "ab\r\ncd\r\n", "ab\r\ncd", "\r\n\r\n..\r\n", "a\nb\n", "a\rb\r", "a\r\r\nb\n\r",
        "\n\n\r",
    ])
    func `every line's beginning is found, and nothing else, wherever the pieces end`(text: String) {
        let content = Array(text.utf8)
        let whole = Self.canonical(content)
        for offset in 0...(whole.count + 2) {
            let isStart = offset == 0 || offset <= whole.count && whole[..<offset].suffix(2) == [13, 10]
            for cut in 0...content.count {
                let place = Self.find(offset, [Array(content[..<cut]), Array(content[cut...])])
                #expect((place != nil) == isStart, "\(offset) of \(content) cut at \(cut)")
                guard let place else { continue }
                #expect(Self.canonical(Array(content[place...])) == Array(whole[offset...]))
            }
        }
    }

    @Test func `octets are found as they are where there are no lines`() {
        let content = Array("ab\n\rcd".utf8)
        for offset in 0...8 {
            for cut in 0...content.count {
                let place = Self.find(offset, [Array(content[..<cut]), Array(content[cut...])], isText: false)
                #expect(place == (offset <= 6 ? offset : nil))
            }
        }
    }
}
