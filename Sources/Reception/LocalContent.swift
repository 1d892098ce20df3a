import InternetMessage
import MailBytes
import MailNames
import NIOCore

/// The content of a message from a program on this machine, as it goes on: with CR LF lines and without Bcc.
///
/// The body is made so piece by piece, when it is asked for: a large message is in memory once.
struct LocalContent {
    /// Octets of the program's that a piece of the body is made of; it may become twice as large.
    private static let piece = 128 << 10

    /// The header and its empty line.
    let header: [UInt8]
    /// The addresses of To, Cc and Bcc, or of their Resent- forms where there are such: RFC 5322 section 3.6.6.
    let addressed: [EmailAddress]
    /// Whether a Bcc stood behind a line that is no field, so that it is not certain whose it is. It was left out.
    let hasStrayBcc: Bool
    /// Octets beyond 127 anywhere.
    let isEightBit: Bool
    private let content: [UInt8]
    /// Where the rest begins in what the program sent.
    private var position: Int

    init(_ content: [UInt8]) {
        self.content = content
        self.isEightBit = content.contains { $0 >= 0x80 }
        var block: [UInt8] = []
        self.position = Self.takeHeader(content, into: &block)
        var reading = Reading()
        reading.read(block.span)
        self.header = reading.kept
        self.hasStrayBcc = reading.hasStrayBcc
        self.addressed = reading.resent.isEmpty ? reading.addressed : reading.resent
    }

    /// The next piece behind the header; `nil` at the end. The last one ends in CR LF.
    mutating func next() -> ByteBuffer? {
        guard position < content.count else { return nil }
        let end = min(position + Self.piece, content.count)
        var lines: [UInt8] = []
        lines.reserveCapacity(end - position + (end - position) / 16)
        Self.append(content[position..<end], to: &lines)
        position = end
        if end == content.count && lines.last != .lineFeed { lines.append("\r\n") }
        return ByteBuffer(bytes: lines)
    }

    /// Octets of the program's that were not handed out yet.
    var remaining: Int { content.count - position }

    // MARK: Lines

    /// Every LF ends a line. A CR without LF would be a line end to some, and is left out.
    private static func append(_ bytes: ArraySlice<UInt8>, to lines: inout [UInt8]) {
        for byte in bytes where byte != .carriageReturn {
            if byte == .lineFeed { lines.append(.carriageReturn) }
            lines.append(byte)
        }
    }

    /// Takes all up to the first empty line, which is included; returns where the rest begins.
    private static func takeHeader(_ content: [UInt8], into block: inout [UInt8]) -> Int {
        var start = 0
        while start < content.count {
            let feed = content[start...].firstIndex(of: .lineFeed)
            let end = feed.map { $0 + 1 } ?? content.count
            let before = block.count
            append(content[start..<end], to: &block)
            if feed == nil { block.append("\r\n") }
            start = end
            if block.count == before + 2 { break }
        }
        return start
    }

    // MARK: Fields

    private struct Reading {
        var kept: [UInt8] = []
        var addressed: [EmailAddress] = []
        var resent: [EmailAddress] = []
        var hasStrayBcc = false

        /// Reads lines that end in CR LF, up to an empty one if there is one.
        mutating func read(_ block: Span<UInt8>) {
            kept.reserveCapacity(block.count + 2)
            var scanner = HeaderScanner()
            while let field = scanner.next(block) {
                let name = block.extracting(field.name)
                if name.equals("To") || name.equals("Cc") || name.equals("Bcc") {
                    addressed += AddressList(parsing: block.extracting(field.value)).addresses
                }
                if name.equals("Resent-To") || name.equals("Resent-Cc") || name.equals("Resent-Bcc") {
                    resent += AddressList(parsing: block.extracting(field.value)).addresses
                }
                if !Self.isBlind(name) { kept += block.extracting(field.whole).bytes }
            }
            var position = scanner.end
            // The header ends at a line that is no field: RFC 7103 section 7.1.4. Then it gets its empty line, and what was meant
            // for a field is text, which a Bcc is not to be either.
            if position == block.count || block[position] != .carriageReturn { kept.append("\r\n") }
            while position < block.count { position = readStray(block, at: position) }
        }

        /// Takes a line behind the header, and leaves a whole Bcc out.
        private mutating func readStray(_ block: Span<UInt8>, at start: Int) -> Int {
            let rest = block.extracting(start..<block.count)
            var scanner = HeaderScanner()
            if let field = scanner.next(rest), field.whole.lowerBound == 0, Self.isBlind(rest.extracting(field.name)) {
                hasStrayBcc = true
                return start + field.whole.upperBound
            }
            let end = block.firstIndex(of: .lineFeed, from: start).map { $0 + 1 } ?? block.count
            kept += block.extracting(start..<end).bytes
            return end
        }

        private static func isBlind(_ name: Span<UInt8>) -> Bool { name.equals("Bcc") || name.equals("Resent-Bcc") }
    }
}
