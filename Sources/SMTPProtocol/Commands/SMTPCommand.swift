import MailBytes
import MailNames

/// One command of the client: RFC 5321 section 4.1.1 and the extensions offered.
enum SMTPCommand {
    case hello(name: String, extended: Bool)
    case mail(MailParameters)
    case recipient(RecipientParameters)
    case data
    case chunk(size: Int, isLast: Bool)
    case reset
    case verify(String)
    case expand(String)
    case help(String?)
    case noop
    case quit
    case startTLS
    /// The mechanism's name and the initial response's place in the line.
    case authenticate(mechanism: String, initialResponse: Range<Int>?)
    /// VERB and ONEX of sendmail.
    case verbose
    case extended(ExtendedCommand)
    /// BURL: RFC 4468.
    case url(String, isLast: Bool)

    /// Reads a line without its CR LF.
    ///
    /// - Parameter offered: extensions whose commands and parameters are known beside those of every session.
    static func parse(_ line: Span<UInt8>, offered: SMTPExtensions = []) throws(SMTPSyntaxError) -> SMTPCommand {
        // Verbs have four letters but for STARTTLS; the hot ones come first.
        if line.matches("MAIL FROM:") { return .mail(try MailParameters(line, at: 10, offered: offered)) }
        if line.matches("RCPT TO:") { return .recipient(try RecipientParameters(line, at: 8, offered: offered)) }
        var end = 0
        while end < line.count && line[end] != .space { end += 1 }
        var start = end
        while start < line.count && line[start] == .space { start += 1 }
        var last = line.count
        while last > start && line[last - 1].isWhitespace { last -= 1 }
        let verb = line.extracting(0..<end)
        let argument = start..<max(start, last)
        if verb.equals("DATA") { return try without(argument, .data) }
        if verb.equals("EHLO") { return .hello(name: try clientName(line, argument), extended: true) }
        if verb.equals("HELO") { return .hello(name: try clientName(line, argument), extended: false) }
        if verb.equals("RSET") { return try without(argument, .reset) }
        if verb.equals("QUIT") { return try without(argument, .quit) }
        if verb.equals("NOOP") { return .noop }
        if verb.equals("BDAT") { return try chunk(line, argument) }
        if verb.equals("STARTTLS") { return try without(argument, .startTLS) }
        if verb.equals("AUTH") { return try authenticate(line, argument) }
        if verb.equals("VRFY") { return .verify(try required(line, argument)) }
        if verb.equals("EXPN") { return .expand(try required(line, argument)) }
        if verb.equals("HELP") { return .help(argument.isEmpty ? nil : line.text(argument)) }
        if offered.contains(.burl) && verb.equals("BURL") { return try BURLExtension.parse(line, argument) }
        if offered.contains(.verbose) && (verb.equals("VERB") || verb.equals("ONEX")) { return .verbose }
        if verb.equals("MAIL") || verb.equals("RCPT") { throw SMTPSyntaxError(.path(nil)) }
        return .extended(try ExtendedCommand(verb, line, argument, offered: offered))
    }

    static func without(_ argument: Range<Int>, _ command: SMTPCommand) throws(SMTPSyntaxError) -> SMTPCommand {
        guard argument.isEmpty else { throw SMTPSyntaxError(.unexpectedArgument) }
        return command
    }

    private static func required(_ line: Span<UInt8>, _ argument: Range<Int>) throws(SMTPSyntaxError) -> String {
        guard !argument.isEmpty else { throw SMTPSyntaxError(.missingArgument) }
        return line.text(argument)
    }

    /// A client's name for itself: RFC 5321 section 4.1.1.1. It goes into trace fields and logs, so that what it is made of
    /// is bounded; whether it is true is not asked (section 4.1.4).
    static func clientName(_ line: Span<UInt8>, _ argument: Range<Int>) throws(SMTPSyntaxError) -> String {
        let name = try required(line, argument)
        guard argument.count <= 255 else { throw SMTPSyntaxError(.parameter) }
        for index in argument {
            switch line[index] {
            case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: ";"),
                UInt8(ascii: ","), .quote, .backslash:
                throw SMTPSyntaxError(.parameter)
            case let byte where !byte.isVisible: throw SMTPSyntaxError(.parameter)
            default: continue
            }
        }
        return name
    }

    /// BDAT: RFC 3030 section 2.
    private static func chunk(_ line: Span<UInt8>, _ argument: Range<Int>) throws(SMTPSyntaxError) -> SMTPCommand {
        var end = argument.lowerBound
        while end < argument.upperBound && line[end] != .space { end += 1 }
        guard let size = line.decimal(argument.lowerBound..<end, digits: 15) else { throw SMTPSyntaxError(.parameter) }
        var rest = end
        while rest < argument.upperBound && line[rest] == .space { rest += 1 }
        if rest == argument.upperBound { return .chunk(size: size, isLast: false) }
        guard line.extracting(rest..<argument.upperBound).equals("LAST") else { throw SMTPSyntaxError(.parameter) }
        return .chunk(size: size, isLast: true)
    }

    /// AUTH: RFC 4954 section 4.
    private static func authenticate(
        _ line: Span<UInt8>,
        _ argument: Range<Int>
    ) throws(SMTPSyntaxError) -> SMTPCommand {
        guard !argument.isEmpty else { throw SMTPSyntaxError(.missingArgument) }
        var end = argument.lowerBound
        while end < argument.upperBound && line[end] != .space { end += 1 }
        var response = end
        while response < argument.upperBound && line[response] == .space { response += 1 }
        return .authenticate(
            mechanism: line.text(argument.lowerBound..<end),
            initialResponse: response < argument.upperBound ? response..<argument.upperBound : nil
        )
    }
}

/// The parameters of a MAIL or RCPT command, one after the other: RFC 5321 section 4.1.2 (esmtp-param).
struct ParameterScanner {
    private var index: Int

    /// Begins behind the path, where only a space or the end of the line may stand.
    init(_ line: Span<UInt8>, at start: Int) throws(SMTPSyntaxError) {
        guard start == line.count || line[start] == .space else { throw SMTPSyntaxError(.path(nil)) }
        self.index = start
    }

    /// The next parameter's keyword and value; `nil` at the end of the line.
    mutating func next(_ line: Span<UInt8>) throws(SMTPSyntaxError) -> (keyword: Range<Int>, value: Range<Int>?)? {
        while index < line.count && line[index] == .space { index += 1 }
        guard index < line.count else { return nil }
        let start = index
        while index < line.count, line[index].isASCIIAlphanumeric || line[index] == .hyphen { index += 1 }
        let keyword = start..<index
        guard !keyword.isEmpty else { throw SMTPSyntaxError(.parameter) }
        guard index < line.count, line[index] == .equals else {
            guard index == line.count || line[index] == .space else { throw SMTPSyntaxError(.parameter) }
            return (keyword, nil)
        }
        index += 1
        let valueStart = index
        while index < line.count && line[index] != .space { index += 1 }
        guard valueStart < index else { throw SMTPSyntaxError(.parameter) }
        return (keyword, valueStart..<index)
    }
}
