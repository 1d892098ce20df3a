import MailBytes
import MailNames

/// What a mailing list is like: who owns it, who may post, and how one comes to be in it.
public struct ListSettings: Hashable, Sendable {
    /// Who may post.
    public enum Posting: String, Hashable, Sendable, CaseIterable {
        case anyone
        case members
        /// The owner looks at every post first.
        case moderated
    }

    /// How people become members by mail.
    public enum Subscription: String, Hashable, Sendable, CaseIterable {
        /// Whoever confirms that the address is theirs.
        case open
        /// By the operator alone; leaving by mail is possible all the same.
        case closed
    }

    /// Octets of a list's local part: with the longest role and token behind it, it still is one (RFC 5321 section 4.5.3.1.1).
    public static let nameLimit = 40

    /// Where posts go.
    public var address: EmailAddress
    public var owner: EmailAddress
    /// For people, in List-Id; `nil` where the address has to do.
    public var name: String?
    public var posting: Posting
    public var subscription: Subscription
    /// The bounce score at which a member gets no more posts.
    public var bounceLimit: Int
    /// The URL of the list's archive: RFC 2369 section 3.6.
    public var archive: String?

    public init(
        address: EmailAddress,
        owner: EmailAddress,
        name: String? = nil,
        posting: Posting = .members,
        subscription: Subscription = .open,
        bounceLimit: Int = 5,
        archive: String? = nil
    ) {
        self.address = address
        self.owner = owner
        self.name = name
        self.posting = posting
        self.subscription = subscription
        self.bounceLimit = bounceLimit
        self.archive = archive
    }

    /// The address of one of the list's roles.
    public func address(of role: ListRole) -> EmailAddress { role.address(of: address) }

    /// What names the list for good: RFC 2919 section 2. The label is the local part, without what no label has.
    public var identifier: String {
        let label = address.localPart.text.utf8.map { byte -> Character in
            byte.isASCIIAlphanumeric || byte == .hyphen || byte == 0x5F ? Character(Unicode.Scalar(byte)) : "-"
        }
        return "\(String(label).lowercased()).\(address.host.ascii)"
    }

    /// What people call it.
    public var title: String { name ?? address.description }

    /// Whether an address may be a list's: a dot-string with nothing in it that roles and details are told by.
    public static func isListAddress(_ address: EmailAddress) -> Bool {
        let text = address.localPart.text
        guard address.domain != nil, text.utf8.count <= nameLimit, address.localPart.wire == text else { return false }
        return text.utf8.allSatisfy { $0 < 0x80 && $0 != 0x2B } && ListRole.parse(text) == nil
    }
}
