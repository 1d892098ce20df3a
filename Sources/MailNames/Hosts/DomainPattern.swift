/// Which domains a rule is about: `example.org`, `*.example.org` for those under it, `*` for all.
public enum DomainPattern: Sendable, Hashable, LosslessStringConvertible {
    case domain(Domain)
    /// Those under it, and not it itself.
    case under(Domain)
    case all

    public init?(_ text: String) {
        if text == "*" {
            self = .all
        } else if text.hasPrefix("*.") {
            guard let domain = try? Domain(parsing: String(text.dropFirst(2))) else { return nil }
            self = .under(domain)
        } else {
            guard let domain = try? Domain(parsing: text) else { return nil }
            self = .domain(domain)
        }
    }

    public var description: String {
        switch self {
        case .domain(let domain): domain.ascii
        case .under(let domain): "*.\(domain.ascii)"
        case .all: "*"
        }
    }
}
