import MailBytes
import MailNames

/// Variable envelope return paths: `news-bounces+bob=example.org@lists.example`, so that a report of a failure says by where it
/// comes whom it is about.
public enum VariableReturnPath {
    /// The reverse-path of one recipient.
    ///
    /// - Returns: `nil` where the recipient's address does not fit into a local part (64 octets of plain text, RFC 5321 section
    ///   4.5.3.1.1); the base serves then, and the report itself tells the recipient.
    public static func path(_ base: EmailAddress, for recipient: EmailAddress) -> EmailAddress? {
        guard case .domain(let domain) = recipient.host else { return nil }
        let local = recipient.localPart.text.utf8
        let length = base.localPart.text.utf8.count + local.count + domain.ascii.utf8.count + 2
        guard length <= LocalPart.maximumLength else { return nil }
        var previous = UInt8.dot
        for byte in local {
            guard byte.isAtomText || byte == .dot && previous != .dot else { return nil }
            previous = byte
        }
        let text = "\(base.localPart.text)+\(recipient.localPart.text)=\(domain.ascii)"
        guard let whole = try? LocalPart(text: text) else { return nil }
        return EmailAddress(localPart: whole, host: base.host)
    }

    /// The recipient that `bob=example.org` stands for.
    public static func recipient(_ detail: String) -> EmailAddress? {
        guard let equals = detail.lastIndex(of: "=") else { return nil }
        return try? EmailAddress(parsing: "\(detail[..<equals])@\(detail[detail.index(after: equals)...])")
    }
}
