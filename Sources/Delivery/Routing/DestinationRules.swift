import DeliveryScheduler
import MailNames

/// How mail for some domains is dealt with otherwise than for all.
public struct DestinationRule: Hashable, Sendable {
    /// Which domains.
    public var patterns: [DomainPattern]
    /// The host that takes their mail, instead of those that DNS names: `relay` or `lmtp`.
    public var nextHop: Destination?
    public var limits: DestinationLimits
    /// `nil` for what holds for all.
    public var security: OutboundSecurity?
    /// The addresses to connect from; `nil` leaves it to the system.
    public var sources: [SourceAddress]?

    public init(
        patterns: [DomainPattern],
        nextHop: Destination? = nil,
        limits: DestinationLimits = DestinationLimits(),
        security: OutboundSecurity? = nil,
        sources: [SourceAddress]? = nil
    ) {
        self.patterns = patterns
        self.nextHop = nextHop
        self.limits = limits
        self.security = security
        self.sources = sources
    }
}

/// The rules by what they are looked up by: the exact domain goes before a pattern, the longer pattern before the shorter.
public struct DestinationRules: Hashable, Sendable {
    private var rules: [DestinationRule] = []
    private var exact: [String: Int] = [:]
    private var under: [String: Int] = [:]
    private var all: Int?
    private var hops: [Destination: Int] = [:]

    public init(_ rules: [DestinationRule] = []) {
        self.rules = rules
        for (index, rule) in rules.enumerated() {
            for pattern in rule.patterns {
                switch pattern {
                case .domain(let domain): exact[domain.ascii] = exact[domain.ascii] ?? index
                case .under(let domain): under[domain.ascii] = under[domain.ascii] ?? index
                case .all: all = all ?? index
                }
            }
            if let hop = rule.nextHop { hops[hop] = hops[hop] ?? index }
        }
    }

    /// The rule of a domain.
    func rule(for domain: Domain) -> DestinationRule? {
        guard !rules.isEmpty else { return nil }
        let name = domain.ascii
        if let index = exact[name] { return rules[index] }
        var rest = Substring(name)
        while !under.isEmpty, let dot = rest.firstIndex(of: ".") {
            rest = rest[rest.index(after: dot)...]
            if let index = under[String(rest)] { return rules[index] }
        }
        return all.map { rules[$0] }
    }

    /// The rule by which a destination is dealt with.
    func rule(for destination: Destination) -> DestinationRule? {
        guard !rules.isEmpty else { return nil }
        switch destination {
        case .domain(let domain): return rule(for: domain)
        case .literal: return all.map { rules[$0] }
        case .relay, .lmtp: return (hops[destination] ?? all).map { rules[$0] }
        case .local, .unrouted: return nil
        }
    }

    func limits(of destination: Destination) -> DestinationLimits? { rule(for: destination)?.limits }
}
