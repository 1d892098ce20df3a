import Configuration
import Delivery
import DeliveryScheduler
import Glibc
import MailNames
import MailPolicy
import SASL
import SMTPProtocol

extension ServerPlan {
    /// What a configuration comes down to.
    ///
    /// - Parameter secrets: the files with passwords, and what was read of them before.
    /// - Throws: `ConfigurationError` for what only shows on this machine: a host name that is none, a password file that cannot be
    ///   read.
    public init(_ configuration: MartletConfiguration, secrets: SecretFiles = SecretFiles()) throws {
        let hostName = try configuration.server.hostName ?? Self.systemHostName()
        self.init(hostName: hostName, dataFolder: configuration.server.data)
        user = configuration.server.user
        postmaster = configuration.server.postmaster
        submissionSocket = configuration.sendmail.socket.isEmpty ? nil : configuration.sendmail.socket
        listeners = Self.listeners(configuration.listen)
        proxies = configuration.listen.proxyNetworks
        trustedHosts = configuration.smtp.trustedNetworks
        takesETRN = configuration.smtp.etrn
        takesTURN = configuration.smtp.turn
        takesNotices = configuration.smtp.notices
        onDemand = configuration.onDemand.domains
        admission.onDemand = Set(onDemand.map(\.domain))
        delivery.onDemand = admission.onDemand
        fetch = MailFetchPlan(
            configuration.fetch,
            credentials: try credentials(
                configuration.fetch.username,
                configuration.fetch.passwordFile,
                "fetch.password-file",
                secrets
            )
        )
        if let chain = configuration.tls.certificate, let key = configuration.tls.key {
            certificate = .files(chain: chain, key: key)
        }
        try setAuthentication(configuration)
        allowsClearTextOnLoopback = configuration.smtp.clearTextAuthentication
        bareNewlines = configuration.smtp.bareNewlines
        setOffer(configuration.smtp)
        admission.pace.messagesPerHour = configuration.limits.accountMessagesPerHour
        admission.pace.recipientsPerDay = configuration.limits.accountRecipientsPerDay
        admission.hops = configuration.limits.hops
        setDirectory(configuration)
        try setLDAP(configuration.ldap, secrets)
        try setDelivery(configuration, secrets)
        setLimits(configuration.limits)
        spool.maximumSize = configuration.spool.maximumSize
        spool.minimumFreeSpace = configuration.spool.minimumFree
        messageLifetime = configuration.queue.lifetime
        checksAuthors = configuration.submission.checkFrom
        variablePaths = SenderList(configuration.returnPath.perRecipient)
        trace.retention = configuration.trace.retention
        dns.forwarders = configuration.resolver.servers.map(\.description)
        dns.trustAnchorFile = configuration.resolver.trustAnchorFile
        dns.timeout = configuration.resolver.timeout
        dns.concurrentLookups = configuration.resolver.lookups
    }

    private static func listeners(_ options: ListenOptions) -> [Listener] {
        let services: [(ServiceName, [ListenAddress])] = [
            (.smtp, options.smtp), (.submission, options.submission), (.submissions, options.submissions),
            (.lmtp, options.lmtp), (.odmr, options.odmr), (.mtqp, options.mtqp), (.pop3, options.pop3),
            (.pop3s, options.pop3s),
        ]
        let listeners = services.flatMap { service, addresses in
            addresses.map { Listener(service, .address($0.address.description, port: Int($0.port))) }
        }
        return listeners + (options.lmtpSocket.map { [Listener(.lmtp, .path($0))] } ?? [])
    }

    private mutating func setOffer(_ smtp: SMTPOptions) {
        offer.longestHold = smtp.longestHold
        offer.refusedSolicitations = smtp.noSoliciting
        if smtp.longestHold == .zero { offer.extensions.remove(.futureRelease) }
        if !smtp.noSoliciting.isEmpty { offer.extensions.insert(.noSoliciting) }
        if smtp.tracking { offer.extensions.insert(.tracking) }
        if smtp.checkpoint { offer.extensions.insert(.checkpoint) }
        if smtp.verboseCommands { offer.extensions.insert(.verbose) }
    }

    private mutating func setLimits(_ limits: LimitOptions) {
        smtpLimits.messageSize = limits.messageSize
        smtpLimits.recipientsPerTransaction = limits.recipients
        smtpLimits.transactionsPerConnection = limits.messagesPerConnection
        smtpLimits.badCommands = limits.badCommands
        smtpLimits.idleCommands = limits.idleCommands
        smtpLimits.failedAuthentications = limits.failedLogins
        smtpTimeouts.command = limits.commandTimeout
        smtpTimeouts.contentBlock = limits.contentTimeout
        popTimeouts.inactivity = limits.popTimeout
        popTimeouts.untilLogin = min(popTimeouts.untilLogin, limits.popTimeout)
        popLimits.badCommands = limits.badCommands
        popLimits.failedLogins = limits.failedLogins
        connections.connections = limits.connections
        connections.perAddress = limits.connectionsPerAddress
        contentInMemory = limits.memoryPerMessage
    }

    private mutating func setDelivery(_ configuration: MartletConfiguration, _ secrets: SecretFiles) throws {
        let outbound = configuration.outbound
        delivery.outboundPort = outbound.port
        let security = outbound.security
        delivery.outboundSecurity = security
        switch outbound.mode {
        case .catch: delivery.outbound = .catchAll
        case .hold: delivery.outbound = .hold
        case .mx: delivery.outbound = .mx
        case .smartHost:
            if let smartHost = outbound.smartHost {
                let file = outbound.passwordFile
                let login = try credentials(outbound.username, file, "outbound.password-file", secrets)
                delivery.outbound = OutboundMode(smartHost, security, login)
            }
        }
        delivery.scheduler.connections = outbound.connections
        delivery.scheduler.connectionsPerDestination = outbound.connectionsPerDestination
        delivery.scheduler.retries.first = configuration.queue.firstRetries
        delivery.scheduler.retries.initial = configuration.queue.retry
        delivery.scheduler.retries.longest = configuration.queue.longestRetry
        delivery.unsubscribePage = configuration.lists.unsubscribePage
        delivery.scheduler.intervalPerDestination = outbound.intervalPerDestination
        delivery.otherHostNames = Set(outbound.otherHostNames)
        delivery.doubleBounceRecipient = configuration.queue.doubleBounceRecipient
        setDestinations(configuration)
        delivery.recipientsPerTransaction = outbound.recipientsPerTransaction
        delivery.messagesPerConnection = outbound.messagesPerConnection
        delivery.connectTimeout = outbound.connectTimeout
        delivery.convertsSigned = outbound.convertSigned
        delivery.signsReturnPaths = configuration.returnPath.signed
        delivery.delayWarning = configuration.queue.delayWarning == .zero ? nil : configuration.queue.delayWarning
        delivery.reportLifetime = configuration.queue.reportLifetime
        delivery.hops = configuration.limits.hops
    }

    /// - Parameter key: the key that names the file.
    mutating func credentials(
        _ name: String?,
        _ file: String?,
        _ key: String,
        _ secrets: SecretFiles
    ) throws -> PasswordCredentials? {
        guard let name, let file else { return nil }
        let password = try password(in: file, key, secrets)
        return PasswordCredentials(authenticationIdentity: name, password: password)
    }

    /// The password in the first line of the file that a key names.
    mutating func password(in file: String, _ key: String, _ secrets: SecretFiles) throws -> Password {
        let group = Privileges.isRoot ? user.flatMap { try? Privileges.identity(of: $0).group } : nil
        let bytes: [UInt8]
        do {
            let (line, isKept) = try secrets.firstLine(of: file, group: group ?? getegid())
            bytes = line
            if isKept {
                warnings.append(
                    "\(file) cannot be read by the server's user: the password that was read at start stays in use."
                )
            }
        } catch {
            throw ConfigurationError(key, "\(error)")
        }
        guard let password = Password(bytes.span) else {
            throw ConfigurationError(key, "the first line of \(file) cannot be a password")
        }
        return password
    }

    private static func systemHostName() throws -> Domain {
        var name = [CChar](repeating: 0, count: 256)
        _ = gethostname(&name, name.count - 1)
        let text = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard let domain = try? Domain(parsing: text) else {
            throw ConfigurationError("hostname", "the system's host name \"\(text)\" is none for mail: set the key")
        }
        return domain
    }
}

extension OutboundMode {
    fileprivate init(_ address: SmartHostAddress, _ security: OutboundSecurity, _ credentials: PasswordCredentials?) {
        switch Destination(address) {
        case .relay(let host, let port):
            self = .smartHost(SmartHost(host: host, port: port, security: security, credentials: credentials))
        case .lmtp(let server): self = .lmtp(server)
        case .local, .domain, .literal, .unrouted: self = .hold
        }
    }
}
