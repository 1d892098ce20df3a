import MailNames
import MailPolicy
import SMTPProtocol
import Testing

@Suite("Who may relay") struct RelayControlTests {
    private static func control(_ networks: String...) throws -> RelayControl {
        RelayControl(networks: try networks.map { try #require(IPNetwork($0)) })
    }

    private static func client(_ peer: String?, isAuthenticated: Bool = false) throws -> RelayControl.Client {
        RelayControl.Client(
            peer: try peer.map { try #require(IPAddress($0)) },
            account: isAuthenticated ? "Alice@example.test" : nil
        )
    }

    @Test func `nobody may, unless it is allowed`() throws {
        for peer in ["127.0.0.1", "::1", "10.0.0.1", "192.0.2.1", "2001:db8::1", nil] {
            #expect(try !RelayControl().mayRelay(Self.client(peer)).allowed)
        }
    }

    @Test func `whoever logged in may, from anywhere`() throws {
        for peer in ["192.0.2.1", nil] {
            let (allowed, reason) = RelayControl().mayRelay(try Self.client(peer, isAuthenticated: true))
            #expect(allowed)
            #expect(reason == "the client is authenticated")
        }
    }

    @Test func `hosts of the networks may, and their neighbours may not`() throws {
        let control = try Self.control("192.0.2.64/26", "2001:db8:1::/48")
        for peer in ["192.0.2.64", "192.0.2.127", "2001:db8:1::", "2001:db8:1:ffff::1"] {
            #expect(try control.mayRelay(Self.client(peer)).allowed, "\(peer)")
        }
        for peer in ["192.0.2.63", "192.0.2.128", "2001:db8::1", "2001:db8:2::1"] {
            #expect(try !control.mayRelay(Self.client(peer)).allowed, "\(peer)")
        }
        #expect(try control.mayRelay(Self.client("192.0.2.70")).reason.contains("192.0.2.64/26"))
    }

    @Test func `a client without an address is in no network`() throws {
        #expect(try !Self.control("0.0.0.0/0", "::/0").mayRelay(Self.client(nil)).allowed)
    }

    @Test func `an IPv4 client that comes over an IPv6 socket is an IPv4 client`() throws {
        let control = try Self.control("192.0.2.0/24")
        #expect(try control.mayRelay(Self.client("::ffff:192.0.2.1")).allowed)
        #expect(try !control.mayRelay(Self.client("::ffff:192.0.3.1")).allowed)
    }

    @Test func `a verdict tells the operator why, and the client no more than the reply`() {
        let refused = Verdict("relay", .refuse(.relayingDenied), because: "not in relay.networks")
        #expect(refused.line == "relay: refused (550), not in relay.networks")
        #expect(Verdict("relay", .accept, because: "it may").line == "relay: accepted, it may")
        #expect(SMTPReply.relayingDenied.oneLine == "550 5.7.1 Relaying denied")
    }

    @Test func `of the accounts that logged in, those may that are listed`() throws {
        let alice = RelayControl.Client(peer: nil, account: "Alice@example.test")
        let listed = RelayControl(accounts: .listed(["alice@example.test"])).mayRelay(alice)
        #expect(listed.allowed)
        #expect(listed.reason == "Alice@example.test is in relay.accounts")
        #expect(!RelayControl(accounts: .listed(["bob@example.test"])).mayRelay(alice).allowed)
        #expect(!RelayControl(accounts: .listed([])).mayRelay(alice).allowed)
    }

    @Test func `the holder of a listed certificate may`() throws {
        let digits = String(repeating: "0aB", count: 21) + "c"
        let fingerprint = try #require(CertificateFingerprint(digits))
        let control = RelayControl(certificates: [fingerprint])
        #expect(control.mayRelay(.init(peer: nil, certificate: fingerprint)).allowed)
        #expect(!control.mayRelay(.init(peer: nil, certificate: .init(octets: Array(repeating: 1, count: 32)))).allowed)
        #expect(!control.mayRelay(.init(peer: nil)).allowed)
    }

    @Test func `a fingerprint is read with and without colons, and nothing else is one`() throws {
        let octets = (0..<32).map { UInt8($0 * 7) }
        let fingerprint = try #require(CertificateFingerprint(octets: octets))
        #expect(CertificateFingerprint(fingerprint.description) == fingerprint)
        let colons = octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }.joined(separator: ":")
        #expect(CertificateFingerprint(colons) == fingerprint)
        for text in ["", "00", String(repeating: "0", count: 63), String(repeating: "g", count: 64), colons + "0"] {
            #expect(CertificateFingerprint(text) == nil, "\(text)")
        }
    }

    @Test func `anybody may send to listed destinations, but not through them, RFC 5321 appendix F.2`() throws {
        let control = RelayControl(destinations: [try Domain(parsing: "partner.test")])
        let stranger = RelayControl.Client(peer: IPAddress("192.0.2.1"))
        func may(_ text: String, isListed: Bool = false, _ client: RelayControl.Client? = nil) throws -> Bool {
            let address = try EmailAddress(parsing: text)
            return control.mayRelay(client ?? stranger, to: address, isListed: isListed).allowed
        }
        #expect(try may("dan@partner.test"))
        #expect(try may("dan@backup.test", isListed: true))
        for address in ["dan@sub.partner.test", "dan@partner.test.evil.test", "dan@[192.0.2.1]", "dan@test"] {
            #expect(try !may(address), "\(address)")
        }
        for local in ["dan%evil.test", "evil.test!dan", "\"dan@evil.test\"", "\"@evil.test:dan\""] {
            #expect(try !may(local + "@partner.test"), "\(local)")
            #expect(try !may(local + "@backup.test", isListed: true), "\(local)")
            #expect(try may(local + "@partner.test", .init(peer: nil, account: "alice@example.test")), "\(local)")
        }
    }
}
