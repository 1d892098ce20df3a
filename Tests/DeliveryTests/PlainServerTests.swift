import DeliveryScheduler
import MailEvents
import MailNames
import Testing

@testable import Delivery

@Suite("Hosts with little to offer, and rude ones", .timeLimit(.minutes(15))) struct PlainServerTests {
    private func house(_ server: PlainServer) async throws -> House {
        let port = try await server.start(House.group)
        return try await House { options, _ in
            options.outboundPort = port
            options.scheduler.connectionsPerDestination = 1
        }
    }

    @Test(arguments: [true, false])
    func `a host that reports no successes is reported as relayed`(knowsEHLO: Bool) async throws {
        let server = PlainServer(PlainServer.Ways(knowsEHLO: knowsEHLO))
        let house = try await house(server)
        try await house.submit(from: "bob@home.test", to: "x@far.test") { $0.recipients[0].notify = .success }
        await house.recorder.wait(for: .delivered)
        let left = await house.end()
        #expect(left == 0)
        #expect(server.messages == 1)
        let text = try #require(house.mailboxes.written.first?.text)
        #expect(text.contains("Final-Recipient: rfc822; x@far.test\r\nAction: relayed\r\nStatus: 2.0.0\r\n"))
    }

    @Test func `a connection that was closed after a message is no failure`() async throws {
        let server = PlainServer(PlainServer.Ways(closesAfter: 1))
        let house = try await house(server)
        for _ in 0..<10 { try await house.submit(to: "x@far.test") }
        await house.recorder.wait(for: .relayed, count: 10)
        let left = await house.end()
        #expect(left == 0)
        #expect(server.messages == 10 && server.connections == 10)
        #expect(house.recorder.events(.deferred).isEmpty)
    }

    @Test func `421 is about the host: a hundred messages wait and few ask`() async throws {
        let server = PlainServer(PlainServer.Ways(isBusy: true))
        let house = try await house(server)
        for _ in 0..<100 { try await house.submit(to: "x@far.test") }
        await house.recorder.wait(for: .deferred)
        let destinations = await house.service.destinations
        #expect(destinations.contains { $0.destination == "far.test" && $0.lastError?.contains("421") == true })
        let left = await house.end()
        #expect(left == 100)
        #expect(server.connections <= 5)
    }
}
