import ArgumentParser
import Configuration
import Glibc
import MailNames
import Martlet

struct Dev: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs a whole mail server for one developer, on this machine alone.",
        discussion: """
            Every service listens on 127.0.0.1 and ::1, on the base port plus its well-known port. Mail for other domains is caught \
            and shown, not sent, unless --outbound says otherwise. Ctrl-C ends it.
            """
    )
    @Option(help: ArgumentHelp("Where everything is kept. Default: ~/.martlet/dev.", valueName: "folder")) var data:
        String?
    @Option(help: "Added to the well-known ports.") var basePort = 10_000
    @Option(help: "The domain whose mail is delivered here.") var domain = "example.test"
    @Option(
        name: .customLong("user"),
        help: ArgumentHelp("An account, instead of alice and bob. Can be repeated.", valueName: "name:password")
    )
    var users: [String] = []
    @Option(help: "Mail for other domains: catch, hold, mx, or HOST:PORT of a smart host.") var outbound = "catch"
    @Option(help: ArgumentHelp("The DNS resolver to ask.", valueName: "host:port")) var resolver: String?
    @Option(name: .customLong("set"), help: ArgumentHelp("Sets a key of the configuration.", valueName: "key=value"))
    var assignments: [String] = []

    func run() async throws {
        guard (0...54_000).contains(basePort) else {
            throw CommandFailure(
                .usage,
                "The base port \(basePort) leaves no room for the services: take one below 54000."
            )
        }
        let accounts = try people()
        let name = try CommandFailure.asUsage { try Domain(parsing: domain) }
        let (configuration, plan) = try CommandFailure.asUsage {
            let configuration = try configured(name)
            var plan = try ServerPlan(configuration)
            let sockets = plan.listeners.filter { if case .path = $0.point { true } else { false } }
            plan.listeners = listeners() + sockets
            return (configuration, plan)
        }
        let (folder, base, outbound) = (plan.dataFolder, basePort, outbound)
        try await CommandFailure.asFailure {
            try await ServerRun.run(
                plan,
                logger: ServerLog.logger(configuration),
                reloaded: { plan },
                prepared: { try await $0.provide(domain: name, accounts: accounts) },
                started: { _ in Output.text(Self.welcome(folder, base, name, accounts, outbound)) }
            )
        }
    }

    private func configured(_ name: Domain) throws -> MartletConfiguration {
        var base = MartletConfiguration()
        base.server.hostName = name
        base.server.data = data ?? DataFolder.development
        base.server.user = ""
        base.sendmail.socket = ""
        base.smtp.clearTextAuthentication = true
        base.limits.connectionsPerAddress = base.limits.connections
        base.log.level = .notice
        switch outbound {
        case "catch": base.outbound.mode = .catch
        case "hold": base.outbound.mode = .hold
        case "mx": base.outbound.mode = .mx
        default:
            guard let host = SmartHostAddress(outbound) else {
                throw CommandFailure(.usage, "--outbound is catch, hold, mx, or HOST:PORT, not \(outbound).")
            }
            base.outbound.mode = .smartHost
            base.outbound.smartHost = host
        }
        if let resolver {
            guard let address = ResolverAddress(resolver) else {
                throw CommandFailure(.usage, "--resolver is HOST:PORT with an IP address, not \(resolver).")
            }
            base.resolver.servers = [address]
        }
        return try ConfigurationReader.apply(assignments, to: base)
    }

    private func people() throws -> [(name: String, password: String)] {
        if users.isEmpty { return [("alice", "alice-secret"), ("bob", "bob-secret")] }
        return try users.map { user in
            let parts = user.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { throw CommandFailure(.usage, "--user is NAME:PASSWORD, not \(user).") }
            return (String(parts[0]), String(parts[1]))
        }
    }

    private func listeners() -> [ServerPlan.Listener] {
        let hosts = Self.hasIPv6Loopback() ? ["127.0.0.1", "::1"] : ["127.0.0.1"]
        return ServiceName.allCases.flatMap { service in
            hosts.map { ServerPlan.Listener(service, .address($0, port: basePort + service.wellKnownPort)) }
        }
    }

    private static func hasIPv6Loopback() -> Bool {
        let descriptor = socket(AF_INET6, CInt(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_addr = in6addr_loopback
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size)) == 0
            }
        }
    }

    private static func welcome(
        _ folder: String,
        _ base: Int,
        _ domain: Domain,
        _ accounts: [(name: String, password: String)],
        _ outbound: String
    ) -> String {
        let services = ServiceName.allCases.map { service in
            let name = service.rawValue
            let port = base + service.wellKnownPort
            return "  \(name)\(String(repeating: " ", count: 13 - name.count))127.0.0.1:\(port)   [::1]:\(port)"
        }
        let first = accounts.first ?? ("nobody", "")
        let fate =
            switch outbound {
            case "catch": "caught and shown, never sent"
            case "hold": "queued and held"
            case "mx": "sent to the hosts that DNS names"
            default: "sent to \(outbound)"
            }
        return """
            Martlet \(Program.version) is ready.

            \(services.joined(separator: "\n"))

            Accounts: \(accounts.map { "\($0.name)@\(domain) (\($0.password))" }.joined(separator: ", "))
            Mail for other domains is \(fate). Data: \(folder)

            Try:
              swaks --server 127.0.0.1:\(base + 25) --from you@elsewhere.test --to \(first.name)@\(domain)
              curl --user \(first.name)@\(domain):\(first.password) pop3://127.0.0.1:\(base + 110)/1
              martlet trace \(first.name)@\(domain) --data \(folder)

            Ctrl-C ends it.
            """
    }
}
