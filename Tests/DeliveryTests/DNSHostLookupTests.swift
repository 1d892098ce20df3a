import DNSClient
import MailNames
import Testing

@testable import Delivery

@Suite("What DNS says of mail, RFC 5321 section 5.1, RFC 7505") struct DNSHostLookupTests {
    private let resolver = InMemoryResolver()

    private func domain(_ text: String) throws -> Domain { try Domain(parsing: text) }

    @Test func `MX records become exchangers, the root the null one`() async throws {
        resolver.addMailExchanger(20, "b.a.test", of: "a.test")
        resolver.addMailExchanger(10, "c.a.test", of: "a.test")
        resolver.addMailExchanger(0, nil, of: "null.test")
        let lookup = DNSHostLookup(resolver: resolver)
        guard case .found(let found, let text) = await lookup.mailExchangers(of: try domain("a.test")) else {
            Issue.record("not found")
            return
        }
        let expected = [MailExchanger(20, try domain("b.a.test")), MailExchanger(10, try domain("c.a.test"))]
        #expect(Set(found) == Set(expected))
        #expect(text == "MX of a.test: 10 c.a.test, 20 b.a.test")
        guard case .found(let null, _) = await lookup.mailExchangers(of: try domain("null.test")) else {
            Issue.record("not found")
            return
        }
        #expect(null == [MailExchanger(0, nil)])
    }

    @Test func `no records, no name and no answer are told apart`() async throws {
        let address = try #require(IPAddress("192.0.2.1"))
        resolver.addAddress(address, of: "host.test")
        resolver.fail("slow.test", .timedOut)
        let lookup = DNSHostLookup(resolver: resolver)
        let answers = [
            await lookup.mailExchangers(of: try domain("host.test")),
            await lookup.mailExchangers(of: try domain("gone.test")),
            await lookup.mailExchangers(of: try domain("slow.test")),
        ]
        let words = answers.map { answer in
            switch answer {
            case .found: "found"
            case .noRecords: "no records"
            case .noSuchName: "no name"
            case .unavailable: "unavailable"
            }
        }
        #expect(words == ["no records", "no name", "unavailable"])
    }

    @Test func `addresses of both families are tried in turn`() async throws {
        for text in ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"] {
            resolver.addAddress(try #require(IPAddress(text)), of: "host.test")
        }
        let lookup = DNSHostLookup(resolver: resolver)
        guard case .found(let addresses, _) = await lookup.addresses(of: try domain("host.test")) else {
            Issue.record("not found")
            return
        }
        #expect(addresses.map(\.description) == ["2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2"])
    }
}
