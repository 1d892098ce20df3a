import MailBytes

/// Reads the text out of HTML in one pass. It is no parser of HTML: what it gives is searched and shown in one line, never
/// put into a page again.
struct HTMLReader {
    /// Elements whose content is no text.
    private static let hidden: Set<String> = ["script", "style", "head", "title", "template", "noscript"]
    /// Elements that do not part words.
    private static let inline: Set<String> = [
        "a", "abbr", "b", "bdi", "bdo", "big", "code", "em", "font", "i", "ins", "del", "mark", "q", "s", "small",
        "span",
        "strike", "strong", "sub", "sup", "tt", "u", "wbr",
    ]
    private static let references: [String: String] = [
        "amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'", "nbsp": " ", "copy": "©", "reg": "®", "trade": "™",
        "euro": "€", "pound": "£", "hellip": "…", "mdash": "—", "ndash": "–", "lsquo": "‘", "rsquo": "’", "ldquo": "“",
        "rdquo": "”", "laquo": "«", "raquo": "»", "bull": "•", "middot": "·", "auml": "ä", "ouml": "ö", "uuml": "ü",
        "Auml": "Ä", "Ouml": "Ö", "Uuml": "Ü", "szlig": "ß", "eacute": "é", "egrave": "è", "agrave": "à", "ccedil": "ç",
        "zwnj": "", "zwj": "", "shy": "",
    ]

    private let bytes: [UInt8]
    private var index = 0
    private var text: [UInt8] = []

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func read() -> String {
        text.reserveCapacity(bytes.count)
        while index < bytes.count {
            let byte = bytes[index]
            if byte == .less {
                tag()
            } else if byte == UInt8(ascii: "&") {
                reference()
            } else {
                text.append(byte)
                index += 1
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    private mutating func tag() {
        if has("<!--") {
            index = find("-->", from: index + 4).map { $0 + 3 } ?? bytes.count
            return
        }
        var start = index + 1
        let isEnd = start < bytes.count && bytes[start] == UInt8(ascii: "/")
        if isEnd { start += 1 }
        guard start < bytes.count, bytes[start].isASCIIAlpha || bytes[start] == UInt8(ascii: "!") else {
            text.append(.less)
            index += 1
            return
        }
        var end = start
        while end < bytes.count, bytes[end].isASCIIAlphanumeric { end += 1 }
        let name = String(decoding: bytes[start..<end].prefix(16).map(\.asciiLowercased), as: UTF8.self)
        skipTag(from: end)
        if !Self.inline.contains(name) { text.append(.space) }
        if !isEnd && Self.hidden.contains(name) { skipContent(of: name) }
    }

    /// Moves behind the tag's `>`, which may stand in a quoted value too.
    private mutating func skipTag(from start: Int) {
        var quote: UInt8?
        index = start
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if let open = quote {
                if byte == open { quote = nil }
            } else if byte == .greater {
                return
            } else if byte == .quote || byte == UInt8(ascii: "'") {
                quote = byte
            }
        }
    }

    private mutating func skipContent(of name: String) {
        let wanted = Array("</\(name)".utf8)
        while index < bytes.count {
            if bytes[index] == .less, index + wanted.count <= bytes.count,
                zip(bytes[index...], wanted).allSatisfy({ $0.asciiLowercased == $1 })
            {
                skipTag(from: index + wanted.count)
                return
            }
            index += 1
        }
    }

    private mutating func reference() {
        let limit = min(bytes.count, index + 12)
        guard let end = bytes[index..<limit].firstIndex(of: .semicolon), end > index + 1 else {
            text.append(bytes[index])
            index += 1
            return
        }
        let name = String(decoding: bytes[(index + 1)..<end], as: UTF8.self)
        let number: UInt32? =
            if name.hasPrefix("#x") || name.hasPrefix("#X") {
                UInt32(name.dropFirst(2), radix: 16)
            } else {
                name.hasPrefix("#") ? UInt32(name.dropFirst()) : nil
            }
        if let scalar = number.flatMap(Unicode.Scalar.init) {
            text += String(Character(scalar)).utf8
        } else if let found = Self.references[name] {
            text += found.utf8
        } else {
            text.append(bytes[index])
            index += 1
            return
        }
        index = end + 1
    }

    private func has(_ wanted: StaticString) -> Bool { bytes.span.matches(wanted, at: index) }

    private func find(_ wanted: StaticString, from start: Int) -> Int? {
        var place = start
        while place < bytes.count {
            if bytes.span.matches(wanted, at: place) { return place }
            place += 1
        }
        return nil
    }
}
