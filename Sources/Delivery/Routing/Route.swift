import DeliveryScheduler
import MailNames

/// Where one recipient goes now, and why.
struct Route: Hashable, Sendable {
    enum Way: Hashable, Sendable {
        /// To another host, or to a mailbox here.
        case deliver(Destination)
        /// It waits, for this reason.
        case hold(HoldReason)
    }

    var way: Way
    /// For the trace.
    var reason: String

    /// The queue that the recipient waits in.
    func destination(for address: EmailAddress) -> Destination {
        switch way {
        case .deliver(let destination): destination
        case .hold: Self.ownDestination(of: address)
        }
    }

    /// The destination that an address names itself.
    static func ownDestination(of address: EmailAddress) -> Destination {
        switch address.host {
        case .domain(let domain): .domain(domain)
        case .literal(let literal): .literal(literal)
        }
    }

    /// The route of an address that is not ours.
    ///
    /// - Parameter override: where the operator sent the message instead.
    static func outbound(_ address: EmailAddress, options: DeliveryOptions, override: RelayHost?) -> Route {
        if let override {
            return Route(
                way: .deliver(.relay(host: override.host, port: override.port)),
                reason: "the operator sent it there"
            )
        }
        switch options.outbound {
        case .catchAll: return Route(way: .hold(.caught), reason: "outbound mail is caught here")
        case .hold: return Route(way: .hold(.byConfiguration), reason: "outbound mail is held here")
        case .smartHost(let smartHost):
            return Route(
                way: .deliver(.relay(host: smartHost.host, port: smartHost.port)),
                reason: "a smart host takes all outbound mail"
            )
        case .mx:
            return Route(way: .deliver(ownDestination(of: address)), reason: "its domain is not ours")
        }
    }
}

/// A host and a port that the operator named.
struct RelayHost: Hashable, Sendable, CustomStringConvertible {
    var host: MailHost
    var port: Int

    init(host: MailHost, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `HOST`, `HOST:PORT`, `[ADDRESS]` or `[ADDRESS]:PORT`, and a bare address; `nil` for anything else.
    init?(_ text: String, defaultPort: Int = 25) {
        var name = Substring(text)
        var port = defaultPort
        let afterBracket = name.lastIndex(of: "]").map { name[name.index(after: $0)...] }
        let isBareV6 = afterBracket == nil && name.filter { $0 == ":" }.count > 1
        if !isBareV6, let colon = (afterBracket ?? name).lastIndex(of: ":") {
            guard let number = UInt16(name[name.index(after: colon)...]), number > 0 else { return nil }
            port = Int(number)
            name = name[..<colon]
        }
        if name.hasPrefix("["), name.hasSuffix("]") {
            let inner = name.dropFirst().dropLast()
            let address = inner.lowercased().hasPrefix("ipv6:") ? inner.dropFirst(5) : inner
            guard let address = IPAddress(String(address)) else { return nil }
            self.init(host: .literal(AddressLiteral(address)), port: port)
        } else if let address = IPAddress(String(name)) {
            self.init(host: .literal(AddressLiteral(address)), port: port)
        } else {
            guard let domain = try? Domain(parsing: String(name)) else { return nil }
            self.init(host: .domain(domain), port: port)
        }
    }

    var description: String { "\(host.ascii):\(port)" }
}
