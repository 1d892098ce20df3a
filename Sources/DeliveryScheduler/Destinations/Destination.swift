import MailNames

/// Where a message goes next, as far as what waits for it shares connections, limits and fate.
public enum Destination: Hashable, Sendable {
    /// Mailboxes here.
    case local
    /// The hosts that DNS names for the domain: RFC 5321 section 5.1.
    case domain(Domain)
    /// The host with this address: RFC 5321 section 4.1.3.
    case literal(AddressLiteral)
    /// A host named by configuration or by the operator, whatever DNS says of the recipient's domain.
    case relay(host: MailHost, port: Int)
    /// A mail system that takes what is delivered to its mailboxes, in LMTP.
    case lmtp(LMTPServer)
    /// A recipient whose next hop has to be found out first: the directory could not be asked, or waits to be.
    case unrouted
}

extension Destination: CustomStringConvertible {
    /// What operators read: `example.org`, `[192.0.2.1]`, `relay.example.net:587`, `local`.
    public var description: String {
        switch self {
        case .local: "local"
        case .domain(let domain): domain.ascii
        case .literal(let literal): literal.description
        case .relay(let host, let port): "\(host.ascii):\(port)"
        case .lmtp(let server): server.description
        case .unrouted: "unrouted"
        }
    }
}

/// Names a destination's queue while something waits for it or is connected to it.
public struct DestinationID: Hashable, Sendable {
    let index: Int32
    let generation: UInt32
}
