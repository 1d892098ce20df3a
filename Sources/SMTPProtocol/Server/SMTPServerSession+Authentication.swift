import SASL

// AUTH: RFC 4954.
extension SMTPServerSession {
    /// What the directory said of a SCRAM user.
    public enum VerifierAnswer: Sendable, Equatable {
        /// The stored secret, or a decoy that cannot be told from one.
        case found(SCRAMChallenge)
        case unavailable
    }

    /// Whether anybody may log in on this connection: under TLS, or where clear text is allowed. SCRAM would not give the
    /// password away without it, but what follows the log-in could be changed by anybody (RFC 8314 section 3).
    ///
    /// Whom a host on this machine speaks for may be elsewhere.
    private var mayAuthenticate: Bool {
        if isEncrypted { return true }
        let isHere = presented == nil || clientAddress(nil)?.isLoopback ?? false
        return configuration.allowsClearTextAuthentication && isHere
    }

    /// The mechanisms of EHLO, in the state that the session is in.
    var offeredMechanisms: [String] {
        guard mayAuthenticate, account == nil else { return [] }
        return configuration.mechanisms.filter { SASLMechanismName($0).map(connection.carries) ?? false }
    }

    mutating func authenticate(
        _ name: String,
        _ response: Range<Int>?,
        _ line: Span<UInt8>
    ) -> Action {
        guard !configuration.mechanisms.isEmpty, isExtended || clientName == nil else { return fault(.notOffered) }
        guard account == nil else { return fault(.alreadyAuthenticated) }
        switch phase {
        case .ready: break
        case .greeted: return fault(.helloFirst)
        default: return fault(.notInTransaction)
        }
        guard mayAuthenticate else { return fault(.encryptionRequired) }
        var connection = connection
        // A client that could bind and is offered no way to says so, which is a lie only where there is one: RFC 5802 section 6.
        if !configuration.mechanisms.contains(where: { $0.hasSuffix("-PLUS") }) {
            connection.bindings = ChannelBindings()
        }
        guard let mechanism = SASLMechanismName(name), configuration.mechanisms.contains(mechanism.text),
            var exchange = SASLServerExchange(mechanism: mechanism, connection: connection)
        else { return fault(isTooWeak(name) ? .mechanismTooWeak : .mechanismUnknown) }
        let step =
            if let response { exchange.begin(initialResponse: line.extracting(response)) } else { exchange.begin() }
        return take(step, exchange)
    }

    /// Whether the operator wants better than this mechanism, which gives passwords away: RFC 4954 section 6.
    private func isTooWeak(_ name: String) -> Bool {
        guard let mechanism = SASLMechanismName(name), mechanism == .plain || mechanism == .login else { return false }
        return offeredMechanisms.contains { SASLMechanismName($0)?.isSCRAM ?? false }
    }

    mutating func authenticationLine(_ line: Span<UInt8>, _ exchange: SASLServerExchange) -> Action {
        var exchange = exchange
        let step = exchange.lineReceived(line)
        return take(step, exchange)
    }

    /// The directory has looked for the stored secret of a SCRAM user.
    public mutating func verifierFound(_ answer: VerifierAnswer) -> Action {
        guard case .findingVerifier(var exchange) = phase else { return .send(.localError) }
        switch answer {
        case .found(let challenge):
            let step = exchange.verifierFound(challenge)
            return take(step, exchange)
        case .unavailable:
            phase = .ready
            return .send(.authenticationUnavailable)
        }
    }

    private mutating func take(_ step: SASLServerExchange.Step, _ exchange: SASLServerExchange) -> Action {
        switch step {
        case .challenge(let text):
            phase = .authenticating(exchange)
            return .send(SMTPReply(334, nil, text))
        case .findVerifier(let identity):
            phase = .findingVerifier(exchange)
            return .findVerifier(identity)
        case .verify(let credentials):
            phase = .judgingCredentials(exchange)
            return .judgeCredentials(credentials)
        case .cancelled:
            phase = .ready
            return fault(.authenticationCancelled)
        case .failed(.refused):
            phase = .ready
            return refuseLogIn()
        case .failed(let failure):
            phase = .ready
            return fault(failure == .tooLong ? .authenticationTooLong : .authenticationSyntax)
        }
    }

    /// The directory has judged a log-in.
    public mutating func credentialsJudged(_ judgement: CredentialsJudgement) -> Action {
        guard case .judgingCredentials(var exchange) = phase else { return .send(.localError) }
        phase = .ready
        switch judgement {
        case .accepted(let account):
            self.account = account
            return .send(.authenticated)
        case .unavailable: return .send(.authenticationUnavailable)
        case .rejected:
            if let step = exchange.rejected() { return take(step, exchange) }
            return refuseLogIn()
        }
    }

    private mutating func refuseLogIn() -> Action {
        failedAuthentications += 1
        guard failedAuthentications < configuration.limits.failedAuthentications else {
            phase = .closed
            return .sendAndClose(SMTPReply(421, EnhancedStatus(4, 7, 0), "Too many failed log-ins"))
        }
        return .send(.credentialsInvalid)
    }
}
