import Access
import Admission
import Certificates
import ChannelSupport
import DNSClient
import Delivery
import Directory
import Logging
import MailBytes
import MailEvents
import MailNames
import MailStore
import Monitoring
import NIOCore
import NIOPosix
import NIOSSL
import POPProtocol
import Reception
import SASL
import SMTPChannels
import SMTPProtocol
import Spool

/// A running server: what a plan describes, from the listeners down to the data folder.
public final class MartletServer: Sendable {
    public let plan: ServerPlan
    let folder: DataFolder
    public let directory: SQLDirectory
    /// The directory server beside it.
    private let ldap: LDAPDirectory?
    public let trace: TraceStore
    public let spool: Spool
    let store: MailStore
    let resolver: UnboundResolver
    public let delivery: DeliveryService
    public let reception: Reception
    let admission: Admission
    let probe: RecipientProbe
    let smtp: SMTPService
    let tracking: TrackingServer
    /// What clients may resume, until the configuration changes.
    private let checkpoints: SMTPCheckpointStore
    let fetching = MailFetching()
    let pop: POPServer
    let identity: TLSIdentitySource
    let tokens: CurrentTokens
    let group: MultiThreadedEventLoopGroup
    let threads: NIOThreadPool
    let clock = WallClock.system
    let logger: Logger

    /// Opens everything in the data folder and recovers what a crash left; does not listen yet.
    ///
    /// - Parameter identity: the certificate, where it has been read already; see `identity(of:)`.
    public init(plan: ServerPlan, logger: Logger, identity: TLSIdentitySource? = nil) throws {
        self.plan = plan
        self.logger = logger
        folder = DataFolder(plan.dataFolder)
        try folder.make()
        // First of all: its lock shows whether another server uses this folder.
        spool = try Spool.open(folder: folder.spool, options: plan.spool, clock: clock)
        for sentence in spool.recoveryReport.sentences { logger.notice("\(sentence)") }
        directory = try SQLDirectory(
            path: folder.directory,
            clock: clock,
            keepsVerifiers: plan.mechanisms.contains(where: \.isSCRAM),
            rules: plan.names
        )
        ldap = Self.directoryServer(plan, logger)
        let names: any Directory = Self.joined(directory, ldap)
        trace = try TraceStore(folder: folder.trace, options: plan.trace, clock: clock)
        store = MailStore(folder: folder.accounts, clock: clock)
        resolver = try UnboundResolver(plan.dns)
        self.identity = try identity ?? Self.readIdentity(of: plan)
        group = MultiThreadedEventLoopGroup(numberOfThreads: plan.loops)
        threads = NIOThreadPool(numberOfThreads: 4)
        threads.start()
        delivery = try DeliveryService.make(
            options: plan.delivery,
            spool: spool,
            directory: names,
            lists: directory,
            returnPaths: directory.returnPaths,
            mailStore: store,
            resolver: resolver,
            recorder: trace,
            clock: clock,
            eventLoop: group.next(),
            threads: threads,
            suspensions: folder.suspensions,
            logger: logger
        )
        tokens = CurrentTokens(plan.tokens)
        let authenticator = Authenticator(directory: names, tokens: tokens, clock: clock)
        probe = RecipientProbe(delivery, options: plan.probing, clock: clock)
        admission = Admission(
            directory: names,
            options: plan.admission,
            authenticator: authenticator,
            verifier: ProbingVerifier(probe: probe),
            lists: directory,
            returnPaths: directory.returnPaths,
            clock: clock
        )
        reception = Reception(
            options: plan.reception,
            admission: admission,
            spool: spool,
            recorder: trace,
            clock: clock,
            logger: logger
        )
        checkpoints = SMTPCheckpointStore(clock: clock, told: reception.checkpointTold)
        smtp = SMTPService(authority: reception, limits: plan.connections, group: group)
        let tls = self.identity
        tracking = Self.tracking(plan, trace, group, logger, tls: { tls.serverContext })
        pop = POPServer(
            options: Self.popOptions(plan),
            authority: MaildropAuthority(
                directory: names,
                authenticator: authenticator,
                maildrops: StoredMaildrops(store: store),
                recorder: trace,
                clock: clock,
                logger: logger
            ),
            endpoint: { tls.askingEndpoint },
            group: group,
            logger: logger
        )
    }

    /// The certificate that the plan names, read now: by root, for a server that is root no more when it opens. `nil` where the
    /// plan names none.
    static func identity(of plan: ServerPlan) throws -> TLSIdentitySource? {
        guard case .files = plan.certificate else { return nil }
        return try readIdentity(of: plan)
    }

    private static func readIdentity(of plan: ServerPlan) throws -> TLSIdentitySource {
        try TLSIdentitySource(
            origin(of: plan, DataFolder(plan.dataFolder)),
            clientAuthorities: plan.clientAuthorities,
            now: WallClock.system.now()
        )
    }

    /// Logs what is to be said of a plan that is being used, and of its certificate.
    func warn(of plan: ServerPlan) {
        for warning in plan.warnings { logger.warning("\(warning)") }
        if case .files(_, let key) = plan.certificate, identity.identity.isKeyExposed {
            logger.warning("\(ServerPlan.exposed(key))")
        }
    }

    private static func directoryServer(_ plan: ServerPlan, _ logger: Logger) -> LDAPDirectory? {
        guard let options = plan.ldap else { return nil }
        return LDAPDirectory(options, clock: .system) { sentence, isTrouble in
            if isTrouble { logger.error("\(sentence)") } else { logger.notice("\(sentence)") }
        }
    }

    private static func joined(_ database: SQLDirectory, _ server: LDAPDirectory?) -> any Directory {
        guard let server else { return database }
        return JointDirectory(database, server)
    }

    private static func origin(of plan: ServerPlan, _ folder: DataFolder) -> TLSIdentitySource.Origin {
        switch plan.certificate {
        case .files(let chain, let key): .files(chain: chain, key: key)
        case .selfSigned: .selfSigned(path: folder.certificate, names: [plan.hostName.ascii])
        }
    }

    private static func popOptions(_ plan: ServerPlan) -> POPServerOptions {
        var options = POPServerOptions(
            listeners: plan.listeners.compactMap { listener in
                guard listener.service.isPOP else { return nil }
                let security: POPServerOptions.Listener.Security = listener.service == .pop3s ? .implicit : .upgrade
                return .init(listener.point, security: security)
            },
            session: POPServerConfiguration(
                hostName: plan.hostName.ascii,
                mechanisms: plan.offeredMechanisms,
                limits: plan.popLimits
            ),
            allowsPlaintextOnLoopback: plan.allowsClearTextOnLoopback,
            timeouts: plan.popTimeouts,
            limits: plan.connections
        )
        options.proxies = plan.proxies
        return options
    }

    /// Begins to deliver and to listen.
    ///
    /// - Parameter opening: called when mail can be taken and no door is open: whoever is greeted finds what it opens.
    /// - Returns: what that gives.
    /// - Throws: `ListeningError` and the like for the first socket that failed, or what `opening` throws.
    @discardableResult
    public func start<Opened: Sendable>(opening: () throws -> Opened = {}) async throws -> Opened {
        await delivery.start()
        let opened = try opening()
        let delivery = delivery
        answerQueueRequests(plan)
        reception.whenHostAppears { address, name in delivery.hostAppeared(at: address, named: name) }
        _ = try await pop.start()
        for listener in plan.listeners where listener.service == .mtqp { try await tracking.listen(at: listener.point) }
        // The door for other hosts last: whoever is greeted there finds all the others open.
        let doors = plan.listeners.filter(\.service.isSMTP)
        for listener in doors.filter({ $0.service != .smtp }) + doors.filter({ $0.service == .smtp }) {
            try await smtp.listen(
                SMTPService.Listener(
                    name: listener.service.rawValue,
                    point: listener.point,
                    settings: try settings(of: listener.service, plan)
                )
            )
        }
        fetching.begin(plan.fetch) { [self] in await fetchMail($0) }
        return opened
    }

    func settings(of service: ServiceName, _ plan: ServerPlan) throws -> SMTPServerHandler.Settings {
        let identity = identity
        let standard = EmailAddress(localPart: try LocalPart(text: "postmaster"), host: .domain(plan.hostName))
        // Other hosts are asked only where a certificate lets some of them relay.
        let asksForCertificates =
            service.takesLogIns || service == .smtp && !plan.admission.relay.certificates.isEmpty
        var session = SMTPServerConfiguration(
            hostName: plan.hostName.ascii,
            role: service.role,
            offersTLS: !service.hasImplicitTLS,
            allowsClearTextAuthentication: plan.allowsClearTextOnLoopback,
            mechanisms: service.takesLogIns ? plan.offeredMechanisms.map(\.text) : [],
            bareNewlines: plan.bareNewlines,
            limits: plan.smtpLimits,
            postmaster: plan.postmaster ?? standard,
            offer: plan.offer
        )
        session.startsQueues = plan.takesETRN && service != .lmtp && service != .odmr
        session.raisesNotices = plan.takesNotices && service.role != .onDemand
        session.offersTurn = plan.takesTURN && service.role == .submission
        var settings = SMTPServerHandler.Settings(
            session: session,
            timeouts: plan.smtpTimeouts,
            endpoint: { asksForCertificates ? identity.askingEndpoint : identity.endpoint },
            isImplicitTLS: service.hasImplicitTLS,
            contentInMemory: plan.contentInMemory
        )
        settings.proxies = plan.proxies
        settings.trusted = plan.trustedHosts
        settings.checkpoints = checkpoints
        return settings
    }

    /// Takes over what a changed configuration says without dropping a connection. Listeners, the data folder and the user stay.
    public func reload(_ plan: ServerPlan) async {
        admission.setOptions(plan.admission)
        directory.setRules(plan.names)
        probe.setOptions(plan.probing)
        reception.setOptions(plan.reception)
        tokens.take(plan.tokens)
        answerQueueRequests(plan)
        fetching.begin(plan.fetch) { [self] in await fetchMail($0) }
        smtp.setLimits(plan.connections)
        pop.reconfigure(Self.popOptions(plan))
        for service in ServiceName.allCases where service.isSMTP {
            if let settings = try? settings(of: service, plan) { smtp.reconfigure(service.rawValue, settings) }
        }
        await delivery.reconfigure(plan.delivery)
        do {
            try identity.reload(
                from: Self.origin(of: plan, folder),
                clientAuthorities: plan.clientAuthorities,
                now: clock.now()
            )
        } catch {
            logger.error("The certificate was not read again, the old one stays in use: \(error)")
        }
        // Whoever may relay no more does not go on with recipients that were taken before.
        checkpoints.removeAll()
        warn(of: plan)
    }

    /// Stops: no new connections, what is in flight ends, everything is closed. At most about 8 seconds.
    public func stop() async {
        fetching.end()
        await tracking.stop()
        async let doors: Void = smtp.stop(within: .seconds(3))
        async let mailboxes: Void = pop.stop(within: .seconds(3))
        _ = await (doors, mailboxes)
        await delivery.stop()
        await spool.close()
        resolver.close()
        await store.close()
        await ldap?.close()
        await directory.close()
        trace.close()
        try? await threads.shutdownGracefully()
        try? await group.shutdownGracefully()
    }
}
