import DeliveryScheduler
import MailBytes
import MailNames
import SMTPProtocol
import Testing

@testable import Delivery

@Suite("Routing, RFC 5321 section 5.1, RFC 7505") struct RoutingTests {
    private func domain(_ text: String) throws -> Domain { try Domain(parsing: text) }

    private func order(_ records: [(UInt16, String?)], own: [String] = [], seed: UInt64 = 1) throws -> [String] {
        var generator = SplitMix64(seed: seed)
        let exchangers = try records.map { MailExchanger($0.0, try $0.1.map(domain)) }
        let hosts = try MailExchangers.order(
            exchangers,
            domain: try domain("a.test"),
            own: Set(try own.map(domain)),
            using: &generator
        )
        return hosts.map(\.ascii)
    }

    private func status(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "none"
        } catch {
            return (error as? DeliveryFailure)?.status.description ?? "\(error)"
        }
    }

    @Test func `the lowest preference comes first, a host comes once`() throws {
        let hosts = try order([(30, "c.test"), (10, "a.test"), (20, "b.test"), (40, "a.test")])
        #expect(hosts == ["a.test", "b.test", "c.test"])
    }

    @Test func `equal preferences are shuffled`() throws {
        let records: [(UInt16, String?)] = [(10, "a.test"), (10, "b.test"), (10, "c.test"), (20, "z.test")]
        var firsts: Set<String> = []
        for seed in 0..<40 as Range<UInt64> {
            let hosts = try order(records, seed: seed)
            firsts.insert(hosts[0])
            #expect(hosts.last == "z.test", "seed \(seed)")
            #expect(Set(hosts).count == 4, "seed \(seed)")
        }
        #expect(firsts == ["a.test", "b.test", "c.test"])
    }

    @Test func `without MX the domain itself is the host`() throws {
        #expect(try order([]) == ["a.test"])
    }

    @Test func `the null MX means that no mail is taken`() {
        #expect(status { _ = try order([(0, nil)]) } == "5.1.10")
    }

    @Test func `our own name takes itself and what is not better out`() throws {
        let records: [(UInt16, String?)] = [(10, "a.test"), (20, "us.test"), (20, "b.test"), (30, "c.test")]
        #expect(try order(records, own: ["us.test"]) == ["a.test"])
        #expect(status { _ = try order([(10, "us.test"), (20, "b.test")], own: ["us.test"]) } == "5.4.6")
        #expect(status { _ = try order([], own: ["a.test"]) } == "5.4.6")
    }

    @Test func `DNS that says no fails, DNS that says nothing defers`() async throws {
        let lookup = FakeLookup()
        let options = DeliveryOptions(hostName: try domain("us.test"))
        lookup.mxAnswer("gone.test", .noSuchName)
        lookup.mxAnswer("slow.test", .unavailable("time-out"))
        for (name, expected) in [("gone.test", "5.1.2"), ("slow.test", "4.4.3")] {
            var generator = SplitMix64(seed: 1)
            do {
                _ = try await HostList.find(try domain(name), options: options, lookup: lookup, using: &generator)
                Issue.record("\(name) was found")
            } catch {
                #expect((error as? DeliveryFailure)?.status.description == expected)
            }
        }
    }

    @Test(arguments: [
        ("relay.test", "relay.test:25"), ("relay.test:2525", "relay.test:2525"), ("192.0.2.1", "[192.0.2.1]:25"),
        ("[192.0.2.1]:26", "[192.0.2.1]:26"), ("2001:db8::1", "[IPv6:2001:db8::1]:25"),
        ("[2001:db8::1]:587", "[IPv6:2001:db8::1]:587"), ("[IPv6:2001:db8::1]:587", "[IPv6:2001:db8::1]:587"),
        ("lmtp:relay.test", "lmtp:relay.test:24"), ("lmtp:[192.0.2.1]:26", "lmtp:[192.0.2.1]:26"),
        ("lmtp:/run/lmtp", "lmtp:/run/lmtp"),
    ])
    func `next hops are read`(text: String, expected: String) {
        #expect(RelayHost(text)?.description == expected)
    }

    @Test(arguments: [
        "", ":25", "a.test:", "a.test:0", "a.test:70000", "a.test:x", "a b", "[192.0.2.1", "-", "lmtp:", "lmtp:a b",
    ])
    func `what is no next hop is not read`(text: String) {
        #expect(RelayHost(text) == nil)
    }

    @Test func `the mode decides where mail of others goes`() throws {
        let address = try EmailAddress(parsing: "x@far.test")
        var options = DeliveryOptions(hostName: try domain("us.test"))
        options.outbound = .mx
        #expect(
            Route.outbound(address, options: options, override: nil).way == .deliver(.domain(try domain("far.test")))
        )
        options.outbound = .catchAll
        #expect(Route.outbound(address, options: options, override: nil).way == .hold(.caught))
        options.outbound = .hold
        #expect(Route.outbound(address, options: options, override: nil).way == .hold(.byConfiguration))
        let smart = SmartHost(host: .domain(try domain("smart.test")), port: 587)
        options.outbound = .smartHost(smart)
        #expect(
            Route.outbound(address, options: options, override: nil).way
                == .deliver(.relay(host: smart.host, port: 587))
        )
        let override = try #require(RelayHost("other.test:26"))
        #expect(
            Route.outbound(address, options: options, override: override).way
                == .deliver(.relay(host: .domain(try domain("other.test")), port: 26))
        )
    }
}
