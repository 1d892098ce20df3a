import MailNames

/// Everything that the configuration file can say; as it is made, everything has its default.
///
/// Domains, accounts and aliases are not here: they are in the directory, and nothing that the file sets is kept there.
public struct MartletConfiguration: Sendable, Hashable {
    public var server = ServerOptions()
    public var listen = ListenOptions()
    public var tls = TLSOptions()
    public var authentication = AuthenticationOptions()
    public var smtp = SMTPOptions()
    public var sendmail = LocalMailOptions()
    public var submission = SubmissionOptions()
    public var relay = RelayOptions()
    public var directory = DirectoryOptions()
    public var delivery = LocalDeliveryOptions()
    public var ldap = LDAPServerOptions()
    public var outbound = OutboundOptions()
    public var returnPath = ReturnPathOptions()
    public var onDemand = OnDemandOptions()
    public var fetch = FetchOptions()
    public var resolver = ResolverOptions()
    public var queue = QueueOptions()
    public var lists = ListOptions()
    public var spool = SpoolBounds()
    public var limits = LimitOptions()
    public var trace = TraceOptions()
    public var log = LogOptions()
    public var destinations: [DestinationOptions] = []
    public var egressPools: [EgressOptions] = []
    /// The tables of these that are being read.
    var destination = DestinationOptions()
    var egress = EgressOptions()

    public init() {}
}

/// Who the server is.
public struct ServerOptions: Sendable, Hashable {
    /// The name in greetings, in HELO and in trace fields; `nil` for the system's host name.
    public var hostName: Domain?
    /// The data folder.
    public var data = "/var/lib/martlet"
    /// Who the server becomes when root started it.
    public var user = "martlet"
    /// Where mail for `<Postmaster>` without a domain goes (RFC 5321 section 4.5.1); `nil` for postmaster@hostname.
    public var postmaster: EmailAddress?

    public init() {}
}

/// Where the services listen; an empty list leaves a service out.
public struct ListenOptions: Sendable, Hashable {
    public var smtp: [ListenAddress] = ListenAddress.any(port: 25)
    public var submission: [ListenAddress] = ListenAddress.any(port: 587)
    public var submissions: [ListenAddress] = ListenAddress.any(port: 465)
    /// LMTP is for other mail systems of the same house: nowhere unless asked for.
    public var lmtp: [ListenAddress] = []
    /// The path of a Unix socket for LMTP.
    public var lmtpSocket: String?
    public var pop3: [ListenAddress] = ListenAddress.any(port: 110)
    public var pop3s: [ListenAddress] = ListenAddress.any(port: 995)
    /// Where customers fetch what waits for their domains.
    public var odmr: [ListenAddress] = []
    /// Where senders ask what became of their messages.
    public var mtqp: [ListenAddress] = []
    /// Hosts whose connections begin with a header of the PROXY protocol.
    public var proxyNetworks: [IPNetwork] = []

    public init() {}
}

/// The server's certificate.
public struct TLSOptions: Sendable, Hashable {
    /// A PEM file with the certificate and those between it and its root; `nil` for a self-signed one made at start.
    public var certificate: String?
    /// A PEM file with the private key.
    public var key: String?
    /// A PEM file with the authorities whose client certificates let people log in; `nil` asks for none.
    public var clientAuthorities: String?

    public init() {}
}

/// An address and port to listen on: `127.0.0.1:25`, `[::1]:25`.
public struct ListenAddress: Sendable, Hashable, LosslessStringConvertible {
    public var address: IPAddress
    public var port: UInt16

    public init(address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }

    /// Every address of the machine, IPv4 and IPv6: `[::]`.
    public static func any(port: UInt16) -> [ListenAddress] {
        IPAddress(bytes: [UInt8](repeating: 0, count: 16)).map { [ListenAddress(address: $0, port: port)] } ?? []
    }

    /// Reads `ADDRESS:PORT`, an IPv6 address in brackets.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0 else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("[") && host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { return nil }
        } else {
            guard !host.contains(":") else { return nil }
        }
        guard let address = IPAddress(String(host)) else { return nil }
        self.init(address: address, port: port)
    }

    public var description: String {
        address.isIPv4 ? "\(address):\(port)" : "[\(address)]:\(port)"
    }
}
