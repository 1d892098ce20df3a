import MailBytes
import MailNames

/// A person's or a role's entry in an address list: RFC 5322 section 3.4.
public struct Mailbox: Hashable, Sendable {
    /// The name for people, encoded words decoded; `nil` where there is none.
    public var displayName: String?
    /// What stands before the @, as it is meant: without quotes and escapes.
    public var localPart: String
    /// What stands behind the @, as it stands; empty where there is none.
    public var domain: String

    public init(displayName: String? = nil, localPart: String, domain: String) {
        self.displayName = displayName
        self.localPart = localPart
        self.domain = domain
    }

    public init(displayName: String? = nil, address: EmailAddress) {
        self.init(displayName: displayName, localPart: address.localPart.text, domain: address.host.ascii)
    }

    /// The address that mail can be sent to; `nil` where what was written is none.
    public var address: EmailAddress? {
        guard let local = try? LocalPart(text: localPart) else { return nil }
        return try? EmailAddress(parsing: "\(local.wire)@\(domain)")
    }
}

/// What stands between two commas of an address list: RFC 5322 section 3.4.
public enum AddressListItem: Hashable, Sendable {
    case mailbox(Mailbox)
    /// Several under one name, such as `undisclosed-recipients:;`.
    case group(name: String, members: [Mailbox])
}
