import DeliveryScheduler
import Foundation
import MailBytes
import MailEvents
import MailNames
import Testing

@testable import Delivery

@Suite("Destinations: rules, addresses to connect from, suspension", .timeLimit(.minutes(15)))
struct DestinationRuleTests {
    @Test func `the exact domain goes before a pattern, the longer pattern before the shorter`() throws {
        func rule(_ connections: Int, _ patterns: DomainPattern...) -> DestinationRule {
            DestinationRule(patterns: patterns, limits: DestinationLimits(connections: connections))
        }
        let rules = DestinationRules([
            rule(1, .all), rule(2, .under(try Domain(parsing: "example.net"))),
            rule(3, .under(try Domain(parsing: "b.example.net"))),
            rule(4, .domain(try Domain(parsing: "x.example.net")), .domain(try Domain(parsing: "other.test"))),
        ])
        let expected = [
            ("example.net", 1), ("a.example.net", 2), ("x.b.example.net", 3), ("x.example.net", 4), ("other.test", 4),
            ("test", 1),
        ]
        for (name, connections) in expected {
            #expect(rules.limits(of: .domain(try Domain(parsing: name)))?.connections == connections, "\(name)")
        }
        #expect(rules.limits(of: .local) == nil)
    }

    @Test func `a domain's mail goes to the host that the configuration names, but not while outbound mail is caught`()
        async throws
    {
        let house = try await House { options, port in
            if let host = RelayHost("[127.0.0.1]:\(port)"), let domain = try? Domain(parsing: "mapped.test") {
                let rule = DestinationRule(patterns: [.domain(domain)], nextHop: host.destination)
                options.rules = DestinationRules([rule])
            }
        }
        try await house.submit(to: "x@mapped.test")
        await house.recorder.wait(for: .relayed)
        #expect(house.recorder.events(.routed).first?[.reason]?.contains("configuration") == true)
        var options = await house.service.options
        options.outbound = .catchAll
        await house.service.reconfigure(options)
        try await house.submit(to: "x@mapped.test")
        await house.recorder.wait(for: .caught)
        #expect(house.server.messages.count == 1)
        _ = await house.end()
    }

    @Test func `connections go out from the addresses of the pool, by their weights`() async throws {
        let sources = try ["127.0.0.11", "127.0.0.12"].map { SourceAddress(try #require(IPAddress($0))) }
        let house = try await House { options, _ in
            options.rules = DestinationRules([DestinationRule(patterns: [.all], sources: sources)])
            options.messagesPerConnection = 1
        }
        for _ in 0..<12 { try await house.submit(to: "x@far.test") }
        await house.recorder.wait(for: .relayed, count: 12)
        let from = house.recorder.events(.attempted).compactMap { $0[.reply] }.filter { $0.hasPrefix("connected from") }
        #expect(from.count == 12)
        #expect(from.allSatisfy { $0 == "connected from 127.0.0.11" || $0 == "connected from 127.0.0.12" })
        _ = await house.end()
    }

    @Test func `weights are shares, and an address of another family is not taken`() throws {
        let four = SourceAddress(try #require(IPAddress("192.0.2.1")), weight: 3)
        let more = SourceAddress(try #require(IPAddress("192.0.2.2")), weight: 1)
        let six = SourceAddress(try #require(IPAddress("2001:db8::1")), weight: 50)
        let target = try #require(IPAddress("198.51.100.1"))
        var generator = SplitMix64(seed: 7)
        var counts: [IPAddress: Int] = [:]
        for _ in 0..<4000 {
            let picked = try #require([four, six, more].pick(for: target, using: &generator))
            counts[picked, default: 0] += 1
        }
        #expect(counts[six.address] == nil)
        #expect((2800...3200).contains(counts[four.address] ?? 0), "\(counts)")
        #expect([six].pick(for: target, using: &generator) == nil)
    }

    @Test func `a suspension is kept over a restart, shown with its reason, and ended`() async throws {
        let file = FileManager.default.temporaryDirectory.path + "/suspended-\(UUID().uuidString).json"
        defer { try? FileManager.default.removeItem(atPath: file) }
        let first = try await House(suspensions: file)
        let wrong = try await first.service.suspend("no such thing", reason: "")
        #expect(!wrong)
        let done = try await first.service.suspend("far.test", reason: "they asked us")
        #expect(done)
        _ = await first.end()
        let second = try await House(suspensions: file)
        let id = try await second.submit(to: "x@far.test")
        await second.recorder.wait(for: .routed)
        let listed = await second.service.list(state: "suspended")
        #expect(listed.map(\.id) == [id.description])
        let shown = await second.service.destinations.first { $0.destination == "far.test" }
        #expect(shown?.suspensionReason == "they asked us" && shown?.suspended != nil)
        let resumed = try await second.service.resume("far.test")
        #expect(resumed == true)
        await second.recorder.wait(for: .relayed)
        let left = await second.end()
        #expect(left == 0)
        let kept = try SuspensionFile(path: file).read()
        #expect(kept.isEmpty)
    }

    @Test func `a list of suspensions that is damaged or of a newer program suspends nothing and is told`() throws {
        let file = FileManager.default.temporaryDirectory.path + "/suspended-\(UUID().uuidString).json"
        defer { try? FileManager.default.removeItem(atPath: file) }
        for text in ["{", "{\"version\":2,\"suspended\":[]}", ""] {
            try Data(text.utf8).write(to: URL(fileURLWithPath: file))
            #expect(throws: SuspensionFile.Failure.self, "\(text)") { try SuspensionFile(path: file).read() }
        }
    }

    @Test(arguments: ["far.test", "[192.0.2.1]", "[IPv6:2001:db8::1]", "relay.test:587", "[192.0.2.1]:25", "local"])
    func `destinations are named as they are shown`(text: String) throws {
        let destination = try #require(Destination(named: text))
        #expect(destination.description == text)
        #expect(Destination(named: destination.description) == destination)
    }
}
