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
            return Route(way: .deliver(override.destination), reason: "the operator sent it there")
        }
        if case .domain(let domain) = address.host, options.onDemand.contains(domain) {
            return Route(way: .hold(.onDemand), reason: "its host fetches it on demand")
        }
        switch options.outbound {
        case .catchAll: return Route(way: .hold(.caught), reason: "outbound mail is caught here")
        case .hold: return Route(way: .hold(.byConfiguration), reason: "outbound mail is held here")
        case .smartHost, .lmtp, .mx: break
        }
        if case .domain(let domain) = address.host, let hop = options.rules.rule(for: domain)?.nextHop {
            return Route(way: .deliver(hop), reason: "the configuration sends its domain there")
        }
        switch options.outbound {
        case .smartHost(let smartHost):
            return Route(
                way: .deliver(.relay(host: smartHost.host, port: smartHost.port)),
                reason: "a smart host takes all outbound mail"
            )
        case .lmtp(let server):
            return Route(way: .deliver(.lmtp(server)), reason: "a mail system takes all outbound mail by LMTP")
        case .mx, .catchAll, .hold:
            return Route(way: .deliver(ownDestination(of: address)), reason: "its domain is not ours")
        }
    }
}

/// A next hop that the operator named.
struct RelayHost: Hashable, Sendable, CustomStringConvertible {
    /// `relay` or `lmtp`.
    let destination: Destination

    init(host: MailHost, port: Int) { self.init(.relay(host: host, port: port)) }

    private init(_ destination: Destination) { self.destination = destination }

    /// Reads `HOST`, `HOST:PORT`, `[ADDRESS]` or `[ADDRESS]:PORT`, a bare address, and `lmtp:` before one of these or before
    /// the path of a Unix socket; `nil` for anything else.
    init?(_ text: String, defaultPort: Int = 25) {
        guard text.hasPrefix("lmtp:") else {
            guard let (host, port) = Self.hostAndPort(text, defaultPort) else { return nil }
            self.init(host: host, port: port)
            return
        }
        let rest = text.dropFirst(5)
        if rest.hasPrefix("/") {
            self.init(.lmtp(.path(String(rest))))
        } else {
            guard let (host, port) = Self.hostAndPort(String(rest), LMTPServer.standardPort) else { return nil }
            self.init(.lmtp(.host(host, port: port)))
        }
    }

    private static func hostAndPort(_ text: String, _ defaultPort: Int) -> (MailHost, Int)? {
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
            return (.literal(AddressLiteral(address)), port)
        } else if let address = IPAddress(String(name)) {
            return (.literal(AddressLiteral(address)), port)
        } else {
            guard let domain = try? Domain(parsing: String(name)) else { return nil }
            return (.domain(domain), port)
        }
    }

    var description: String { destination.description }
}
