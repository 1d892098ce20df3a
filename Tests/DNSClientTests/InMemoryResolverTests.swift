import DNSClient
import MailNames
import Testing

@Suite("Answers from memory") struct InMemoryResolverTests {
    @Test func `what is there, what has no such record, and what is not there are told apart`() async throws {
        let resolver = InMemoryResolver()
        resolver.addMailExchanger(10, "mx.example.test", of: "Example.test")
        let found = try await resolver.lookUp("example.TEST", .mx)
        #expect(found.existence == .found)
        #expect(found.records.compactMap(DNSRecordData.mailExchanger).map(\.host) == ["mx.example.test"])
        #expect(try await resolver.lookUp("example.test", .a).existence == .noData)
        #expect(try await resolver.lookUp("example.org", .a).existence == .noName)
    }

    @Test func `aliases are followed and a loop of them fails`() async throws {
        let resolver = InMemoryResolver()
        resolver.addAlias("www.example.test", of: "host.example.test")
        resolver.addAddress(IPAddress(v4: 192, 0, 2, 1), of: "host.example.test")
        let found = try await resolver.lookUp("www.example.test", .a)
        #expect(found.canonicalName == "host.example.test")
        #expect(found.records == [[192, 0, 2, 1]])
        resolver.addAlias("a.test", of: "b.test")
        resolver.addAlias("b.test", of: "a.test")
        await #expect(throws: DNSFailure(.serverFailure(2), name: "a.test")) { try await resolver.lookUp("a.test", .a) }
    }

    @Test func `a name can be made to fail`() async {
        let resolver = InMemoryResolver()
        resolver.fail("example.test", .timedOut)
        await #expect(throws: DNSFailure(.timedOut, name: "example.test")) {
            try await resolver.lookUp("example.test", .mx)
        }
    }
}
