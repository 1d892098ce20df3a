import MailBytes
import MailNames

/// Who may send where: the relay catalog, which denies what it does not list.
public struct RelayControl: Sendable, Hashable {
    /// Which of the accounts that logged in may send to anybody.
    public enum Accounts: Sendable, Hashable {
        case all
        /// Those whose addresses are listed, in lower case; none where the set is empty.
        case listed(Set<String>)
    }

    /// Networks whose hosts may send to anybody.
    public var networks: [IPNetwork]
    public var accounts: Accounts
    /// Certificates whose holders may send to anybody.
    public var certificates: Set<CertificateFingerprint>
    /// Domains that are not ours, to which anybody may send.
    public var destinations: Set<Domain>

    public init(
        networks: [IPNetwork] = [],
        accounts: Accounts = .all,
        certificates: Set<CertificateFingerprint> = [],
        destinations: Set<Domain> = []
    ) {
        self.networks = networks
        self.accounts = accounts
        self.certificates = certificates
        self.destinations = destinations
    }

    /// What a client is, as far as relaying goes.
    public struct Client: Sendable, Hashable {
        public var peer: IPAddress?
        /// The address of the account that logged in.
        public var account: String?
        /// The certificate that its TLS handshake proved to be its own.
        public var certificate: CertificateFingerprint?

        public init(peer: IPAddress?, account: String? = nil, certificate: CertificateFingerprint? = nil) {
            self.peer = peer
            self.account = account
            self.certificate = certificate
        }
    }

    /// Whether the client may send to anybody, and why.
    public func mayRelay(_ client: Client) -> (allowed: Bool, reason: String) {
        if let account = client.account {
            switch accounts {
            case .all: return (true, "the client is authenticated")
            case .listed(let names):
                if names.contains(account.lowercased()) { return (true, "\(account) is in relay.accounts") }
            }
        }
        if let peer = client.peer, let network = networks.first(where: { $0.contains(peer) }) {
            return (true, "the client is in relay.networks (\(network))")
        }
        if let certificate = client.certificate, certificates.contains(certificate) {
            return (true, "the client's certificate is in relay.certificates (\(certificate))")
        }
        return (false, "the client is neither authenticated nor in relay.networks")
    }

    /// Whether the client may send to an address of a domain that is not ours, and why.
    ///
    /// - Parameter isListed: whether the domain is one whose mail we take on for it.
    public func mayRelay(
        _ client: Client,
        to address: EmailAddress,
        isListed: Bool = false
    ) -> (allowed: Bool, reason: String) {
        let (allowed, reason) = mayRelay(client)
        if allowed { return (true, reason) }
        guard let domain = address.domain, isListed || destinations.contains(domain) else { return (false, reason) }
        // What is harmless here may be an order to the next hop, which trusts us: user%elsewhere@domain, elsewhere!user@domain
        // and "user@elsewhere"@domain were routes once (RFC 5321 appendix F.2, RFC 1123 section 5.2.16).
        guard !address.localPart.hasRoute else {
            return (false, "\(address) has a route in its local part, and the client is not trusted")
        }
        return (true, isListed ? "mail for \(domain) is taken on to its hosts" : "\(domain) is in relay.destinations")
    }
}

extension LocalPart {
    /// Whether some hosts would read it as a route to another host.
    var hasRoute: Bool {
        text.utf8.contains { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "!") || $0 == .at || $0 == .colon }
    }
}

/// Names a certificate by the SHA-256 of its DER form.
public struct CertificateFingerprint: Hashable, Sendable, LosslessStringConvertible {
    /// 32 octets.
    public let octets: [UInt8]

    /// A fingerprint of its octets; `nil` unless there are 32.
    public init?(octets: [UInt8]) {
        guard octets.count == 32 else { return nil }
        self.octets = octets
    }

    /// Reads 64 hexadecimal digits, with or without a colon behind each pair, as `openssl x509 -fingerprint -sha256` has them.
    public init?(_ text: String) {
        let digits = text.utf8.filter { $0 != .colon }
        guard digits.count == 64, text.utf8.count == 64 || text.utf8.count == 95 else { return nil }
        var octets: [UInt8] = []
        for index in stride(from: 0, to: 64, by: 2) {
            guard let high = digits[index].hexValue, let low = digits[index + 1].hexValue else { return nil }
            octets.append(high << 4 | low)
        }
        self.octets = octets
    }

    public var description: String { octets.hexadecimal }
}
