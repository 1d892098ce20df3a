import Delivery
import MailBytes
import MailNames
import MailPolicy

/// How mail for other domains leaves.
public struct OutboundOptions: Sendable, Hashable {
    /// Where it goes.
    public enum Mode: String, Sendable, Hashable, CaseIterable {
        /// Kept and shown, never sent.
        case `catch`
        /// Queued and held.
        case hold
        /// To the hosts that DNS names.
        case mx
        /// All to one host.
        case smartHost = "smart-host"
    }

    public var mode = Mode.mx
    /// The port of hosts that DNS names.
    public var port = 25
    public var smartHost: SmartHostAddress?
    public var security = OutboundSecurity.opportunistic
    public var username: String?
    /// A file of mode 0600 whose first line is the password.
    public var passwordFile: String?
    public var connections = 200
    public var connectionsPerDestination = 20
    /// The least time between two messages for one destination; zero for no limit.
    public var intervalPerDestination = Duration.zero
    /// Other names of this host, which must not come after it in a list of mail exchangers.
    public var otherHostNames: [Domain] = []
    public var recipientsPerTransaction = 100
    public var messagesPerConnection = 500
    public var connectTimeout = Duration.seconds(30)
    /// Whether signed messages are converted for hosts without 8BITMIME, which breaks their signatures.
    public var convertSigned = false

    public init() {}
}

/// The return paths of mail that is submitted here.
public struct ReturnPathOptions: Sendable, Hashable {
    /// Whether they are signed.
    public var signed = false
    /// Senders whose mail goes to each recipient with a path of its own: addresses, and `*@domain`.
    public var perRecipient: [SenderPattern] = []

    public init() {}
}

/// A host, by name or address, and a port: `smtp.example.net:587`; or a mail system that takes LMTP.
public struct SmartHostAddress: Sendable, Hashable, LosslessStringConvertible {
    /// The host.
    public enum Host: Sendable, Hashable {
        case domain(Domain)
        case address(IPAddress)
        /// A Unix socket, for LMTP alone.
        case path(String)
    }

    public var host: Host
    public var port: UInt16
    /// `lmtp:` stood before it.
    public var speaksLMTP = false

    public init(host: Host, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Reads `HOST:PORT`, or `HOST` for port 25; an IPv6 address with a port stands in brackets. `lmtp:` before it, or
    /// before the path of a Unix socket, is for LMTP, on port 24 unless another is named.
    public init?(_ text: String) {
        guard text.hasPrefix("lmtp:") else {
            self.init(text, defaultPort: 25)
            return
        }
        let rest = String(text.dropFirst(5))
        if rest.hasPrefix("/") {
            self.init(host: .path(rest), port: 0)
        } else {
            self.init(rest, defaultPort: 24)
        }
        speaksLMTP = true
    }

    private init?(_ text: String, defaultPort: UInt16) {
        let bare = text.hasPrefix("[") && text.hasSuffix("]") ? String(text.dropFirst().dropLast()) : text
        if let address = IPAddress(bare) {
            self.init(host: .address(address), port: defaultPort)
            return
        }
        if let listen = ListenAddress(text) {
            self.init(host: .address(listen.address), port: listen.port)
            return
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2, let domain = try? Domain(parsing: String(parts[0])) else { return nil }
        guard parts.count == 2 else {
            self.init(host: .domain(domain), port: defaultPort)
            return
        }
        guard let port = UInt16(parts[1]), port > 0 else { return nil }
        self.init(host: .domain(domain), port: port)
    }

    public var description: String {
        let text =
            switch host {
            case .domain(let domain): "\(domain.ascii):\(port)"
            case .address(let address): ListenAddress(address: address, port: port).description
            case .path(let path): path
            }
        return speaksLMTP ? "lmtp:" + text : text
    }
}

/// Who is asked for names.
public struct ResolverOptions: Sendable, Hashable {
    /// Resolvers; none for those of the system.
    public var servers: [ResolverAddress] = []
    public var trustAnchorFile: String?
    public var timeout = Duration.seconds(20)
    public var lookups = 512

    public init() {}
}

/// A resolver's address and port: `127.0.0.1`, `127.0.0.1:5353`, `[::1]:53`.
public struct ResolverAddress: Sendable, Hashable, LosslessStringConvertible {
    public var address: IPAddress
    public var port: UInt16

    public init(address: IPAddress, port: UInt16 = 53) {
        self.address = address
        self.port = port
    }

    /// Reads `ADDRESS` or `ADDRESS:PORT`.
    public init?(_ text: String) {
        let bare = text.hasPrefix("[") && text.hasSuffix("]") ? String(text.dropFirst().dropLast()) : text
        if let address = IPAddress(bare) {
            self.init(address: address)
        } else {
            guard let listen = ListenAddress(text) else { return nil }
            self.init(address: listen.address, port: listen.port)
        }
    }

    public var description: String { ListenAddress(address: address, port: port).description }
}
