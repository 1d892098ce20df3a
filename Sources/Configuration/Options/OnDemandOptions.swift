import Delivery
import MailNames

/// Mail that customers fetch: RFC 2645.
public struct OnDemandOptions: Sendable, Hashable {
    public var domains: [OnDemandDomain] = []

    public init() {}
}

/// A domain whose mail waits here, and the account that fetches it: `example.org=fetch@example.net`.
public struct OnDemandDomain: Sendable, Hashable, LosslessStringConvertible {
    public var domain: Domain
    public var account: EmailAddress

    public init(domain: Domain, account: EmailAddress) {
        self.domain = domain
        self.account = account
    }

    /// Reads `DOMAIN=ACCOUNT`.
    public init?(_ text: String) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let domain = try? Domain(parsing: String(parts[0])),
            let account = try? EmailAddress(parsing: String(parts[1]))
        else { return nil }
        self.init(domain: domain, account: account)
    }

    public var description: String { "\(domain.ascii)=\(account)" }
}

/// Mail of ours that another host holds.
public struct FetchOptions: Sendable, Hashable {
    /// How it is asked for.
    public enum Way: String, Sendable, Hashable, CaseIterable {
        /// Over our connection: RFC 2645.
        case odmr
        /// Over connections that the host makes to us: RFC 1985.
        case etrn
    }

    /// `nil` where nothing is fetched.
    public var host: SmartHostAddress?
    public var way = Way.odmr
    public var domains: [Domain] = []
    public var security = OutboundSecurity.required
    public var username: String?
    public var passwordFile: String?
    /// Zero for only when asked to.
    public var interval = Duration.seconds(900)

    public init() {}
}
