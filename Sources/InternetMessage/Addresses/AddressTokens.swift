import MailBytes

/// The tokens of a structured field with addresses: RFC 5322 section 3.2.
struct AddressTokens {
    enum Kind {
        /// A run of atext, and of what should have been quoted.
        case atom
        /// Without its quotes and escapes.
        case quoted
        case domainLiteral
        /// Without its outer parentheses and escapes.
        case comment
        case dot, at, comma, semicolon, colon, less, greater
    }

    struct Token {
        var kind: Kind
        var text: [UInt8]
        var spaceBefore: Bool
    }

    private var index = 0

    mutating func next(_ bytes: Span<UInt8>) -> Token? {
        var hasSpace = false
        while index < bytes.count {
            let byte = bytes[index]
            guard byte.isWhitespace || byte == .carriageReturn || byte == .lineFeed || byte == 0 else { break }
            hasSpace = true
            index += 1
        }
        guard index < bytes.count else { return nil }
        let byte = bytes[index]
        index += 1
        func single(_ kind: Kind) -> Token { Token(kind: kind, text: [], spaceBefore: hasSpace) }
        switch byte {
        case .dot: return single(.dot)
        case .at: return single(.at)
        case .comma: return single(.comma)
        case .semicolon: return single(.semicolon)
        case .colon: return single(.colon)
        case .less: return single(.less)
        case .greater: return single(.greater)
        case .quote: return Token(kind: .quoted, text: quoted(bytes), spaceBefore: hasSpace)
        case .leftParenthesis: return Token(kind: .comment, text: comment(bytes), spaceBefore: hasSpace)
        case .leftBracket: return Token(kind: .domainLiteral, text: literal(bytes), spaceBefore: hasSpace)
        default:
            index -= 1
            return Token(kind: .atom, text: atom(bytes), spaceBefore: hasSpace)
        }
    }

    private mutating func atom(_ bytes: Span<UInt8>) -> [UInt8] {
        let start = index
        index += 1
        while index < bytes.count {
            switch bytes[index] {
            case .dot, .at, .comma, .semicolon, .colon, .less, .greater, .quote, .leftParenthesis, .leftBracket,
                .space, .tab, .carriageReturn, .lineFeed, 0:
                return bytes.extracting(start..<index).bytes
            default: index += 1
            }
        }
        return bytes.extracting(start..<index).bytes
    }

    /// A string that nobody ended ends with the field.
    private mutating func quoted(_ bytes: Span<UInt8>) -> [UInt8] {
        var text: [UInt8] = []
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case .quote: return text
            case .carriageReturn, .lineFeed, 0: continue
            case .backslash where index < bytes.count:
                text.append(bytes[index])
                index += 1
            default: text.append(byte)
            }
        }
        return text
    }

    private mutating func comment(_ bytes: Span<UInt8>) -> [UInt8] {
        var text: [UInt8] = []
        var depth = 1
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case .carriageReturn, .lineFeed, 0: continue
            case .backslash where index < bytes.count:
                text.append(bytes[index])
                index += 1
                continue
            case .leftParenthesis: depth += 1
            case .rightParenthesis:
                depth -= 1
                if depth == 0 { return text }
            default: break
            }
            text.append(byte)
        }
        return text
    }

    /// With its brackets.
    private mutating func literal(_ bytes: Span<UInt8>) -> [UInt8] {
        var text: [UInt8] = [.leftBracket]
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if byte.isWhitespace || byte == .carriageReturn || byte == .lineFeed || byte == 0 { continue }
            text.append(byte)
            if byte == .rightBracket { break }
        }
        return text
    }
}
