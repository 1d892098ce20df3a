import MailBytes
import MailNames

/// MT-PRIORITY: messages that go before others, or behind them: RFC 6710.
enum PriorityExtension {
    static let keyword = "MT-PRIORITY"

    static func line(policy: String?) -> String { policy.map { "\(keyword) \($0)" } ?? keyword }

    /// Reads the value: a number from -9 to 9 without zeros in front or a plus, RFC 6710 section 7.
    static func parse(_ text: Span<UInt8>) throws(SMTPSyntaxError) -> MessagePriority {
        let isNegative = text[0] == .hyphen
        guard text.count == (isNegative ? 2 : 1), let digit = text.decimal((isNegative ? 1 : 0)..<text.count),
            !(isNegative && digit == 0), let priority = MessagePriority(isNegative ? -digit : digit)
        else { throw SMTPSyntaxError(.parameter) }
        return priority
    }
}

extension SMTPReply {
    /// The sender is accepted, and its message has another priority than it asked for: RFC 6710 section 4.1.
    public static func priorityChanged(_ priority: MessagePriority) -> SMTPReply {
        SMTPReply(250, EnhancedStatus(2, 3, 6), "\(priority.rawValue) is the priority that the message has here")
    }
}
