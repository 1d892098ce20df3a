import MailBytes

/// One exchange as the line protocols carry it, the client's side: base64 lines in, one step out.
public struct SASLClientExchange: Sendable {
    /// What the session does next.
    public enum Step: Equatable, Sendable {
        /// Send this line; it holds a secret.
        case respond(String)
        /// Send `*`; the exchange failed.
        case cancel(SASLFailure)
    }

    /// The mechanism that was chosen.
    public let mechanism: SASLMechanismName
    private var machine: any SASLClientMechanism

    /// Chooses the best mechanism that the server offers and these credentials can serve; `nil` when there is none.
    ///
    /// The best are those that do not give the password away, and of them those that are bound to the connection. The
    /// caller holds back what must not be used: on a connection without TLS, mechanisms whose `sendsPasswordInClear`
    /// is true.
    ///
    /// - Parameters:
    ///   - bindings: what the connection can be bound to.
    ///   - nonce: at least 18 octets of chance, in printable ASCII without a comma; empty leaves SCRAM out.
    public init?(
        credentials: PasswordCredentials,
        offered: [SASLMechanismName],
        bindings: ChannelBindings = ChannelBindings(),
        nonce: String = ""
    ) {
        let usable = Self.passwordMechanisms.filter { mechanism in
            offered.contains(mechanism) && (!mechanism.bindsChannel || bindings.best != nil)
                && (!mechanism.isSCRAM || !nonce.isEmpty)
                && (mechanism != .login || credentials.authorizationIdentity == nil)
        }
        guard let best = usable.first else { return nil }
        self.mechanism = best
        if let hash = SCRAMHash(best) {
            let offersBinding = offered.contains(where: \.bindsChannel)
            let binding: SCRAMClientMechanism.Binding =
                if best.bindsChannel, let (kind, data) = bindings.best {
                    .used(kind, data)
                } else {
                    bindings.isEmpty || offersBinding ? .none : .unoffered
                }
            self.machine = SCRAMClientMechanism(credentials: credentials, hash: hash, binding: binding, nonce: nonce)
        } else if best == .plain {
            self.machine = PlainClientMechanism(credentials: credentials)
        } else {
            self.machine = LoginClientMechanism(credentials: credentials)
        }
    }

    /// An exchange with a bearer token; `nil` when the server offers neither OAUTHBEARER nor XOAUTH2.
    public init?(user: String, token: BearerToken, offered: [SASLMechanismName]) {
        if offered.contains(.oauthBearer) {
            self.mechanism = .oauthBearer
            self.machine = BearerClientMechanism(form: .oauthBearer, user: user, token: token)
        } else if offered.contains(.xoauth2) {
            self.mechanism = .xoauth2
            self.machine = BearerClientMechanism(form: .xoauth2, user: user, token: token)
        } else {
            return nil
        }
    }

    /// An exchange with the certificate that the TLS handshake showed; `nil` when the server does not offer EXTERNAL.
    public init?(certificateOf authorizationIdentity: String?, offered: [SASLMechanismName]) {
        guard offered.contains(.external) else { return nil }
        self.mechanism = .external
        self.machine = ExternalClientMechanism(authorizationIdentity: authorizationIdentity)
    }

    private static let passwordMechanisms: [SASLMechanismName] = [
        .scramSHA256Plus, .scramSHA256, .scramSHA1Plus, .scramSHA1, .plain, .login,
    ]

    /// What follows the mechanism's name in the command; `nil` for nothing, `=` for an empty response. Called at most
    /// once; where the protocol has no initial response or the line would be too long, not at all.
    public mutating func initialResponse() -> String? {
        self.machine.initialResponse().map { $0.isEmpty ? "=" : Base64.encode($0) }
    }

    /// A challenge came: the text after `334 ` or `+ `, without its CR LF.
    public mutating func challengeReceived(_ line: Span<UInt8>) -> Step {
        // Some servers send LOGIN's prompts in clear; its text is not looked at, so that does no harm.
        let isLogin = self.mechanism == .login
        guard let challenge = Base64.decode(line) ?? (isLogin ? [] : nil) else { return .cancel(.notBase64) }
        switch self.machine.challengeReceived(challenge.span) {
        case .respond(let octets): return .respond(Base64.encode(octets))
        case .cancel(let failure): return .cancel(failure)
        }
    }

    /// Whether the server may say now that the log-in succeeded; false while it still has to prove that it knows the
    /// password, and a success then is one of somebody who does not.
    public var acceptsSuccess: Bool { self.machine.acceptsSuccess }
}
