import Configuration
import Delivery
import DeliveryScheduler
import MailNames

extension ServerPlan {
    /// Pools of addresses to connect from, and what holds for some destinations alone.
    mutating func setDestinations(_ configuration: MartletConfiguration) {
        func pool(_ name: String?) -> [SourceAddress]? {
            guard let name, let pool = configuration.egressPools.first(where: { $0.name == name }) else { return nil }
            return pool.addresses.enumerated().map { index, address in
                SourceAddress(address, weight: index < pool.weights.count ? pool.weights[index] : 1)
            }
        }
        delivery.rules = DestinationRules(
            configuration.destinations.map { options in
                DestinationRule(
                    patterns: options.domains,
                    nextHop: options.host.map { Destination($0) },
                    limits: DestinationLimits(connections: options.connections, interval: options.interval),
                    security: options.security,
                    sources: pool(options.egress)
                )
            }
        )
    }
}

extension Destination {
    /// The next hop that a key of the configuration names.
    init(_ address: SmartHostAddress) {
        let host: MailHost
        switch address.host {
        case .domain(let domain): host = .domain(domain)
        case .address(let address): host = .literal(AddressLiteral(address))
        case .path(let path):
            self = .lmtp(.path(path))
            return
        }
        let port = Int(address.port)
        self = address.speaksLMTP ? .lmtp(.host(host, port: port)) : .relay(host: host, port: port)
    }
}
