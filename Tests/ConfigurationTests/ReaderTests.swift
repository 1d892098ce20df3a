import Configuration
import MailBytes
import MailNames
import Testing

/// What is wrong with a text, or nothing.
func problems(_ text: String, _ assignments: [String] = []) -> [String] {
    do throws(ConfigurationError) {
        _ = try ConfigurationReader.read(text: text, from: "m.toml", assignments: assignments)
        return []
    } catch {
        return error.problems.map(\.description)
    }
}

@Suite("Reading a configuration") struct ReaderTests {
    @Test func `an empty file leaves every default`() throws {
        #expect(try ConfigurationReader.read(text: "", from: "m.toml") == MartletConfiguration())
    }

    @Test func `each kind of value is read`() throws {
        let text = """
            hostname = "Mail.Example.org."
            postmaster = "root@example.org"

            [listen]
            smtp = ["192.0.2.1:25", "[2001:db8::1]:2525"]
            pop3 = []

            [smtp]
            bare-newlines = "normalise"
            clear-text-authentication = true

            [relay]
            networks = ["192.0.2.0/24", "2001:db8::/32"]

            [limits]
            recipients = 500
            message-size = "10MiB"
            command-timeout = "1m30s"

            [outbound]
            mode = "smart-host"
            smart-host = "smtp.example.net:587"
            security = "required"
            username = "relay"
            password-file = "/etc/martlet/password"

            [resolver]
            servers = ["127.0.0.1:5353", "::1"]
            """
        let read = try ConfigurationReader.read(text: text, from: "m.toml")
        #expect(read.server.hostName?.ascii == "mail.example.org")
        #expect(read.server.postmaster?.description == "root@example.org")
        #expect(read.listen.smtp.map(\.description) == ["192.0.2.1:25", "[2001:db8::1]:2525"])
        #expect(read.listen.pop3 == [])
        #expect(read.smtp.bareNewlines == .normalise)
        #expect(read.smtp.clearTextAuthentication)
        #expect(read.relay.networks.map(\.description) == ["192.0.2.0/24", "2001:db8::/32"])
        #expect(read.limits.recipients == 500)
        #expect(read.limits.messageSize == .mebibytes(10))
        #expect(read.limits.commandTimeout == .seconds(90))
        #expect(read.outbound.mode == .smartHost)
        #expect(read.outbound.smartHost?.description == "smtp.example.net:587")
        #expect(read.outbound.security == .required)
        #expect(read.resolver.servers.map(\.description) == ["127.0.0.1:5353", "[::1]:53"])
        // What the file does not name is as before.
        #expect(read.queue == QueueOptions())
    }

    @Test func `all errors come at once, each with its line`() {
        let text = """
            hostname = 5
            hostnme = "mail.example.org"

            [limits]
            recipients = "many"
            connections = 0
            message-size = "5 parsecs"

            [relay]
            networks = [
                "192.0.2.0/24",
                "192.0.2.0/33",
            ]

            [queue]
            retry = 300

            [nonsense]
            key = 1
            """
        #expect(
            problems(text) == [
                "m.toml:1: hostname: the number 5 is not a host name",
                "m.toml:2: hostnme: there is no such key; did you mean hostname?",
                "m.toml:5: limits.recipients: the text \"many\" is not a number from 1 to 100000",
                "m.toml:6: limits.connections: the number 0 is not a number from 1 to 1000000",
                "m.toml:7: limits.message-size: the text \"5 parsecs\" is not a size such as \"256KiB\" or \"50MiB\", "
                    + "from 1KiB to 16GiB",
                "m.toml:10: relay.networks: the text \"192.0.2.0/33\" is not a network such as \"192.0.2.0/24\" or "
                    + "\"2001:db8::/32\"",
                "m.toml:16: queue.retry: the number 300 is not a duration such as \"90s\", \"5m\", \"4h\" or \"5d\", "
                    + "from 1s to 1d",
                "m.toml:18: nonsense: there is no such key",
            ]
        )
    }

    @Test func `a text that is no TOML is one error with its line`() throws {
        let found = problems("hostname = \"mail.example.org\"\n\n[limits\nrecipients = 5\n")
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("m.toml:3: ") == true, "\(found)")
    }

    @Test(arguments: [
        ("limits = 5", "m.toml:1: limits: it is a table, to be written as [limits]"),
        ("[hostname]\nname = \"a\"", "m.toml:1: hostname: a table is not a host name"),
        ("user = { name = \"x\" }", "m.toml:1: user: a table is not a text"),
        ("[[relay]]\nnetworks = []", "m.toml:1: relay: it is a table, to be written as [relay]"),
        (
            "[limits]\nrecipients = 10.5",
            "m.toml:2: limits.recipients: the number 10.5 is not a number from 1 to 100000"
        ),
        (
            "[outbound]\nmode = \"pigeon\"",
            "m.toml:2: outbound.mode: the text \"pigeon\" is not \"catch\", \"hold\", \"mx\" or \"smart-host\""
        ),
        (
            "[log]\nlevel = true",
            "m.toml:2: log.level: true is not \"debug\", \"info\", \"notice\", \"warning\" or \"error\""
        ),
        (
            "data = 2026-11-23",
            "m.toml:1: data: a date is not a path"
        ),
    ])
    func `a value of another form is an error`(text: String, problem: String) {
        #expect(problems(text) == [problem])
    }

    @Test(arguments: [
        ("[tls]\ncertificate = \"/c.pem\"", "m.toml:2: tls.certificate: tls.key has to name its private key"),
        ("[tls]\nkey = \"/k.pem\"", "m.toml:2: tls.key: tls.certificate has to name its certificate"),
        ("[outbound]\nmode = \"smart-host\"", "m.toml:2: outbound.mode: outbound.smart-host has to name the host"),
        (
            "[outbound]\nport = 26\nusername = \"a\"",
            "m.toml:3: outbound.username: outbound.password-file has to name the file with the password"
        ),
        (
            "[queue]\nlifetime = \"1h\"",
            "m.toml:1: queue.delay-warning: it has to be shorter than queue.lifetime"
        ),
    ])
    func `keys that do not fit together are an error`(text: String, problem: String) {
        #expect(problems(text) == [problem])
    }

    @Test func `lines are found behind strings, lists and inline tables that look like keys`() {
        let text = #"""
            data = """
            hostname = "not a key"
            [limits]
            """
            relay = { networks = ["192.0.2.0/24"] }
            # [limits]
            listen.smtp = [ # recipients = 1
              "[::]:25", '[::1]:25',
            ]
            "limits"."recipients" = 0
            """#
        #expect(
            problems(text) == ["m.toml:10: limits.recipients: the number 0 is not a number from 1 to 100000"]
        )
    }

    @Test func `a file that is not there is an error that names it`() {
        #expect(throws: ConfigurationError.self) { try ConfigurationReader.read(file: "/nonexistent/martlet.toml") }
    }
}
