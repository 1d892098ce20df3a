import SASL

/// What a POP3 server offers and bears: the same for all its sessions.
public struct POPServerConfiguration: Sendable {
    /// Where passwords in clear are taken.
    public enum PlaintextPasswords: Hashable, Sendable {
        /// Under TLS alone: RFC 5034 section 4, RFC 8314 section 3.
        case underTLS
        /// Everywhere: for a developer's own machine.
        case always
    }

    /// How long messages stay: the `EXPIRE` capability, RFC 2449 section 6.7.
    public enum Expiry: Hashable, Sendable {
        /// As long as the user likes.
        case never
        /// At least so many days.
        case days(Int)
    }

    /// In the greeting.
    public var hostName: String
    /// The argument of `IMPLEMENTATION`; `nil` leaves the capability out. RFC 2449 section 6.9.
    public var implementation: String?
    /// Where passwords in clear are taken.
    public var plaintextPasswords: PlaintextPasswords
    /// Whether `STLS` is offered on connections that are not yet under TLS.
    public var offersTLS: Bool
    /// Mechanisms of `AUTH`, in the order they are announced where the connection carries them.
    public var mechanisms: [SASLMechanismName]
    /// The `EXPIRE` capability.
    public var expiry: Expiry
    /// The `LOGIN-DELAY` capability, in whole seconds; `nil` where there is none. Whoever judges the credentials
    /// enforces it.
    public var loginDelay: Duration?
    /// What a session may do before it is ended.
    public var limits: Limits

    /// Bounds of one session.
    public struct Limits: Hashable, Sendable {
        /// Octets of a command without its CR LF: 253, RFC 2449 section 4.
        public var commandLength: Int
        /// Lines in one session that are no command, or are none in their state; then the connection is closed.
        public var badCommands: Int
        /// Failed log-ins in one session; then the connection is closed.
        public var failedLogins: Int
        /// How long the answer to the first failed log-in is held back; twice as long for each further one.
        public var failureDelay: Duration
        /// Octets of a listing that are made at a time.
        public var listingChunk: Int

        /// RFC 2449's length, 10 bad commands, 3 failed log-ins, answered after 2 seconds and more, 16 KiB of listing.
        public init(
            commandLength: Int = 253,
            badCommands: Int = 10,
            failedLogins: Int = 3,
            failureDelay: Duration = .seconds(2),
            listingChunk: Int = 16 * 1024
        ) {
            self.commandLength = commandLength
            self.badCommands = badCommands
            self.failedLogins = failedLogins
            self.failureDelay = failureDelay
            self.listingChunk = listingChunk
        }
    }

    /// A server that takes passwords under TLS alone, keeps mail as long as the user likes and has no log-in delay.
    public init(
        hostName: String,
        implementation: String? = "Martlet",
        plaintextPasswords: PlaintextPasswords = .underTLS,
        offersTLS: Bool = true,
        mechanisms: [SASLMechanismName] = [.plain, .login],
        expiry: Expiry = .never,
        loginDelay: Duration? = nil,
        limits: Limits = Limits()
    ) {
        self.hostName = hostName
        self.implementation = implementation
        self.plaintextPasswords = plaintextPasswords
        self.offersTLS = offersTLS
        self.mechanisms = mechanisms
        self.expiry = expiry
        self.loginDelay = loginDelay
        self.limits = limits
    }
}
