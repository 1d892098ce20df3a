import DeliveryScheduler
import MailEvents
import MailNames
import NIOSSL
import SASL
import SMTPProtocol
import Testing

@testable import Delivery

@Suite("Smart host, TLS and log-in", .timeLimit(.minutes(15))) struct SmartHostTests {
    private func smartHost(
        port: Int,
        security: OutboundSecurity,
        user: String = "relay",
        name: String = "smart.test"
    ) throws -> OutboundMode {
        let password = try #require(Password("secret-of-relay"))
        return .smartHost(
            SmartHost(
                host: .domain(try Domain(parsing: name)),
                port: port,
                security: security,
                credentials: PasswordCredentials(authenticationIdentity: user, password: password)
            )
        )
    }

    private func house(
        _ security: OutboundSecurity,
        user: String = "relay",
        name: String = "smart.test",
        isTrusted: Bool = true
    ) async throws -> House {
        var failure: (any Error)?
        let house = try await House(
            role: .submission,
            serverTLS: TestCertificate.serverContext(),
            trusted: isTrusted ? [TestCertificate.certificate()] : []
        ) { options, port in
            do {
                options.outbound = try smartHost(port: port, security: security, user: user, name: name)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        house.lookup.host("smart.test", "127.0.0.1")
        house.lookup.host("other.test", "127.0.0.1")
        return house
    }

    @Test func `mail of all domains goes to the smart host, over TLS that is checked, after a log-in`() async throws {
        let house = try await house(.required)
        try await house.submit(to: "x@one.test", "y@two.test")
        await house.recorder.wait(for: .relayed)
        let left = await house.end()
        #expect(left == 0)
        #expect(house.server.messages.count == 1, "recipients of two domains share a transaction")
        #expect(house.server.messages.first?.account == "relay")
        let attempt = house.recorder.events(.attempted)
        #expect(attempt.contains { $0[.tls]?.hasPrefix("TLSv1") == true })
        #expect(!attempt.contains { $0[.dialogue]?.contains("secret-of-relay") == true })
    }

    @Test func `a certificate for another name is not taken, and the mail waits`() async throws {
        let house = try await house(.required, name: "other.test")
        try await house.submit(to: "x@one.test")
        await house.recorder.wait(for: .deferred)
        let left = await house.end()
        #expect(left == 1)
        #expect(house.server.messages.isEmpty)
    }

    @Test func `a wrong password defers: the operator can mend it while the mail waits`() async throws {
        let house = try await house(.required, user: "somebody")
        try await house.submit(to: "x@one.test")
        await house.recorder.wait(for: .deferred)
        #expect(house.recorder.events(.deferred).first?[.reason]?.contains("logging in") == true)
        let left = await house.end()
        #expect(left == 1)
    }

    @Test func `a smart host on loopback may be logged in to in clear`() async throws {
        var failure: (any Error)?
        let house = try await House(role: .submission, takesClearTextPasswords: true) { options, port in
            do {
                options.outbound = try smartHost(port: port, security: .none)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        house.lookup.host("smart.test", "127.0.0.1")
        try await house.submit(to: "x@one.test")
        await house.recorder.wait(for: .relayed)
        #expect(house.server.messages.first?.account == "relay")
        _ = await house.end()
    }

    @Test(arguments: [
        (OutboundSecurity.opportunistic, false, "192.0.2.1", false), (.opportunistic, true, "192.0.2.1", true),
        (.opportunistic, true, "127.0.0.1", false), (.required, false, "192.0.2.1", true),
        (.implicit, false, "192.0.2.1", true), (.none, true, "192.0.2.1", false),
    ])
    func `where we log in the certificate has to fit, but on loopback`(
        security: OutboundSecurity,
        logsIn: Bool,
        address: String,
        verifies: Bool
    ) throws {
        let address = try #require(IPAddress(address))
        #expect(RelayConnector.verifies(security, logsIn: logsIn, at: address) == verifies)
    }

    @Test func `without TLS where it is required nothing is sent`() async throws {
        let house = try await House()
        let mode = OutboundMode.smartHost(
            SmartHost(host: .domain(try Domain(parsing: "mx.far.test")), port: house.port, security: .required)
        )
        var options = await house.service.options
        options.outbound = mode
        await house.service.reconfigure(options)
        try await house.submit(to: "x@one.test")
        await house.recorder.wait(for: .deferred)
        #expect(house.server.messages.isEmpty)
        _ = await house.end()
    }

    @Test func `opportunistic TLS takes any certificate`() async throws {
        let house = try await House(serverTLS: TestCertificate.serverContext())
        try await house.submit(to: "x@far.test")
        await house.recorder.wait(for: .relayed)
        let left = await house.end()
        #expect(left == 0)
        #expect(house.recorder.events(.attempted).contains { $0[.tls]?.hasPrefix("TLSv1") == true })
    }

    @Test func `opportunistic TLS that does not work is followed by clear text, and that is told`() async throws {
        // The server's context wants a certificate of ours, which we have not.
        let key = try NIOSSLPrivateKey(bytes: Array(TestCertificate.pem.utf8), format: .pem)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: [.certificate(try TestCertificate.certificate())],
            privateKey: .privateKey(key)
        )
        configuration.maximumTLSVersion = .tlsv11
        configuration.minimumTLSVersion = .tlsv1
        let house = try await House(serverTLS: try NIOSSLContext(configuration: configuration))
        try await house.submit(to: "x@far.test")
        await house.recorder.wait(for: .relayed)
        let left = await house.end()
        #expect(left == 0)
        #expect(
            house.recorder.events(.attempted).contains { $0[.reply]?.contains("TLS did not work, in clear") == true }
        )
    }
}
