import InternetMessage
import MailBytes
import MailNames

/// What a report about mail that could not be delivered says: RFC 3464, with the forms of RFC 6533.
public struct BounceReport: Hashable, Sendable {
    /// How bad it is.
    public enum Severity: Hashable, Sendable {
        /// The address takes no mail: status 5.x.x.
        case permanent
        /// Its time ran out: status 4.x.x; or nobody could tell.
        case temporary
    }

    /// A recipient that was not reached.
    public struct Failure: Hashable, Sendable {
        /// The address that we sent to, or where that led; `nil` where it is not told.
        public var recipient: EmailAddress?
        public var severity: Severity
        /// For the owner, one line.
        public var reason: String

        public init(_ recipient: EmailAddress?, _ severity: Severity, _ reason: String) {
            self.recipient = recipient
            self.severity = severity
            self.reason = reason
        }
    }

    /// Recipients of a report that are looked at.
    public static let recipientLimit = 20_000
    /// Octets of the fields that are read.
    private static let lengthLimit = 32 << 20

    /// Those that failed. What is only delayed, or was delivered, is not among them.
    public var failures: [Failure]

    /// Reads a report; `nil` where the message is none.
    public init?(_ message: Span<UInt8>) {
        var parser = MessageParser()
        parser.consume(message)
        let structure = parser.finish().structure
        guard structure.type.value == "multipart/report",
            let part = structure.parts.first(where: {
                $0.type.value == "message/delivery-status" || $0.type.value == "message/global-delivery-status"
            }), part.body.upperBound <= message.count
        else { return nil }
        let body = message.extracting(
            part.body.lowerBound..<min(part.body.upperBound, part.body.lowerBound + Self.lengthLimit)
        )
        let fields = TransferEncoding.decode(body, part.encoding)
        failures = Self.failures(fields.span)
    }

    private static func failures(_ fields: Span<UInt8>) -> [Failure] {
        var failures: [Failure] = []
        var start = skipBlankLines(fields, from: 0)
        // The first group is about the report itself: RFC 3464 section 2.1.
        var isFirst = true
        while start < fields.count, failures.count < recipientLimit {
            let (group, end) = group(fields, from: start)
            if let failure = group.failure, !isFirst || group.hasRecipient { failures.append(failure) }
            isFirst = false
            let next = skipBlankLines(fields, from: end)
            start = next > start ? next : nextLine(fields, from: end)
        }
        return failures
    }

    private struct Group {
        var original: EmailAddress?
        var final: EmailAddress?
        var hasRecipient = false
        var action = ""
        var status = ""
        var diagnostic = ""

        var failure: Failure? {
            guard hasRecipient, action.isEmpty ? status.hasPrefix("5") : action == "failed" else { return nil }
            let reason = [status, diagnostic].filter { !$0.isEmpty }.joined(separator: " ")
            return Failure(
                original ?? final,
                status.hasPrefix("5") ? .permanent : .temporary,
                String(reason.prefix(300))
            )
        }
    }

    private static func group(_ fields: Span<UInt8>, from start: Int) -> (Group, end: Int) {
        var group = Group()
        let rest = fields.extracting(start..<fields.count)
        var scanner = HeaderScanner()
        while let field = scanner.next(rest) {
            let name = rest.extracting(field.name)
            let value = rest.unfolded(field.value)
            if name.equals("Original-Recipient") {
                group.original = address(value)
                group.hasRecipient = true
            } else if name.equals("Final-Recipient") {
                group.final = address(value)
                group.hasRecipient = true
            } else if name.equals("Action") {
                group.action = value.prefix { $0.isLetter }.lowercased()
            } else if name.equals("Status") {
                // A comment may follow: RFC 3464 section 2.3.4 and its examples.
                group.status = String(value.prefix { $0.isNumber || $0 == "." })
            } else if name.equals("Diagnostic-Code") {
                let text = value.split(separator: ";", maxSplits: 1).last ?? ""
                group.diagnostic = text.drop { $0 == " " }.prefix(300).description
            }
        }
        return (group, start + scanner.end)
    }

    /// What follows the address type: RFC 3464 section 2.3.1.
    private static func address(_ value: String) -> EmailAddress? {
        let halves = value.split(separator: ";", maxSplits: 1)
        guard halves.count == 2 else { return nil }
        var text = halves[1].drop { $0.isWhitespace }
        while text.last?.isWhitespace == true { text.removeLast() }
        if text.first == "<", text.last == ">" { text = text.dropFirst().dropLast() }
        return try? EmailAddress(parsing: String(text))
    }

    private static func skipBlankLines(_ fields: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index < fields.count, fields[index] == .carriageReturn || fields[index] == .lineFeed { index += 1 }
        return index
    }

    private static func nextLine(_ fields: Span<UInt8>, from start: Int) -> Int {
        fields.firstIndex(of: .lineFeed, from: start).map { $0 + 1 } ?? fields.count
    }
}
