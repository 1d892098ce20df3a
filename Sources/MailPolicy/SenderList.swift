import MailNames

/// A sender, or with `*@example.org` all of a domain.
public enum SenderPattern: Sendable, Hashable, LosslessStringConvertible {
    case address(EmailAddress)
    case domain(Domain)

    /// Reads an address or `*@domain`.
    public init?(_ text: String) {
        if text.hasPrefix("*@") {
            guard let domain = try? Domain(parsing: String(text.dropFirst(2))) else { return nil }
            self = .domain(domain)
        } else {
            guard let address = try? EmailAddress(parsing: text) else { return nil }
            self = .address(address)
        }
    }

    public var description: String {
        switch self {
        case .address(let address): address.description
        case .domain(let domain): "*@\(domain.ascii)"
        }
    }
}

/// Senders that something holds for.
public struct SenderList: Sendable, Hashable {
    private var addresses: Set<String> = []
    private var domains: Set<Domain> = []

    public init(_ patterns: [SenderPattern] = []) {
        for pattern in patterns {
            switch pattern {
            case .address(let address): addresses.insert(Self.key(address))
            case .domain(let domain): domains.insert(domain)
            }
        }
    }

    /// Whether the sender is one of them; local parts are compared without case. The null reverse-path is none.
    public func contains(_ sender: ReversePath) -> Bool {
        guard !addresses.isEmpty || !domains.isEmpty, let address = sender.address else { return false }
        return address.domain.map(domains.contains) ?? false || addresses.contains(Self.key(address))
    }

    private static func key(_ address: EmailAddress) -> String { address.description.lowercased() }
}
