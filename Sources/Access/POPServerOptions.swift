import ChannelSupport
import MailNames
import POPChannels
import POPProtocol

/// What the POP3 service is given: where it listens and what it bears.
public struct POPServerOptions: Sendable {
    /// One socket that connections come in by.
    public struct Listener: Sendable {
        /// When TLS begins.
        public enum Security: Hashable, Sendable {
            /// With the command `STLS`, if at all: port 110.
            case upgrade
            /// At once: port 995 (RFC 8314 section 3.3).
            case implicit
        }

        /// Where the socket comes from.
        public var point: ListeningPoint
        /// When TLS begins.
        public var security: Security

        /// A listener.
        public init(_ point: ListeningPoint, security: Security) {
            self.point = point
            self.security = security
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
    public var limits: ConnectionRegister.Limits
    /// Hosts that say first for whom they connect: the PROXY protocol.
    public var proxies: [IPNetwork] = []

    /// Options of the service.
    public init(
        listeners: [Listener],
        session: POPServerConfiguration,
        allowsPlaintextOnLoopback: Bool = false,
        timeouts: POPTimeouts = POPTimeouts(),
        limits: ConnectionRegister.Limits = .init()
    ) {
        self.listeners = listeners
        self.session = session
        self.allowsPlaintextOnLoopback = allowsPlaintextOnLoopback
        self.timeouts = timeouts
        self.limits = limits
    }
}
