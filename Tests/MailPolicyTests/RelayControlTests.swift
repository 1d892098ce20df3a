import MailNames
import MailPolicy
import SMTPProtocol
import Testing

@Suite("Who may relay") struct RelayControlTests {
    private static func control(_ networks: String...) throws -> RelayControl {
        RelayControl(networks: try networks.map { try #require(IPNetwork($0)) })
    }

    private static func client(_ peer: String?, isAuthenticated: Bool = false) throws -> RelayControl.Client {
        RelayControl.Client(peer: try peer.map { try #require(IPAddress($0)) }, isAuthenticated: isAuthenticated)
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
}
