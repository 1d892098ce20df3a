import MailBytes
import MailNames

/// Leaving a list by one request of a mail program: RFC 8058.
///
/// The URL names list and member and proves that we wrote it (section 3.1); it does not expire, for mail is kept for long.
public enum OneClickUnsubscription {
    private static let codeDigits = 26
    /// Octets of what stands behind the URL's front: two addresses in base64, and the code.
    private static let lengthLimit = 2048

    /// The URL for one member.
    ///
    /// - Parameter front: an https URL of a page that passes what follows it to `member(_:seal:)`.
    public static func url(_ front: String, list: EmailAddress, member: EmailAddress, seal: ListSeal) -> String {
        let subject = Array("\(list)\u{0}\(member)".utf8)
        let separator = front.hasSuffix("/") || front.hasSuffix("=") ? "" : "/"
        return front + separator + Self.base64(subject) + "." + code(subject, seal)
    }

    /// Who leaves which list; `nil` when we did not write that.
    public static func member(
        _ opaque: String,
        seal: ListSeal
    ) -> (list: EmailAddress, member: EmailAddress)? {
        let halves = opaque.split(separator: ".", omittingEmptySubsequences: false)
        guard opaque.utf8.count <= lengthLimit, halves.count == 2, let subject = bytes(halves[0]),
            TokenText.areEqual(String(halves[1]), code(subject, seal))
        else { return nil }
        let names = String(decoding: subject, as: UTF8.self).split(separator: "\u{0}")
        guard names.count == 2, let list = try? EmailAddress(parsing: String(names[0])),
            let member = try? EmailAddress(parsing: String(names[1]))
        else { return nil }
        return (list, member)
    }

    /// The fields of one member's copy: RFC 8058 section 3.1 with RFC 2369 section 3.2.
    ///
    /// - Parameter url: `nil` where there is no page: then one leaves by mail alone.
    public static func fields(_ url: String?, list: EmailAddress) -> [UInt8] {
        let mail = ListHeader.mailto(ListRole.unsubscribe.address(of: list))
        guard let url else { return Array("List-Unsubscribe: <\(mail)>\r\n".utf8) }
        return Array(
            "List-Unsubscribe: <\(url)>,\r\n <\(mail)>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n".utf8
        )
    }

    private static func code(_ subject: [UInt8], _ seal: ListSeal) -> String {
        TokenText.encode(seal([UInt8]("martlet one-click 1") + [0] + subject), digits: codeDigits)
    }

    /// RFC 4648 section 5, without padding.
    private static func base64(_ bytes: [UInt8]) -> String {
        Base64.encode(bytes).replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    private static func bytes(_ text: Substring) -> [UInt8]? {
        let padding = String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
        let standard = Array((text.replacing("-", with: "+").replacing("_", with: "/") + padding).utf8)
        return Base64.decode(standard.span)
    }
}
