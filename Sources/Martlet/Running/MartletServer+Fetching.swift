import ChannelSupport
import Configuration
import Delivery
import MailNames
import NIOCore
import NIOSSL
import SASL
import SMTPChannels
import SMTPProtocol

/// What an operator, or the configuration, wants fetched.
public struct MailFetchRequest: Codable, Sendable {
    /// `nil` for what the configuration says.
    public var host: String?
    /// ETRN instead of ATRN.
    public var asksForQueue: Bool
    public var domains: [String]
    public var username: String?
    public var password: String?
    /// A security of the configuration; `nil` for `opportunistic` on loopback and `required` elsewhere.
    public var security: String?

    public init(
        host: String?,
        asksForQueue: Bool,
        domains: [String],
        username: String? = nil,
        password: String? = nil,
        security: String? = nil
    ) {
        self.host = host
        self.asksForQueue = asksForQueue
        self.domains = domains
        self.username = username
        self.password = password
        self.security = security
    }
}

/// Mail that another host holds for us: ATRN and ETRN, as their client.
extension MartletServer {
    /// Fetches by the plan; what goes wrong is logged.
    func fetchMail(_ plan: MailFetchPlan) async {
        do {
            for (asked, reply) in try await fetch(plan)
            where reply.isPermanent || !(reply.isPositive || reply.code == 453) {
                logger.warning("\(plan.host) answered \(asked) with \(reply.oneLine)")
            }
        } catch {
            logger.warning("No mail was fetched from \(plan.host): \(Self.reason(error))")
        }
    }

    /// Fetches now. With ATRN, everything is here when it returns.
    func fetch(_ request: MailFetchRequest) async throws -> AdministrationAnswer {
        let plan: MailFetchPlan
        switch try self.plan(of: request) {
        case .success(let made): plan = made
        case .failure(let refused): return refused.answer
        }
        do {
            let replies = try await fetch(plan)
            let text = replies.map { "\($0.asked): \($0.reply.oneLine)" }.joined(separator: "\n")
            let json = JSONText.of(replies.map { ["asked": $0.asked, "reply": $0.reply.oneLine] })
            guard replies.allSatisfy({ $0.reply.isPositive || $0.reply.code == 453 }) else {
                let isTemporary = replies.contains { $0.reply.isTransient }
                return .failure(isTemporary ? .temporary : .failed, "\(plan.host) refused: \(text)".sentence)
            }
            return AdministrationAnswer(text: text, json: json)
        } catch {
            return .failure(.temporary, "No mail was fetched from \(plan.host): \(Self.reason(error))".sentence)
        }
    }

    private struct Refused: Error { let answer: AdministrationAnswer }

    private func plan(of request: MailFetchRequest) throws -> Result<MailFetchPlan, Refused> {
        let refuse = { (text: String) in
            Result<MailFetchPlan, Refused>.failure(Refused(answer: .failure(.usage, text)))
        }
        let domains = try request.domains.map { name throws in try Domain(parsing: name) }
        guard let name = request.host else {
            guard let plan = fetching.current else {
                return refuse("Name a host, or set fetch.host in the configuration.")
            }
            return .success(plan)
        }
        let port = request.asksForQueue ? 25 : ServiceName.odmr.wellKnownPort
        guard var host = SmartHostAddress(name), !host.speaksLMTP else {
            return refuse("\(name) is no HOST or HOST:PORT.")
        }
        if host.port == 25, !name.hasSuffix(":25") { host.port = UInt16(port) }
        var credentials: PasswordCredentials?
        if let user = request.username {
            guard let password = request.password.flatMap({ Password($0) }) else {
                return refuse("A log-in needs a password, on standard input.")
            }
            credentials = PasswordCredentials(authenticationIdentity: user, password: password)
        }
        var isLoopback = false
        if case .address(let address) = host.host { isLoopback = address.isLoopback }
        guard let security = OutboundSecurity(rawValue: request.security ?? (isLoopback ? "opportunistic" : "required"))
        else {
            return refuse("\(request.security ?? "") is no security: opportunistic, required, implicit or none.")
        }
        return .success(
            MailFetchPlan(
                host: host,
                way: request.asksForQueue ? .etrn : .odmr,
                domains: domains,
                security: security,
                credentials: credentials
            )
        )
    }

    // MARK: The dialogue

    private func fetch(_ plan: MailFetchPlan) async throws -> [(asked: String, reply: SMTPReply)] {
        let connection = try await SMTPClientConnection.connect(to: try await target(plan), on: group.next())
        switch plan.way {
        case .etrn:
            var replies: [(asked: String, reply: SMTPReply)] = []
            for domain in plan.domains {
                replies.append((domain.ascii, try await connection.ask("ETRN \(domain.ascii)")))
            }
            await connection.close()
            return replies
        case .odmr:
            let names = plan.domains.map(\.ascii).joined(separator: ",")
            let reply = try await connection.ask(names.isEmpty ? "ATRN" : "ATRN \(names)")
            if reply.code == 250 {
                try await connection.turnAround(to: fetchedSettings(), authority: reception)
            } else {
                await connection.close()
            }
            return [(names.isEmpty ? "mail" : names, reply)]
        }
    }

    /// The session on a connection that turned around: one like those of the SMTP port, without TLS to start.
    private func fetchedSettings() throws -> SMTPServerHandler.Settings {
        var settings = try self.settings(of: .smtp, plan)
        settings.session.offersTLS = false
        settings.session.startsQueues = false
        settings.proxies = []
        settings.trusted = []
        return settings
    }

    private func target(_ plan: MailFetchPlan) async throws -> SMTPClientConnection.Target {
        let name: String
        switch plan.host.host {
        case .domain(let domain): name = domain.ascii
        case .address(let address): name = address.description
        case .path(let path): name = path
        }
        let port = Int(plan.host.port)
        // The system's look-up blocks.
        let address = try await threads.runIfActive { try SocketAddress.makeAddressResolvingHost(name, port: port) }
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        // Whatever certificate there is, it is better than none (RFC 7435). Who is there is not known then.
        if plan.security == .opportunistic { configuration.certificateVerification = .none }
        let context = try NIOSSLContext(configuration: configuration)
        let serverName: String? = if case .domain = plan.host.host { name } else { nil }
        var session = SMTPClientSession.Configuration(
            hostName: self.plan.hostName.ascii,
            tls: plan.security.policy,
            credentials: plan.credentials
        )
        session.isServerUnverified = plan.security == .opportunistic && !address.isLoopback
        return SMTPClientConnection.Target(
            address: address,
            session: session,
            tls: { try NIOSSLClientHandler(context: context, serverHostname: serverName) }
        )
    }

    private static func reason(_ error: any Error) -> String {
        switch error {
        case let error as SMTPClientConnection.ConnectError: error.failure.reply.oneLine
        case let error as SMTPClientFailure: error.reply.oneLine
        default: "\(error)"
        }
    }
}
