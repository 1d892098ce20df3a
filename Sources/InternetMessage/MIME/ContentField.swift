import MailBytes

/// A value with parameters, as Content-Type and Content-Disposition have it: RFC 2045 section 5.1, RFC 2183 section 2.
public struct ContentField: Hashable, Sendable {
    /// One `name=value`.
    public struct Parameter: Hashable, Sendable {
        /// In lower case, with the `*` and numbers of RFC 2231.
        public var name: String
        /// Without quotes and escapes.
        public var value: String

        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// More parameters than any program writes; those behind them are left out.
    static let parameterLimit = 64

    /// What stands in front of the parameters, in lower case: `text/plain`, `attachment`.
    public var value: String
    public var parameters: [Parameter]

    public init(_ value: String, parameters: [Parameter] = []) {
        self.value = value
        self.parameters = parameters
    }

    /// Reads a field's value, folded or not; what is no parameter is passed over.
    public init(parsing bytes: Span<UInt8>) {
        var words = Words()
        var value: [UInt8] = []
        var token = words.next(bytes)
        while let word = token, !word.isSemicolon {
            value += word.text
            token = words.next(bytes)
        }
        self.value = RawText.decode(value.span).beginning(octets: BodyPart.fieldLimit).lowercased()
        self.parameters = []
        while token != nil, parameters.count < Self.parameterLimit {
            var name: [UInt8] = []
            var content: [UInt8] = []
            var hasValue = false
            token = words.next(bytes)
            while let word = token, !word.isSemicolon {
                if !hasValue && word.isEquals {
                    hasValue = true
                } else if hasValue {
                    // Unquoted values with spaces are common in names of files.
                    if !content.isEmpty && word.spaceBefore { content.append(.space) }
                    content += word.text
                } else {
                    name += word.text
                }
                token = words.next(bytes)
            }
            guard hasValue, !name.isEmpty else { continue }
            let parameter = Parameter(
                name: RawText.decode(name.span).beginning(octets: BodyPart.fieldLimit).lowercased(),
                value: RawText.decode(content.span).beginning(octets: BodyPart.fieldLimit)
            )
            parameters.append(parameter)
        }
    }

    /// The first parameter of a name as it stands.
    public func parameter(_ name: String) -> String? { parameters.first { $0.name == name }?.value }

    /// A parameter's text: put together from its continuations and decoded as RFC 2231 sections 3 and 4 say, or from encoded
    /// words, which many programs write there against RFC 2047 section 5.
    public func text(_ name: String) -> String? {
        var charset: String?
        var bytes: [UInt8] = []
        var index = 0
        while index < Self.parameterLimit {
            let plain = index == 0 ? [name, "\(name)*0"] : ["\(name)*\(index)"]
            if let whole = parameter("\(name)*\(index)*") ?? (index == 0 ? parameter("\(name)*") : nil) {
                var value = Array(whole.utf8)[...]
                if index == 0 {
                    let quotes = value.indices.filter { value[$0] == UInt8(ascii: "'") }.prefix(2)
                    if let first = quotes.first, let second = quotes.dropFirst().first {
                        charset = String(decoding: value[..<first], as: UTF8.self)
                        value = value[(second + 1)...]
                    }
                }
                bytes += Self.percentDecoded(value)
                charset = charset ?? "utf-8"
            } else if let part = plain.lazy.compactMap({ parameter($0) }).first {
                bytes += part.utf8
            } else {
                break
            }
            index += 1
        }
        guard index > 0 else { return nil }
        if let charset { return RawText.oneLine(Charset.decode(bytes.span, named: charset)) }
        return EncodedWords.decode(bytes.span)
    }

    private static func percentDecoded(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var decoded: [UInt8] = []
        var index = bytes.startIndex
        while index < bytes.endIndex {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.endIndex, let high = bytes[index + 1].hexValue,
                let low = bytes[index + 2].hexValue
            {
                decoded.append(high << 4 | low)
                index += 3
            } else {
                decoded.append(bytes[index])
                index += 1
            }
        }
        return decoded
    }

    /// Tokens, quoted strings and the marks between them; comments are left out.
    private struct Words {
        struct Word {
            var text: [UInt8] = []
            var isSemicolon = false
            var isEquals = false
            var spaceBefore = false
        }

        private var index = 0

        mutating func next(_ bytes: Span<UInt8>) -> Word? {
            var word = Word()
            while index < bytes.count {
                let byte = bytes[index]
                index += 1
                switch byte {
                case .space, .tab, .carriageReturn, .lineFeed, 0: word.spaceBefore = true
                case .leftParenthesis: skipComment(bytes)
                case .semicolon:
                    word.isSemicolon = true
                    return word
                case .equals:
                    word.isEquals = true
                    word.text = [.equals]
                    return word
                case .quote:
                    word.text = quoted(bytes)
                    return word
                default:
                    word.text.append(byte)
                    while index < bytes.count, !Self.endsToken(bytes[index]) {
                        word.text.append(bytes[index])
                        index += 1
                    }
                    return word
                }
            }
            return nil
        }

        private static func endsToken(_ byte: UInt8) -> Bool {
            switch byte {
            case .space, .tab, .carriageReturn, .lineFeed, 0, .semicolon, .equals, .quote, .leftParenthesis: true
            default: false
            }
        }

        private mutating func quoted(_ bytes: Span<UInt8>) -> [UInt8] {
            var text: [UInt8] = []
            while index < bytes.count, bytes[index] != .quote {
                if bytes[index] == .backslash, index + 1 < bytes.count { index += 1 }
                let byte = bytes[index]
                if byte != .carriageReturn && byte != .lineFeed && byte != 0 { text.append(byte) }
                index += 1
            }
            index += 1
            return text
        }

        private mutating func skipComment(_ bytes: Span<UInt8>) {
            var depth = 1
            while index < bytes.count, depth > 0 {
                switch bytes[index] {
                case .backslash: index += 1
                case .leftParenthesis: depth += 1
                case .rightParenthesis: depth -= 1
                default: break
                }
                index += 1
            }
        }
    }
}
