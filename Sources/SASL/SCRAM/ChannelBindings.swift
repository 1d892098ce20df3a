import Crypto

/// What the TLS connection below an exchange says about itself: RFC 5056. Both sides of one connection have the same
/// values, and two connections never do.
public struct ChannelBindings: Equatable, Sendable {
    /// The kinds that are known here, as registered with IANA.
    public enum Kind: String, Sendable, CaseIterable {
        /// RFC 9266, for TLS 1.3.
        case exporter = "tls-exporter"
        /// RFC 5929 section 4: the hash of the server's certificate.
        case serverEndPoint = "tls-server-end-point"
    }

    /// 32 octets; `nil` where the connection has none.
    public var exporter: [UInt8]?
    /// 32 to 64 octets; `nil` where the certificate's signature has no hash function of its own.
    public var serverEndPoint: [UInt8]?

    /// The bindings of a connection; none at all without TLS.
    public init(exporter: [UInt8]? = nil, serverEndPoint: [UInt8]? = nil) {
        self.exporter = exporter
        self.serverEndPoint = serverEndPoint
    }

    /// Whether there is nothing to bind to.
    public var isEmpty: Bool { self.exporter == nil && self.serverEndPoint == nil }

    /// The binding of a kind; `nil` where the connection has none.
    public subscript(kind: Kind) -> [UInt8]? {
        switch kind {
        case .exporter: self.exporter
        case .serverEndPoint: self.serverEndPoint
        }
    }

    /// The strongest that there is: the exporter is of this connection, the end point of the server.
    var best: (kind: Kind, data: [UInt8])? {
        for kind in Kind.allCases {
            if let data = self[kind] { return (kind, data) }
        }
        return nil
    }
}

/// What the connection below contributes to an exchange.
public struct SASLConnection: Equatable, Sendable {
    /// Empty without TLS.
    public var bindings: ChannelBindings
    /// Who the client's certificate says it is, when it was verified: addresses. Empty where there is none.
    public var certificateIdentities: [String]
    /// The SHA-256 of the client's certificate, when it was verified: 32 octets.
    public var certificateFingerprint: [UInt8]?

    /// A connection; by default one without TLS.
    public init(bindings: ChannelBindings = ChannelBindings(), certificateIdentities: [String] = []) {
        self.bindings = bindings
        self.certificateIdentities = certificateIdentities
    }

    /// What names a certificate: the SHA-256 of its DER form.
    public static func fingerprint(ofCertificate octets: [UInt8]) -> [UInt8] { Array(SHA256.hash(data: octets)) }

    /// Whether a mechanism can work on this connection.
    public func carries(_ mechanism: SASLMechanismName) -> Bool {
        if mechanism.bindsChannel { return !self.bindings.isEmpty }
        if mechanism == .external { return !self.certificateIdentities.isEmpty }
        return true
    }
}
