import SASL

// AUTH, the client's side: RFC 4954.
extension SMTPClientSession {
    /// Logs in where there are credentials, with the best mechanism that is safe on this connection.
    mutating func authenticate() -> Action {
        guard let credentials = configuration.credentials else { return .ready }
        let isSafe = isEncrypted && !configuration.isServerUnverified
        let maySendPassword = isSafe || configuration.allowsClearTextPassword
        let offered = extensions.mechanisms.filter { maySendPassword || !$0.sendsPasswordInClear }
        guard
            var exchange = SASLClientExchange(
                credentials: credentials,
                offered: offered,
                bindings: bindings,
                nonce: configuration.nonce
            )
        else {
            return .failed(
                SMTPClientFailure(
                    .authenticationFailed,
                    SMTPReply(
                        450,
                        EnhancedStatus(4, 7, 0),
                        "the next hop offers no mechanism to log in with that is safe here"
                    )
                )
            )
        }
        var initial = exchange.initialResponse()
        let name = exchange.mechanism
        // A command line has 512 octets with its CR LF (RFC 4954 section 4); what is longer waits to be asked for.
        if let text = initial, text.utf8.count + name.text.utf8.count > 500 {
            exchange =
                SASLClientExchange(
                    credentials: credentials,
                    offered: offered,
                    bindings: bindings,
                    nonce: configuration.nonce
                ) ?? exchange
            initial = nil
        }
        self.exchange = exchange
        awaited = [.authentication]
        let command = "AUTH \(name)" + (initial.map { " " + $0 } ?? "")
        return .send(Array((command + "\r\n").utf8), isSecret: initial != nil)
    }

    mutating func authenticationAnswered(_ reply: SMTPReply) -> Action {
        if reply.code == 235 {
            guard exchange?.acceptsSuccess ?? false else { return Self.unproved }
            exchange = nil
            return .ready
        }
        if reply.code == 421 { return .failed(SMTPClientFailure(.connectionLost, reply)) }
        guard reply.code == 334, var exchange else { return .failed(SMTPClientFailure(.authenticationFailed, reply)) }
        let challenge = Array((reply.lines.first ?? "").utf8)
        let step = exchange.challengeReceived(challenge.span)
        self.exchange = exchange
        awaited = [.authentication]
        switch step {
        case .respond(let text): return .send(Array((text + "\r\n").utf8), isSecret: true)
        case .cancel(.serverUnproved): return Self.unproved
        case .cancel: return .send(Array("*\r\n".utf8), isSecret: false)
        }
    }

    /// The server does not know the password, so it is not the one that it is taken for: RFC 5802 section 5.1.
    private static let unproved = Action.failed(
        SMTPClientFailure(
            .authenticationFailed,
            SMTPReply(
                450,
                EnhancedStatus(4, 7, 0),
                "the next hop did not prove that it knows the password: it is not the server it is taken for"
            )
        )
    )
}
