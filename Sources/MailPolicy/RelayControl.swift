import MailNames

/// Who may send where: denies what it does not allow.
public struct RelayControl: Sendable, Hashable {
    /// Networks whose hosts may send to anybody.
    public var networks: [IPNetwork]

    public init(networks: [IPNetwork] = []) {
        self.networks = networks
    }

    /// What a client is, as far as relaying goes.
    public struct Client: Sendable, Hashable {
        public var peer: IPAddress?
        public var isAuthenticated: Bool

        public init(peer: IPAddress?, isAuthenticated: Bool) {
            self.peer = peer
            self.isAuthenticated = isAuthenticated
        }
    }

    /// Whether the client may send to domains that are not ours, and why.
    public func mayRelay(_ client: Client) -> (allowed: Bool, reason: String) {
        if client.isAuthenticated { return (true, "the client is authenticated") }
        if let peer = client.peer, let network = networks.first(where: { $0.contains(peer) }) {
            return (true, "the client is in relay.networks (\(network))")
        }
        return (false, "the client is neither authenticated nor in relay.networks")
    }
}
