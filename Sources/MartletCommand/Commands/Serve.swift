import ArgumentParser
import Configuration
import Logging
import Martlet

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs the server in the foreground, logging to standard error.",
        discussion: """
            SIGHUP reads the configuration again without dropping a connection; SIGTERM ends cleanly.
            Started as root it binds its ports and then becomes `user`. Sockets from systemd are used by their names:
            smtp, submission, submissions, pop3, pop3s.
            """
    )
    @Option(help: "The configuration file.") var config: String
    @Option(name: .customLong("set"), help: ArgumentHelp("Sets a key of the configuration.", valueName: "key=value"))
    var assignments: [String] = []

    func run() async throws {
        let path = config
        let assignments = assignments
        let secrets = SecretFiles()
        let read: @Sendable () throws -> (MartletConfiguration, ServerPlan) = {
            let configuration = try ConfigurationReader.read(file: path, assignments: assignments)
            return (configuration, try ServerPlan(configuration, secrets: secrets))
        }
        let (configuration, plan) = try CommandFailure.asUsage {
            var (configuration, plan) = try read()
            plan.warnOfReach(configuration: path)
            return (configuration, plan)
        }
        try await CommandFailure.asFailure {
            try await ServerRun.run(
                plan,
                logger: ServerLog.logger(configuration),
                reloaded: { try read().1 },
                started: { _ in Output.error("Martlet \(Program.version) serves \(plan.hostName).") }
            )
        }
    }
}

/// The logger of a server.
enum ServerLog {
    static func logger(_ configuration: MartletConfiguration) -> Logger {
        let level = Logger.Level(rawValue: configuration.log.level.rawValue) ?? .info
        return Logger(label: "martlet") { _ in LineLogHandler(level: level) }
    }
}

extension CommandFailure {
    /// What is wrong with a configuration, or what it names, is the command line's fault.
    static func asUsage<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch {
            throw CommandFailure(.usage, "\(error)")
        }
    }

    /// A server that does not start.
    static func asFailure(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch {
            throw CommandFailure(.failed, "The server did not start: \(error)")
        }
    }
}
