import NIOCore
import POPChannels
import POPProtocol

/// What the POP3 service is given: where it listens and what it bears.
public struct POPServerOptions: Sendable {
    /// One socket that connections come in by.
    public struct Listener: Sendable {
        /// Where the socket comes from.
        public enum Endpoint: Sendable {
            /// Bind this address; port 0 lets the system choose.
            case address(SocketAddress)
            /// A socket that is bound already (systemd, or a parent that was root). It is ours from then on.
            case boundSocket(CInt)
        }

        /// When TLS begins.
        public enum Security: Hashable, Sendable {
            /// With the command `STLS`, if at all: port 110.
            case upgrade
            /// At once: port 995 (RFC 8314 section 3.3).
            case implicit
        }

        /// Where the socket comes from.
        public var endpoint: Endpoint
        /// When TLS begins.
        public var security: Security

        /// A listener.
        public init(_ endpoint: Endpoint, security: Security) {
            self.endpoint = endpoint
            self.security = security
        }
    }

    /// Connections that are borne.
    public struct Limits: Hashable, Sendable {
        /// Connections in all.
        public var connections: Int
        /// Connections of one IPv4 address or one IPv6 /64.
        public var connectionsPerAddress: Int

        /// 10,000 in all, 50 of one address.
        public init(connections: Int = 10_000, connectionsPerAddress: Int = 50) {
            self.connections = connections
            self.connectionsPerAddress = connectionsPerAddress
        }
    }

    /// The sockets.
    public var listeners: [Listener]
    /// What sessions offer and bear. `plaintextPasswords` is set by the service, `.always` on loopback alone and where
    /// `allowsPlaintextOnLoopback` is set.
    public var session: POPServerConfiguration
    /// Whether passwords in clear are taken from this machine: for a developer's.
    public var allowsPlaintextOnLoopback: Bool
    /// How long a connection may take.
    public var timeouts: POPTimeouts
    /// Connections that are borne.
    public var limits: Limits

    /// Options of the service.
    public init(
        listeners: [Listener],
        session: POPServerConfiguration,
        allowsPlaintextOnLoopback: Bool = false,
        timeouts: POPTimeouts = POPTimeouts(),
        limits: Limits = Limits()
    ) {
        self.listeners = listeners
        self.session = session
        self.allowsPlaintextOnLoopback = allowsPlaintextOnLoopback
        self.timeouts = timeouts
        self.limits = limits
    }
}
