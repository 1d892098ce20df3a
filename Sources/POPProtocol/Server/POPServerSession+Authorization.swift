import SASL

// The AUTHORIZATION state: RFC 1939 section 4, RFC 2595 section 4, RFC 5034 section 4, RFC 6856 section 2.1.
extension POPServerSession {
    /// A command in the AUTHORIZATION state; `name` where `USER` came right before it.
    mutating func authorization(_ command: POPCommand, name: String?) -> Action {
        self.phase = .authorization
        switch command {
        case .user(let name):
            guard self.configuration.takesPlaintext(isEncrypted: self.isEncrypted) else { return .send(.tlsFirst) }
            self.phase = .named(name)
            return .send(.nameNoted)
        case .pass(let password):
            guard let name else { return self.bad(.wrongState) }
            let credentials = PasswordCredentials(authenticationIdentity: name, password: password)
            self.phase = .judging(nil)
            return .verify(.password(credentials))
        case .auth(let mechanism, let response):
            return self.begin(mechanism, response)
        case .listMechanisms:
            return .send(.mechanisms(self.mechanisms))
        case .apop:
            return .send(.apopUnknown)
        case .capabilities:
            return .send(
                .capabilities(
                    self.configuration.capabilities(
                        isEncrypted: self.isEncrypted,
                        isAuthorization: true,
                        mechanisms: self.mechanisms
                    )
                )
            )
        case .startTLS:
            guard !self.isEncrypted else { return .send(.tlsActive) }
            guard self.configuration.offersTLS else { return .send(.noTLS) }
            guard !self.isUTF8 else { return .send(.tlsAfterUTF8) }
            self.phase = .upgrading
            return .startTLS(.beginTLS)
        case .utf8:
            self.isUTF8 = true
            return .send(.utf8Enabled)
        case .quit:
            // No UPDATE state from here: RFC 1939 section 6.
            self.phase = .closed
            return .sendAndClose(.goodbye, .zero)
        case .statistics, .list, .uniqueIDs, .retrieve, .top, .delete, .noop, .reset:
            return self.bad(.wrongState)
        }
    }

    /// The handshake is done: what was learned before is forgotten, and no greeting is sent (RFC 2595 section 4).
    ///
    /// - Parameter connection: what TLS contributes to a log-in.
    public mutating func tlsEstablished(_ connection: SASLConnection = SASLConnection()) -> Action {
        guard case .upgrading = self.phase else { return .proceed }
        self.connection = connection
        self.isEncrypted = true
        self.isUTF8 = false
        self.phase = .authorization
        return .proceed
    }

    /// The answer to `verify`.
    public mutating func loginJudged(_ judgement: LoginJudgement) -> Action {
        guard case .judging(let exchange) = self.phase else { return .proceed }
        self.phase = .authorization
        switch judgement {
        case .accepted(let maildrop):
            self.phase = .transaction(maildrop)
            return .send(.loggedIn(count: maildrop.count, octets: maildrop.octets))
        case .rejected:
            if var exchange, let step = exchange.rejected() { return self.stepped(step, exchange) }
            return self.refuse()
        case .maildropInUse: return .send(.maildropInUse)
        case .tooSoon: return .send(.loginTooSoon)
        case .unavailable: return .send(.unavailable)
        case .broken: return .send(.broken)
        }
    }

    private mutating func refuse() -> Action {
        self.failedLogins += 1
        let delay = self.configuration.limits.failureDelay * (1 << min(self.failedLogins - 1, 4))
        guard self.failedLogins >= self.configuration.limits.failedLogins else { return .sendLater(.rejected, delay) }
        self.phase = .closed
        return .sendAndClose(.tooManyFailures, delay)
    }

    /// The answer to `findVerifier`; `nil` when it could not be found out.
    public mutating func verifierFound(_ challenge: SCRAMChallenge?) -> Action {
        guard case .finding(var exchange) = self.phase else { return .proceed }
        self.phase = .authorization
        guard let challenge else { return .send(.unavailable) }
        let step = exchange.verifierFound(challenge)
        return self.stepped(step, exchange)
    }

    /// The mechanisms that can be used now.
    var mechanisms: [SASLMechanismName] {
        self.configuration.mechanisms(isEncrypted: self.isEncrypted).filter(self.connection.carries)
    }

    /// A line inside of an AUTH exchange.
    mutating func responseReceived(_ line: Span<UInt8>, _ sasl: SASLServerExchange) -> Action {
        var sasl = sasl
        let step = sasl.lineReceived(line)
        return self.stepped(step, sasl)
    }

    private mutating func begin(_ mechanism: SASLMechanismName, _ response: [UInt8]?) -> Action {
        var connection = self.connection
        // A client that could bind and is offered no way to says so, which is a lie only where there is one: RFC 5802 section 6.
        if !self.configuration.mechanisms.contains(where: { $0.text.hasSuffix("-PLUS") }) {
            connection.bindings = ChannelBindings()
        }
        guard self.configuration.mechanisms.contains(mechanism),
            var sasl = SASLServerExchange(mechanism: mechanism, connection: connection)
        else { return .send(.unknownMechanism) }
        guard self.configuration.takesPlaintext(isEncrypted: self.isEncrypted) else { return .send(.tlsFirst) }
        let step = if let response { sasl.begin(initialResponse: response.span) } else { sasl.begin() }
        return self.stepped(step, sasl)
    }

    private mutating func stepped(_ step: SASLServerExchange.Step, _ sasl: SASLServerExchange) -> Action {
        self.phase = .authorization
        switch step {
        case .challenge(let text):
            self.phase = .exchanging(sasl)
            return .sendChallenge(text)
        case .findVerifier(let identity):
            self.phase = .finding(sasl)
            return .findVerifier(identity)
        case .verify(let credentials):
            self.phase = .judging(sasl)
            return .verify(credentials)
        case .cancelled: return self.bad(.cancelled)
        case .failed(.refused): return self.refuse()
        case .failed: return self.bad(.malformedResponse)
        }
    }
}
