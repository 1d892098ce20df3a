import ChannelSupport
import Configuration
import Delivery
import DeliveryScheduler
import Foundation
import MailNames
import Testing

@testable import Martlet

@Suite("From a configuration to a plan") struct ServerPlanTests {
    private func plan(_ text: String) throws -> ServerPlan {
        try ServerPlan(try ConfigurationReader.read(text: "hostname = \"mail.example.test\"\n" + text, from: "test"))
    }

    @Test func `each door that has addresses gets its listeners`() throws {
        let plan = try plan(
            "[listen]\nsmtp = [\"127.0.0.1:2525\", \"[::1]:2525\"]\nsubmission = []\nsubmissions = []\npop3 = []\npop3s = []"
        )
        #expect(
            plan.listeners == [
                ServerPlan.Listener(.smtp, .address("127.0.0.1", port: 2525)),
                ServerPlan.Listener(.smtp, .address("::1", port: 2525)),
            ]
        )
        let standard = try self.plan("").listeners
        #expect(Set(standard.map(\.service)) == Set(ServiceName.allCases).subtracting([.lmtp, .odmr, .mtqp]))
        for listener in standard {
            #expect(listener.point == .address("::", port: listener.service.wellKnownPort))
        }
    }

    @Test func `limits reach the rooms that keep them`() throws {
        let plan = try plan(
            """
            [limits]
            recipients = 7
            message-size = "1MiB"
            messages-per-connection = 3
            connections = 11
            connections-per-address = 5
            memory-per-message = "8KiB"
            bad-commands = 4
            failed-logins = 2
            hops = 30
            command-timeout = "10s"
            pop-timeout = "2m"
            [spool]
            max-size = "1GiB"
            min-free = "1MiB"
            """
        )
        #expect(plan.smtpLimits.recipientsPerTransaction == 7)
        #expect(plan.smtpLimits.messageSize == .mebibytes(1))
        #expect(plan.smtpLimits.transactionsPerConnection == 3)
        #expect(plan.connections == ConnectionRegister.Limits(connections: 11, perAddress: 5))
        #expect(plan.contentInMemory == .kibibytes(8))
        #expect(plan.smtpLimits.badCommands == 4 && plan.popLimits.badCommands == 4)
        #expect(plan.smtpLimits.failedAuthentications == 2 && plan.popLimits.failedLogins == 2)
        #expect(plan.admission.hops == 30 && plan.delivery.hops == 30)
        #expect(plan.smtpTimeouts.command == .seconds(10))
        #expect(plan.popTimeouts.inactivity == .seconds(120) && plan.popTimeouts.untilLogin == .seconds(120))
        #expect(plan.spool.maximumSize == .gibibytes(1) && plan.spool.minimumFreeSpace == .mebibytes(1))
    }

    @Test func `what is said of outbound mail and of reports reaches delivery`() throws {
        let plan = try plan(
            """
            [outbound]
            interval-per-destination = "250ms"
            other-hostnames = ["mx2.example.test"]
            [queue]
            double-bounce-recipient = "postmaster@example.test"
            """
        )
        #expect(plan.delivery.scheduler.intervalPerDestination == .milliseconds(250))
        #expect(plan.delivery.otherHostNames.map(\.ascii) == ["mx2.example.test"])
        #expect(plan.delivery.doubleBounceRecipient?.description == "postmaster@example.test")
    }

    @Test func `rules for destinations and pools of addresses reach delivery`() throws {
        let plan = try plan(
            """
            [[egress]]
            name = "main"
            addresses = ["192.0.2.10", "192.0.2.11"]
            weights = [3, 1]
            [[destination]]
            domains = ["slow.test", "*.slow.test"]
            connections = 1
            interval = "2s"
            security = "required"
            [[destination]]
            domains = ["mapped.test"]
            host = "192.0.2.5:2525"
            egress = "main"
            """
        )
        let pool = try [("192.0.2.10", 3), ("192.0.2.11", 1)].map { text, weight in
            SourceAddress(try #require(IPAddress(text)), weight: weight)
        }
        let slow = try Domain(parsing: "slow.test")
        let limits = DestinationLimits(connections: 1, interval: .seconds(2))
        let address = try #require(IPAddress("192.0.2.5"))
        #expect(
            plan.delivery.rules
                == DestinationRules([
                    DestinationRule(patterns: [.domain(slow), .under(slow)], limits: limits, security: .required),
                    DestinationRule(
                        patterns: [.domain(try Domain(parsing: "mapped.test"))],
                        nextHop: .relay(host: .literal(AddressLiteral(address)), port: 2525),
                        sources: pool
                    ),
                ])
        )
    }

    @Test func `a delay warning of zero is none`() throws {
        #expect(try plan("[queue]\ndelay-warning = \"0s\"").delivery.delayWarning == nil)
        #expect(try plan("[queue]\ndelay-warning = \"1h\"").delivery.delayWarning == .seconds(3600))
    }

    @Test func `the smart host logs in with the first line of its password file`() throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("martlet-\(UUID().uuidString)")
        try Data("a secret\nanother line\n".utf8).write(to: file)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file.path)
        defer { try? FileManager.default.removeItem(at: file) }
        let text = """
            [outbound]
            mode = "smart-host"
            smart-host = "smtp.example.net:465"
            security = "implicit"
            username = "relay"
            password-file = "\(file.path)"
            """
        guard case .smartHost(let smartHost) = try plan(text).delivery.outbound else {
            Issue.record("no smart host")
            return
        }
        #expect(smartHost.port == 465)
        #expect(smartHost.security == .implicit)
        #expect(smartHost.credentials?.authenticationIdentity == "relay")
        #expect(smartHost.credentials?.password.bytes == Array("a secret".utf8))
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file.path)
        #expect(throws: ConfigurationError.self) { try plan(text) }
        try FileManager.default.removeItem(at: file)
        #expect(throws: ConfigurationError.self) { try plan(text) }
    }
}
