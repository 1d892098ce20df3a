import Delivery
import MailBytes
import MailNames

/// How mail for some domains leaves, where that is otherwise than for all: a `[[destination]]` table.
public struct DestinationOptions: Sendable, Hashable {
    public var domains: [DomainPattern] = []
    /// The host that takes their mail, instead of those that DNS names.
    public var host: SmartHostAddress?
    public var connections: Int?
    public var interval: Duration?
    public var security: OutboundSecurity?
    /// The name of the pool that connections go out from.
    public var egress: String?

    public init() {}
}

/// Addresses of this machine that connections go out from: an `[[egress]]` table.
public struct EgressOptions: Sendable, Hashable {
    public var name: String?
    public var addresses: [IPAddress] = []
    /// The share of each address, in their order; empty for equal ones.
    public var weights: [Int] = []

    public init() {}
}
