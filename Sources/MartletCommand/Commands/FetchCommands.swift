import ArgumentParser
import Martlet

struct FetchMail: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch-mail",
        abstract: "Fetches mail that another host holds for this server: on-demand mail relay.",
        discussion: """
            Connects, logs in, and has what waits sent over the same connection (ATRN, RFC 2645). Without a host, does what the \
            [fetch] part of the configuration says. The password comes on standard input.
            """
    )
    @Argument(help: "HOST or HOST:PORT; the port is 366 unless another is named.") var host: String?
    @Option(help: "Who to log in as.") var user: String?
    @Option(name: .customLong("domain"), help: "Only mail for this domain. Can be repeated.") var domains: [String] = []
    @Option(help: "TLS: opportunistic, required, implicit or none. Required by default, but on loopback.") var security:
        String?
    @OptionGroup var instance: InstanceOptions

    func run() async throws {
        let password = try user.map { try Input.password(for: $0) }
        try await instance.perform(
            .fetchMail(
                MailFetchRequest(
                    host: host,
                    asksForQueue: false,
                    domains: domains,
                    username: user,
                    password: password,
                    security: security
                )
            )
        )
    }
}

struct ETRN: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "etrn",
        abstract: "Asks another host to send what it holds for a domain now (ETRN, RFC 1985)."
    )
    @Argument(help: "HOST or HOST:PORT.") var host: String
    @Argument(help: "The domains.") var domains: [String]
    @Option(help: "Who to log in as; the password comes on standard input.") var user: String?
    @Option(help: "TLS: opportunistic, required, implicit or none.") var security = "opportunistic"
    @OptionGroup var instance: InstanceOptions

    func run() async throws {
        let password = try user.map { try Input.password(for: $0) }
        try await instance.perform(
            .fetchMail(
                MailFetchRequest(
                    host: host,
                    asksForQueue: true,
                    domains: domains,
                    username: user,
                    password: password,
                    security: security
                )
            )
        )
    }
}
