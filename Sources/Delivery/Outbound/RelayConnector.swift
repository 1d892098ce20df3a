import ChannelSupport
import DeliveryScheduler
import MailBytes
import MailNames
import NIOCore
import NIOSSL
import SMTPChannels
import SMTPProtocol

/// Connects to the hosts of destinations: names to addresses, one address after the other, TLS as asked for.
struct RelayConnector: HostConnector {
    let lookup: any HostLookup
    let eventLoop: any EventLoop
    let contexts: OutboundTLS
    let clock: WallClock

    func connect(
        to destination: Destination,
        options: DeliveryOptions,
        onAttempt: @escaping @Sendable (ConnectionAttempt) -> Void
    ) async -> Result<any OutboundConnection, ConnectFailure> {
        var hosts: HostList
        do throws(DeliveryFailure) {
            hosts = try await self.hosts(of: destination, options: options)
        } catch {
            onAttempt(ConnectionAttempt(host: destination.description, duration: .zero, outcome: error.text))
            return .failure(ConnectFailure(failure: error, addresses: [], dialogue: nil))
        }
        if options.requiresTLS, case .domain(let domain) = destination, await !lookup.hasSignedExchangers(domain) {
            // Without MTA-STS, DNSSEC alone says that the names are the domain's: RFC 8689 section 4.2.1 step 2.
            let text = "The mail exchangers of \(domain.ascii) are not signed (DNSSEC), which REQUIRETLS needs"
            let failure = DeliveryFailure(EnhancedStatus(5, 7, 10), text)
            onAttempt(ConnectionAttempt(host: destination.description, duration: .zero, outcome: text))
            return .failure(ConnectFailure(failure: failure, addresses: [], dialogue: nil))
        }
        let (security, credentials) = terms(destination, options)
        let sources = options.rules.rule(for: destination)?.sources ?? []
        var tried: [IPAddress] = []
        var failures: [DeliveryFailure] = []
        var dialogue: String?
        for host in hosts.hosts where tried.count < options.addressesPerAttempt {
            let addresses: [IPAddress]
            switch await self.addresses(of: host.host) {
            case .success(let (found, text)):
                addresses = found
                if let text { hosts.answers = [hosts.answers, text].compactMap(\.self).joined(separator: "; ") }
            case .failure(let failure):
                failures.append(failure)
                onAttempt(ConnectionAttempt(host: host.host.ascii, duration: .zero, outcome: failure.text))
                continue
            }
            for address in addresses where tried.count < options.addressesPerAttempt {
                tried.append(address)
                let begun = clock.now()
                var generator = SystemRandomNumberGenerator()
                let source = sources.pick(for: address, using: &generator)
                let result = await connect(
                    host,
                    address,
                    from: source,
                    security: security,
                    credentials: credentials,
                    options: options
                )
                var attempt = ConnectionAttempt(
                    host: host.host.ascii,
                    address: address,
                    answers: hosts.answers,
                    duration: clock.now() - begun,
                    outcome: source.map { "connected from \($0)" } ?? "connected"
                )
                switch result {
                case .success(let connection):
                    attempt.tls = connection.tls
                    attempt.dialogue = connection.connection.opening
                    if let remark = connection.remark { attempt.outcome += "; \(remark)" }
                    onAttempt(attempt)
                    return .success(connection)
                case .failure(let refused):
                    attempt.dialogue = refused.dialogue
                    attempt.outcome = refused.failure.text
                    onAttempt(attempt)
                    failures.append(refused.failure)
                    if let said = refused.dialogue, !said.isEmpty { dialogue = said }
                }
            }
        }
        return .failure(
            ConnectFailure(failure: Self.verdict(failures, destination), addresses: tried, dialogue: dialogue)
        )
    }

    /// What the failures of all hosts together mean: for good only when each of them is.
    private static func verdict(_ failures: [DeliveryFailure], _ destination: Destination) -> DeliveryFailure {
        failures.last { !$0.isPermanent } ?? failures.last
            ?? DeliveryFailure(EnhancedStatus(5, 4, 4), "No host takes mail for \(destination)")
    }

    private func hosts(of destination: Destination, options: DeliveryOptions) async throws(DeliveryFailure) -> HostList
    {
        switch destination {
        case .domain(let domain):
            var generator = SystemRandomNumberGenerator()
            return try await HostList.find(domain, options: options, lookup: lookup, using: &generator)
        case .literal(let literal):
            return HostList(hosts: [HostList.Host(host: .literal(literal), port: options.outboundPort)])
        case .relay(let host, let port):
            return HostList(hosts: [HostList.Host(host: host, port: port)])
        case .lmtp(let server): return HostList(hosts: [HostList.Host(server)])
        case .local, .unrouted: return HostList(hosts: [])
        }
    }

    private func addresses(of host: MailHost) async -> Result<([IPAddress], String?), DeliveryFailure> {
        switch host {
        case .literal(let literal): return .success(([literal.address], nil))
        case .domain(let name):
            switch await lookup.addresses(of: name) {
            case .found(let addresses, let text): return .success((addresses, text))
            case .noRecords, .noSuchName:
                let text = "The host \(name.ascii) has no address"
                return .failure(DeliveryFailure(EnhancedStatus(5, 4, 4), text, host: name.ascii))
            case .unavailable(let reason):
                let text = "DNS cannot tell now the address of \(name.ascii): \(reason)"
                return .failure(DeliveryFailure(EnhancedStatus(4, 4, 3), text, host: name.ascii))
            }
        }
    }

    /// How the destination is spoken to.
    private func terms(_ destination: Destination, _ options: DeliveryOptions) -> (OutboundSecurity, SmartHost?) {
        if case .smartHost(let smartHost) = options.outbound,
            destination == .relay(host: smartHost.host, port: smartHost.port)
        {
            return (smartHost.security.strict(options.requiresTLS), smartHost)
        }
        // What is said over a Unix socket nobody hears.
        if case .lmtp(.path) = destination { return (.none, nil) }
        let security = options.rules.rule(for: destination)?.security ?? options.outboundSecurity
        return (security.strict(options.requiresTLS), nil)
    }

    // MARK: One address

    private func connect(
        _ host: HostList.Host,
        _ address: IPAddress,
        from source: IPAddress?,
        security: OutboundSecurity,
        credentials: SmartHost?,
        options: DeliveryOptions
    ) async -> Result<RelayConnection, ConnectFailure> {
        let first = await connectOnce(
            host,
            address,
            from: source,
            security: security,
            credentials: credentials,
            options: options
        )
        if options.requiresTLS, case .failure(var refused) = first,
            refused.failedInTLS || refused.failure.status == EnhancedStatus(4, 7, 10)
        {
            refused.failure.status = EnhancedStatus(5, 7, 10)
            return .failure(refused)
        }
        guard case .failure(let refused) = first, security == .opportunistic, refused.failedInTLS,
            !Self.verifies(security, logsIn: credentials?.credentials != nil, at: address)
        else { return first }
        // TLS that does not work is no reason not to send what would go in clear to a host without TLS: RFC 7435 section 3.
        let second = await connectOnce(
            host,
            address,
            from: source,
            security: .none,
            credentials: credentials,
            options: options
        )
        guard case .success(var connection) = second else { return second }
        connection.remark = "TLS did not work, in clear: \(refused.failure.text)"
        return .success(connection)
    }

    /// Whether the certificate has to fit: where that is asked for, and where we log in, since a password must not go to whoever
    /// answers. A host on loopback is this machine itself.
    static func verifies(_ security: OutboundSecurity, logsIn: Bool, at address: IPAddress) -> Bool {
        switch security {
        case .required, .implicit: true
        case .opportunistic: logsIn && !address.isLoopback
        case .none: false
        }
    }

    private func connectOnce(
        _ host: HostList.Host,
        _ address: IPAddress,
        from source: IPAddress?,
        security: OutboundSecurity,
        credentials: SmartHost?,
        options: DeliveryOptions
    ) async -> Result<RelayConnection, ConnectFailure> {
        let verifies = Self.verifies(security, logsIn: credentials?.credentials != nil, at: address)
        let tls = contexts.handler(for: host.host, verifies: verifies)
        var session = SMTPClientSession.Configuration(
            hostName: options.hostName.ascii,
            tls: security.policy,
            credentials: credentials?.credentials,
            needsRequireTLS: options.requiresTLS
        )
        session.allowsClearTextPassword = address.isLoopback
        var timeouts = SMTPTimeouts()
        timeouts.connect = options.connectTimeout
        do {
            var target = SMTPClientConnection.Target(
                address: try host.socketAddress(address),
                session: session,
                timeouts: timeouts,
                tls: tls,
                secrets: credentials == nil ? nil : contexts.secrets,
                source: try source.map { try SocketAddress(ipAddress: $0.description, port: 0) }
            )
            target.session.speaksLMTP = host.speaksLMTP
            let connection = try await SMTPClientConnection.connect(to: target, on: eventLoop)
            return .success(RelayConnection(connection: connection, host: host.host.ascii, address: address))
        } catch let error as SMTPClientConnection.ConnectError {
            return .failure(ConnectFailure(error, host: host.host.ascii, address: address))
        } catch {
            let text = "\(host.host.ascii) [\(address)] cannot be connected to: \(error)"
            let failure = DeliveryFailure(.noAnswer, text, host: host.host.ascii)
            return .failure(ConnectFailure(failure: failure, addresses: [address], dialogue: nil))
        }
    }
}

extension OutboundSecurity {
    /// What a message that needs verified TLS makes of it.
    func strict(_ needsTLS: Bool) -> OutboundSecurity { needsTLS && self != .implicit ? .required : self }

}

extension ConnectFailure {
    init(_ error: SMTPClientConnection.ConnectError, host: String, address: IPAddress) {
        let reply = error.failure.reply
        let said = host.hasPrefix("[") ? host : "\(host) [\(address)]"
        let failure: DeliveryFailure
        func told(_ status: EnhancedStatus, _ what: String) -> DeliveryFailure {
            DeliveryFailure(status, "\(what): \(reply.oneLine)", reply: reply, host: host)
        }
        switch error.failure.reason {
        case .takesNoMail: failure = told(EnhancedStatus(5, 3, 2), "\(said) takes no mail")
        // Our own fault, which the operator can mend while the mail waits.
        case .authenticationFailed: failure = told(EnhancedStatus(4, 7, 8), "logging in to \(said) failed")
        case .tlsRequired:
            let status = reply.status.flatMap { $0.category == 5 ? $0 : nil } ?? EnhancedStatus(4, 7, 10)
            failure = told(status, "\(said) gives no TLS as it is required")
        case .refused:
            // Refused at its greeting or EHLO: another time it may not.
            let status = reply.status.flatMap { $0.category == 4 ? $0 : nil } ?? EnhancedStatus(4, 3, 2)
            failure = told(status, "\(said) refused the connection")
        case .protocolError, .connectionLost, .timedOut:
            failure = DeliveryFailure(.noAnswer, "\(said): \(reply.lines.joined(separator: " "))", host: host)
        }
        self.init(failure: failure, addresses: [address], dialogue: error.dialogue.isEmpty ? nil : error.dialogue)
    }

    /// Whether the connection broke between STARTTLS and the end of the handshake.
    var failedInTLS: Bool {
        guard let dialogue, let start = dialogue.range(of: "C: STARTTLS") else { return false }
        return !dialogue[start.upperBound...].contains(" stands")
    }
}

/// A connection that was made, as delivery sees it.
struct RelayConnection: OutboundConnection {
    let connection: SMTPClientConnection
    let host: String
    let address: IPAddress
    /// What is remarkable about how it came to be.
    var remark: String?

    var tls: String? { connection.tls }
    var extensions: SMTPServerExtensions { connection.extensions }
    var isClosed: Bool { connection.isClosed }

    func perform(_ transaction: OutboundTransaction) async -> OutboundResult {
        let outcome = await connection.perform(
            transaction.delivery,
            content: transaction.content,
            laterPieces: transaction.laterPieces,
            piece: transaction.piece
        )
        return OutboundResult(
            outcomes: outcome.result.outcomes,
            passedNotifications: outcome.result.passedNotifications,
            owesRelayNotice: outcome.result.owesRelayNotice,
            dialogue: outcome.dialogue,
            isUsable: outcome.isUsable,
            isBroken: outcome.isBroken
        )
    }

    /// Says QUIT. Nobody waits for the answer: the connection ends by its own time-out at the latest.
    func close() {
        let connection = self.connection
        Task { await connection.close() }
    }
}
