import DeliveryScheduler
import MailNames
import SASL
import SMTPProtocol

/// What becomes of mail for domains that are not ours.
public enum OutboundMode: Equatable, Sendable {
    /// Kept and shown, never sent.
    case catchAll
    /// Queued and held until the operator releases it or the mode changes.
    case hold
    /// To the hosts that DNS names: RFC 5321 section 5.1.
    case mx
    /// All of it to one host.
    case smartHost(SmartHost)
    /// All of it to one mail system, in LMTP.
    case lmtp(LMTPServer)
}

/// A host that takes all our outbound mail.
public struct SmartHost: Equatable, Sendable {
    public var host: MailHost
    public var port: Int
    public var security: OutboundSecurity
    /// Who we log in as; `nil` where the host knows us by our address. A password is sent over TLS with a certificate that fits,
    /// or to a host on loopback.
    public var credentials: PasswordCredentials?

    public init(
        host: MailHost,
        port: Int = 25,
        security: OutboundSecurity = .opportunistic,
        credentials: PasswordCredentials? = nil
    ) {
        self.host = host
        self.port = port
        self.security = security
        self.credentials = credentials
    }
}

/// How a connection to another host is secured.
public enum OutboundSecurity: String, Hashable, Sendable, Codable, CaseIterable {
    /// STARTTLS where it is offered, in clear where it is not or does not work: RFC 7435. Where we log in, the certificate has to fit.
    case opportunistic
    /// STARTTLS with a certificate that fits the host's name, or not at all.
    case required
    /// TLS from the first byte, with a certificate that fits: RFC 8314 section 3.3.
    case implicit
    /// Always in clear.
    case none

    /// What it is to a client's session.
    public var policy: SMTPClientSession.TLSPolicy {
        switch self {
        case .none: .off
        case .opportunistic: .opportunistic
        case .required: .required
        case .implicit: .implicit
        }
    }
}
