import MailNames

/// Where an alias leads: to another address, or out of the mail system.
public enum AliasTarget: Hashable, Sendable {
    case address(EmailAddress)
    /// A file that messages are appended to, in the form of an mbox (RFC 4155). The path is absolute.
    case file(String)
    /// A command for the shell that reads the message on its standard input.
    case command(String)

    /// Octets that a path or command may have.
    public static let maximumLength = 1000

    /// Reads an address, `/path` or `|command`, as sendmail's alias files have them.
    public init(parsing text: String) throws(AddressSyntaxError) {
        if text.hasPrefix("|") || text.hasPrefix("/") && !text.contains("@") {
            guard text.utf8.count <= Self.maximumLength, text.utf8.count > 1,
                !text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F })
            else { throw AddressSyntaxError(.localPartSyntax) }
            self = text.hasPrefix("|") ? .command(String(text.dropFirst())) : .file(text)
        } else {
            self = .address(try EmailAddress(parsing: text))
        }
    }

    /// The address; `nil` for a file or command.
    public var address: EmailAddress? {
        if case .address(let address) = self { address } else { nil }
    }
}

extension AliasTarget: CustomStringConvertible {
    public var description: String {
        switch self {
        case .address(let address): address.description
        case .file(let path): path
        case .command(let command): "|" + command
        }
    }
}

extension [AliasTarget] {
    /// The answer that an alias of these targets gives.
    var answer: RecipientAnswer {
        let addresses = compactMap(\.address)
        return addresses.count == count ? .alias(addresses) : .mixedAlias(self)
    }
}
