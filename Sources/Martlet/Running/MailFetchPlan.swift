import Configuration
import Delivery
import MailNames
import SASL

/// From where mail of ours is fetched, and how.
public struct MailFetchPlan: Sendable, Equatable {
    public var host: SmartHostAddress
    public var way: FetchOptions.Way
    public var domains: [Domain]
    public var security: OutboundSecurity
    public var credentials: PasswordCredentials?
    /// `nil` for only when asked to.
    public var interval: Duration?

    init(
        host: SmartHostAddress,
        way: FetchOptions.Way,
        domains: [Domain],
        security: OutboundSecurity,
        credentials: PasswordCredentials?,
        interval: Duration? = nil
    ) {
        self.host = host
        self.way = way
        self.domains = domains
        self.security = security
        self.credentials = credentials
        self.interval = interval
    }

    /// `nil` where the options name no host.
    init?(_ options: FetchOptions, credentials: PasswordCredentials?) {
        guard let host = options.host else { return nil }
        self.init(
            host: host,
            way: options.way,
            domains: options.domains,
            security: options.security,
            credentials: credentials,
            interval: options.interval == .zero ? nil : options.interval
        )
    }
}
