import SASL

extension POPCommand {
    /// Parses one line without its CR LF: RFC 2449 section 3. Keywords in either case.
    ///
    /// Deviation: spaces at the end of a line, and more than one between arguments, are passed over except in the
    /// argument of `PASS`; RFC 2449 has exactly one, but old clients send others.
    ///
    /// - Throws: why the line is not a command; the session answers `-ERR`.
    public init(parsing line: Span<UInt8>) throws(POPSyntaxError) {
        for index in line.indices where line[index] < 0x20 || line[index] == 0x7F { throw .controlCharacter }
        let (keyword, end) = Self.keyword(of: line)
        let arguments = line.extracting(min(end + 1, line.count)..<line.count)
        switch keyword {
        case "USER": self = try Self.user(arguments)
        case "PASS": self = try Self.pass(arguments)
        case "APOP": self = .apop
        case "AUTH": self = try Self.authentication(arguments)
        case "CAPA": self = try Self.bare(.capabilities, arguments)
        case "STLS": self = try Self.bare(.startTLS, arguments)
        case "UTF8": self = try Self.bare(.utf8, arguments)
        case "STAT": self = try Self.bare(.statistics, arguments)
        case "LIST": self = try .list(Self.optionalMessage(arguments))
        case "UIDL": self = try .uniqueIDs(Self.optionalMessage(arguments))
        case "RETR": self = try .retrieve(Self.message(arguments))
        case "TOP": self = try Self.top(arguments)
        case "DELE": self = try .delete(Self.message(arguments))
        case "NOOP": self = try Self.bare(.noop, arguments)
        case "RSET": self = try Self.bare(.reset, arguments)
        case "QUIT": self = try Self.bare(.quit, arguments)
        default: throw .unknownCommand
        }
    }

    /// The keyword in upper case, and where it ends. A line whose first word is longer than a keyword gives one that
    /// no command has.
    private static func keyword(of line: Span<UInt8>) -> (String, end: Int) {
        var keyword = ""
        var end = 0
        while end < line.count, end <= 4, line[end] != UInt8(ascii: " ") {
            let octet = line[end]
            let isLower = (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(octet)
            keyword.unicodeScalars.append(Unicode.Scalar(isLower ? octet - 0x20 : octet))
            end += 1
        }
        return (keyword, end)
    }

    private static func bare(_ command: POPCommand, _ arguments: Span<UInt8>) throws(POPSyntaxError) -> POPCommand {
        guard self.words(of: arguments).isEmpty else { throw .unexpectedArgument }
        return command
    }

    private static func user(_ arguments: Span<UInt8>) throws(POPSyntaxError) -> POPCommand {
        let words = self.words(of: arguments)
        guard let first = words.first, let last = words.last else { throw .missingArgument }
        let name = arguments.extracting(first.lowerBound..<last.upperBound)
        guard let name = CredentialPreparation.userName(name) else { throw .badArgument }
        return .user(name)
    }

    private static func pass(_ arguments: Span<UInt8>) throws(POPSyntaxError) -> POPCommand {
        guard !arguments.isEmpty else { throw .missingArgument }
        guard let password = Password(arguments) else { throw .badArgument }
        return .pass(password)
    }

    private static func authentication(_ arguments: Span<UInt8>) throws(POPSyntaxError) -> POPCommand {
        let words = self.words(of: arguments)
        guard let first = words.first else { return .listMechanisms }
        guard words.count <= 2 else { throw .unexpectedArgument }
        guard let mechanism = SASLMechanismName(arguments.extracting(first)) else { throw .badArgument }
        guard words.count == 2 else { return .auth(mechanism, initialResponse: nil) }
        return .auth(mechanism, initialResponse: words[1].map { arguments[$0] })
    }

    private static func optionalMessage(_ arguments: Span<UInt8>) throws(POPSyntaxError) -> POPMessageNumber? {
        let words = self.words(of: arguments)
        guard words.count <= 1 else { throw .unexpectedArgument }
        guard let word = words.first else { return nil }
        return try self.message(arguments, word)
    }

    private static func message(_ arguments: Span<UInt8>) throws(POPSyntaxError) -> POPMessageNumber {
        guard let message = try self.optionalMessage(arguments) else { throw .missingArgument }
        return message
    }

    private static func top(_ arguments: Span<UInt8>) throws(POPSyntaxError) -> POPCommand {
        let words = self.words(of: arguments)
        guard words.count >= 2 else { throw .missingArgument }
        guard words.count == 2 else { throw .unexpectedArgument }
        return .top(try self.message(arguments, words[0]), lines: try self.number(arguments, words[1]))
    }

    private static func message(
        _ arguments: Span<UInt8>,
        _ word: Range<Int>
    ) throws(POPSyntaxError) -> POPMessageNumber {
        guard let message = POPMessageNumber(try self.number(arguments, word)) else { throw .badArgument }
        return message
    }

    /// A decimal number without a sign; at most nine digits, beyond what any maildrop holds.
    private static func number(_ arguments: Span<UInt8>, _ word: Range<Int>) throws(POPSyntaxError) -> Int {
        guard word.count <= 9 else { throw .badArgument }
        var value = 0
        for index in word {
            let digit = arguments[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { throw .badArgument }
            value = value * 10 + Int(digit)
        }
        return value
    }

    /// The ranges between spaces; never more than the line has octets, and that is bounded.
    private static func words(of arguments: Span<UInt8>) -> [Range<Int>] {
        var words: [Range<Int>] = []
        var start: Int?
        for index in arguments.indices {
            if arguments[index] == UInt8(ascii: " ") {
                if let begun = start { words.append(begun..<index) }
                start = nil
            } else if start == nil {
                start = index
            }
        }
        if let begun = start { words.append(begun..<arguments.count) }
        return words
    }
}
