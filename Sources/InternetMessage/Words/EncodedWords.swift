import MailBytes

/// Text in header fields that is not ASCII: RFC 2047, written and read.
public enum EncodedWords {
    /// Decodes an unstructured value. White space between two encoded words belongs to neither (RFC 2047 section 6.2); words
    /// that are not set apart by white space are decoded too, for many programs write them.
    public static func decode(_ value: Span<UInt8>) -> String {
        var joiner = Joiner()
        var start = 0
        var hasSpace = false
        var index = 0
        while index < value.count {
            let byte = value[index]
            if byte.isWhitespace || byte == .carriageReturn || byte == .lineFeed || byte == 0 {
                joiner.append(value, start..<index, spaceBefore: hasSpace)
                hasSpace = true
                start = index + 1
            } else if byte == .equals, index > start, EncodedWord(value, at: index) != nil {
                joiner.append(value, start..<index, spaceBefore: hasSpace)
                hasSpace = false
                start = index
                continue
            } else if index == start, let word = EncodedWord(value, at: index) {
                joiner.append(word, spaceBefore: hasSpace)
                hasSpace = false
                index = word.end
                start = index
                continue
            }
            index += 1
        }
        joiner.append(value, start..<value.count, spaceBefore: hasSpace)
        return joiner.finish()
    }

    public static func decode(_ text: String) -> String {
        let bytes = Array(text.utf8)
        return decode(bytes.span)
    }

    /// Words put together: neighbours in one charset are decoded as one, since some programs cut characters in two.
    struct Joiner {
        private var text = ""
        private var pending: (charset: String, bytes: [UInt8])?
        /// White space that counts only where no encoded word follows one.
        private var owesSpace = false

        mutating func append(_ word: [UInt8], isEncodable: Bool, spaceBefore: Bool) {
            if isEncodable {
                let parts = word.span
                var index = 0
                var space = spaceBefore
                while index < parts.count, let found = EncodedWord(parts, at: index) {
                    append(found, spaceBefore: space)
                    space = false
                    index = found.end
                }
                if index < parts.count { append(parts, index..<parts.count, spaceBefore: space) }
            } else {
                append(word.span, 0..<word.count, spaceBefore: spaceBefore)
            }
        }

        mutating func append(_ bytes: Span<UInt8>, _ range: Range<Int>, spaceBefore: Bool) {
            if range.isEmpty {
                owesSpace = owesSpace || spaceBefore
                return
            }
            flush()
            if (spaceBefore || owesSpace) && !text.isEmpty { text += " " }
            owesSpace = false
            text += RawText.decode(bytes.extracting(range))
        }

        mutating func append(_ word: EncodedWord, spaceBefore: Bool) {
            if let neighbour = pending {
                if neighbour.charset == word.charset {
                    pending?.bytes += word.bytes
                    owesSpace = false
                    return
                }
                flush()
            } else if (spaceBefore || owesSpace) && !text.isEmpty {
                text += " "
            }
            owesSpace = false
            pending = (word.charset, word.bytes)
        }

        private mutating func flush() {
            guard let word = pending else { return }
            pending = nil
            text += Charset.decode(word.bytes.span, named: word.charset)
        }

        /// The text in one line.
        mutating func finish() -> String {
            flush()
            return RawText.oneLine(text)
        }
    }

    /// Encodes text for an unstructured field or a display name; as it stands where it is printing ASCII that nobody would
    /// take for an encoded word, and whose spaces folding keeps. Lines are not folded, words are parted by a space.
    public static func encode(_ text: String) -> String {
        let clean = RawText.oneLine(text)
        if clean.utf8.allSatisfy({ $0 == .space || $0.isVisible }) && !clean.contains("=?") && !clean.contains("  ") {
            return clean
        }
        var words: [String] = []
        var chunk: [UInt8] = []
        for character in clean.unicodeScalars {
            let bytes = Array(String(character).utf8)
            // A word has 75 characters at most (RFC 2047 section 2), and the first shares its line with the field's name.
            if chunk.count + bytes.count > 39 {
                words.append(word(chunk))
                chunk.removeAll()
            }
            chunk += bytes
        }
        if !chunk.isEmpty { words.append(word(chunk)) }
        return words.joined(separator: " ")
    }

    private static func word(_ bytes: [UInt8]) -> String {
        "=?utf-8?B?\(Base64.encode(bytes))?="
    }
}

/// One `=?charset?B?…?=`.
struct EncodedWord {
    /// Longer than RFC 2047 section 2 allows, and than any program writes.
    private static let limit = 1000

    /// In lower case, without a language (RFC 2231 section 5).
    let charset: String
    let bytes: [UInt8]
    /// The place behind it.
    let end: Int

    init?(_ text: Span<UInt8>, at start: Int) {
        let question = UInt8(ascii: "?")
        guard start + 5 < text.count, text[start] == .equals, text[start + 1] == question else { return nil }
        var marks: [Int] = []
        var index = start + 2
        let limit = min(text.count, start + Self.limit)
        while index < limit, marks.count < 3 {
            let byte = text[index]
            if byte == question {
                marks.append(index)
            } else if !(byte.isVisible || byte >= 0x80 || (byte == .space && marks.count == 2)) {
                // A space inside is not allowed; some programs write one in Q all the same.
                return nil
            }
            index += 1
        }
        guard marks.count == 3, index < text.count, text[index] == .equals, marks[1] == marks[0] + 2,
            marks[0] > start + 2
        else { return nil }
        var charset = text.extracting((start + 2)..<marks[0]).bytes.map(\.asciiLowercased)
        if let language = charset.firstIndex(of: UInt8(ascii: "*")) { charset.removeSubrange(language...) }
        let content = text.extracting((marks[1] + 1)..<marks[2])
        switch text[marks[0] + 1].asciiLowercased {
        case UInt8(ascii: "b"): self.bytes = Base64.decodeLenient(content)
        case UInt8(ascii: "q"): self.bytes = Self.decodeQ(content)
        default: return nil
        }
        self.charset = String(decoding: charset, as: UTF8.self)
        self.end = index + 1
    }

    /// RFC 2047 section 4.2.
    private static func decodeQ(_ text: Span<UInt8>) -> [UInt8] {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            let byte = text[index]
            index += 1
            if byte == UInt8(ascii: "_") {
                decoded.append(.space)
            } else if byte == .equals, index + 1 < text.count, let high = text[index].hexValue,
                let low = text[index + 1].hexValue
            {
                decoded.append(high << 4 | low)
                index += 2
            } else {
                decoded.append(byte)
            }
        }
        return decoded
    }
}
