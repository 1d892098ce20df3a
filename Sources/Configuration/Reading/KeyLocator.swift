import MailBytes

/// In which line of a TOML text each key stands, which the TOML reader does not tell.
///
/// The text has been read before, so that it is valid TOML; on anything else the lines may be wrong, nothing worse.
struct KeyLocator {
    private var lines: [String: Int] = [:]
    private let bytes: [UInt8]
    private var position = 0
    private var line = 1
    private var table = ""
    /// How often each table has stood that may stand several times.
    private var counts: [String: Int] = [:]

    init(_ text: String) {
        self.bytes = Array(text.utf8)
        while position < bytes.count { statement() }
    }

    /// The line of a key, or of the nearest table around it.
    func line(of path: String) -> Int? {
        var path = Substring(path)
        while true {
            if let line = lines[String(path)] { return line }
            guard let dot = path.lastIndex(of: ".") else { return nil }
            path = path[..<dot]
        }
    }

    private mutating func statement() {
        skipBlanks()
        guard position < bytes.count else { return }
        switch bytes[position] {
        case .lineFeed: advance()
        case UInt8(ascii: "#"): skipLine()
        case .leftBracket:
            let start = position
            while position < bytes.count, bytes[position] == .leftBracket { position += 1 }
            let isOfList = position - start > 1
            table = key()
            note(table)
            if isOfList {
                counts[table, default: 0] += 1
                table += "[\(counts[table, default: 1])]"
                note(table)
            }
            skipLine()
        default:
            let key = key()
            note(table.isEmpty ? key : table + "." + key)
            value()
        }
    }

    private mutating func note(_ path: String) {
        if lines[path] == nil { lines[path] = line }
    }

    /// A dotted key up to `=` or `]`, its quotes taken off.
    private mutating func key() -> String {
        var path: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            if byte == .equals || byte == .rightBracket || byte == .lineFeed { break }
            position += 1
            if byte == .quote || byte == UInt8(ascii: "'") {
                while position < bytes.count, bytes[position] != byte, bytes[position] != .lineFeed {
                    path.append(bytes[position])
                    position += 1
                }
                if position < bytes.count, bytes[position] == byte { position += 1 }
            } else if !byte.isWhitespace {
                path.append(byte)
            }
        }
        return String(decoding: path, as: UTF8.self)
    }

    /// Passes a value, over as many lines as its brackets and strings take.
    private mutating func value() {
        var depth = 0
        while position < bytes.count {
            switch bytes[position] {
            case .lineFeed:
                advance()
                if depth <= 0 { return }
            case UInt8(ascii: "#"): while position < bytes.count, bytes[position] != .lineFeed { position += 1 }
            case .leftBracket, UInt8(ascii: "{"):
                depth += 1
                position += 1
            case .rightBracket, UInt8(ascii: "}"):
                depth -= 1
                position += 1
            case .quote, UInt8(ascii: "'"): string()
            default: position += 1
            }
        }
    }

    private mutating func string() {
        let quote = bytes[position]
        let isLong = bytes[position...].starts(with: [quote, quote, quote])
        let end = [UInt8](repeating: quote, count: isLong ? 3 : 1)
        position += end.count
        while position < bytes.count {
            if bytes[position...].starts(with: end) {
                position += end.count
                // A long string may end in one or two quotes of its own.
                while isLong, position < bytes.count, bytes[position] == quote { position += 1 }
                return
            }
            if bytes[position] == .lineFeed && !isLong { return }
            if bytes[position] == .backslash && quote == .quote && position + 1 < bytes.count { position += 1 }
            advance()
        }
    }

    private mutating func skipBlanks() {
        while position < bytes.count, bytes[position].isWhitespace || bytes[position] == .carriageReturn {
            position += 1
        }
    }

    private mutating func skipLine() {
        while position < bytes.count, bytes[position] != .lineFeed { position += 1 }
        if position < bytes.count { advance() }
    }

    private mutating func advance() {
        if bytes[position] == .lineFeed { line += 1 }
        position += 1
    }
}
