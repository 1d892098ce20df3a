import MailBytes
import MailNames

/// A word that only who got it by mail can know: it proves an address or the owner's consent, and nothing has to be kept for it.
///
/// 22 characters: what it is for, the hour in which it expires, and 80 bits of an authentication code over both, the list and what the
/// token is about.
public struct ListToken: Hashable, Sendable {
    /// What its bearer may do.
    public enum Purpose: String, Hashable, Sendable {
        case subscribe = "s"
        case unsubscribe = "u"
        case approve = "a"
        case reject = "r"
    }

    private static let timeDigits = 5
    private static let codeDigits = 16
    static let length = 1 + timeDigits + codeDigits
    private static let hour: Int64 = 3_600_000_000

    public let text: String

    /// Makes a token.
    ///
    /// - Parameters:
    ///   - subject: the address or the queue id that it is about; letters count without case.
    ///   - expires: rounded up to the next hour.
    public init(
        _ purpose: Purpose,
        list: EmailAddress,
        subject: String,
        expires: Timestamp,
        seal: ListSeal
    ) {
        let time = TokenText.encode(UInt64(max(0, expires.microseconds / Self.hour + 1)), digits: Self.timeDigits)
        let head = purpose.rawValue + time
        self.text = head + Self.code(head, list, subject, seal)
    }

    /// What a token allows; `nil` when it is none of this list and subject, or its time is over.
    public static func purpose(
        of text: String,
        list: EmailAddress,
        subject: String,
        now: Timestamp,
        seal: ListSeal
    ) -> Purpose? {
        guard text.utf8.count == length, text.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
        let head = text.prefix(1 + timeDigits).lowercased()
        guard let purpose = Purpose(rawValue: String(head.prefix(1))),
            let hours = TokenText.number(head.dropFirst()),
            Int64(hours) * hour > now.microseconds,
            TokenText.areEqual(String(text.dropFirst(1 + timeDigits)), code(head, list, subject, seal))
        else { return nil }
        return purpose
    }

    private static func code(_ head: String, _ list: EmailAddress, _ subject: String, _ seal: ListSeal) -> String {
        let content = "martlet list token 1\u{0}\(head)\u{0}\(list)\u{0}\(subject)".lowercased()
        return TokenText.encode(seal(Array(content.utf8)), digits: codeDigits)
    }
}
