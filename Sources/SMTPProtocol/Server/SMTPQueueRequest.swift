import MailBytes
import MailNames

/// What a client wants of the queue.
public enum SMTPQueueRequest: Sendable, Equatable {
    /// ETRN: what waits for the node is tried, over connections of our own.
    case start(QueueNode)
    /// ATRN: what waits for these domains, or for all of the account's when none is named, comes over this connection.
    case turnAround([Domain])
}

/// Whose queue ETRN means: RFC 1985 sections 5 and 5.3.
public enum QueueNode: Sendable, Equatable, CustomStringConvertible {
    case domain(Domain)
    /// `@`: the domain and all below it.
    case domainAndSubdomains(Domain)
    /// `#`: a queue by a name that this server gave it.
    case queue(String)

    init(_ text: Span<UInt8>) throws(SMTPSyntaxError) {
        guard !text.isEmpty else { throw SMTPSyntaxError(.missingArgument) }
        let option = text[0]
        let hasOption = option == .at || option == UInt8(ascii: "#")
        let name = text.text((hasOption ? 1 : 0)..<text.count)
        guard !name.isEmpty, name.utf8.count <= 255, !name.contains(" ") else { throw SMTPSyntaxError(.parameter) }
        if option == UInt8(ascii: "#") {
            self = .queue(name)
            return
        }
        // A fully qualified name: section 5.
        guard let domain = try? Domain(parsing: name), domain.ascii.contains(".") else {
            throw SMTPSyntaxError(.parameter)
        }
        self = hasOption ? .domainAndSubdomains(domain) : .domain(domain)
    }

    public var description: String {
        switch self {
        case .domain(let domain): domain.ascii
        case .domainAndSubdomains(let domain): "@" + domain.ascii
        case .queue(let name): "#" + name
        }
    }
}
