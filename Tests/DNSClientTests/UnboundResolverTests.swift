import Foundation
import Testing

@testable import DNSClient

@Suite("Look-ups through libunbound", .timeLimit(.minutes(15))) struct UnboundResolverTests {
    private let wireHost: [UInt8] =
        [2] + Array("mx".utf8) + [7] + Array("example".utf8) + [4] + Array("test".utf8) + [0]

    private func resolver(
        _ server: TestNameServer,
        timeout: Duration = .seconds(3600),
        atOnce: Int = 100,
        waiting: Int = 1000
    ) throws -> UnboundResolver {
        var options = UnboundResolver.Options()
        options.forwarders = [server.resolver]
        options.timeout = timeout
        options.concurrentLookups = atOnce
        options.waitingLookups = waiting
        return try UnboundResolver(options)
    }

    private func failure(_ resolver: UnboundResolver, _ name: String, _ type: DNSRecordType = .a) async -> DNSFailure? {
        do throws(DNSFailure) {
            _ = try await resolver.lookUp(name, type)
            return nil
        } catch {
            return error
        }
    }

    @Test func `names under test are asked of the resolver that was named`() async throws {
        let server = try TestNameServer([
            "example.test 15": .records([[0, 10] + wireHost, [0, 20] + wireHost]),
            "mx.example.test 1": .records([[192, 0, 2, 1]]),
        ])
        defer { server.close() }
        let resolver = try resolver(server)
        let answer = try await resolver.lookUp("Example.Test.", .mx)
        #expect(answer.existence == .found)
        #expect(answer.security == .insecure)
        #expect(answer.timeToLive == .seconds(60))
        #expect(answer.canonicalName == "example.test")
        #expect(answer.records.compactMap(DNSRecordData.mailExchanger).map(\.preference).sorted() == [10, 20])
        #expect(try await resolver.lookUp("mx.example.test", .a).records == [[192, 0, 2, 1]])
    }

    @Test(arguments: [
        "localhost", "nobody.invalid", "1.0.0.127.in-addr.arpa", "1.0.0.10.in-addr.arpa", "5.1.16.172.in-addr.arpa",
    ])
    func `no built-in zone hides what the resolver knows`(name: String) async throws {
        let server = try TestNameServer(["\(name) 12": .records([wireHost])])
        defer { server.close() }
        let answer = try await resolver(server).lookUp(name, .ptr)
        #expect(answer.records.compactMap(DNSRecordData.name) == ["mx.example.test"])
    }

    @Test func `a name that is not there, a record that is not there and a failure are told apart`() async throws {
        let server = try TestNameServer(["empty.test 1": .records([]), "broken.test 1": .code(2)])
        defer { server.close() }
        let resolver = try resolver(server)
        #expect(try await resolver.lookUp("missing.test", .a).existence == .noName)
        #expect(try await resolver.lookUp("empty.test", .a).existence == .noData)
        #expect(await failure(resolver, "broken.test")?.reason == .serverFailure(2))
        #expect(await failure(resolver, "not a name")?.reason == .invalidName)
    }

    @Test func `a silent server costs no longer than the time-out`() async throws {
        let server = try TestNameServer(["silent.test 1": .silence, "there.test 1": .records([[192, 0, 2, 1]])])
        defer { server.close() }
        let resolver = try resolver(server, timeout: .milliseconds(300))
        let clock = ContinuousClock()
        let took = await clock.measure { #expect(await failure(resolver, "silent.test")?.reason == .timedOut) }
        #expect(took >= .milliseconds(250))
        #expect(took < .seconds(250))
        // The resolver goes on.
        var found: DNSAnswer?
        while found == nil { found = try? await resolver.lookUp("there.test", .a) }
        #expect(found?.existence == .found)
    }

    /// Does something once the server was asked, on a thread of its own: libunbound gives up after some time, and the pool's threads may
    /// be busy with other tests.
    private func once(_ question: String, isAskedOf server: TestNameServer, _ body: @escaping @Sendable () -> Void) {
        Thread.detachNewThread {
            while server.count(question) == 0 { usleep(1000) }
            body()
        }
    }

    @Test func `questions that are asked by many at a time go out once`() async throws {
        let server = try TestNameServer(["busy.test 1": .records([[192, 0, 2, 1]])])
        defer { server.close() }
        server.hold()
        let resolver = try resolver(server)
        once("busy.test 1", isAskedOf: server) {
            usleep(300_000)
            server.release()
        }
        let answers = try await withThrowingTaskGroup(of: DNSAnswer.self) { group in
            for index in 0..<50 {
                group.addTask { try await resolver.lookUp(index % 2 == 0 ? "busy.test" : "Busy.TEST.", .a) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers.count == 50)
        #expect(answers.allSatisfy { $0.records == [[192, 0, 2, 1]] })
        // libunbound repeats a datagram that is not answered soon, which the held server makes likely on a busy machine.
        #expect(server.count("busy.test 1") < 10)
    }

    @Test func `a thousand names are answered with ten asked at a time`() async throws {
        let replies = (0..<1000).map {
            ("n\($0).test 1", TestNameServer.Reply.records([[10, 0, UInt8($0 >> 8), UInt8($0 & 255)]]))
        }
        let server = try TestNameServer(Dictionary(uniqueKeysWithValues: replies))
        defer { server.close() }
        let resolver = try resolver(server, atOnce: 10)
        let right = try await withThrowingTaskGroup(of: Bool.self) { group in
            for index in 0..<1000 {
                group.addTask {
                    try await resolver.lookUp("n\(index).test", .a).records == [
                        [10, 0, UInt8(index >> 8), UInt8(index & 255)]
                    ]
                }
            }
            return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(right == 1000)
    }

    @Test func `more than may wait fail at once`() async throws {
        let server = try TestNameServer([:])
        defer { server.close() }
        server.hold()
        let resolver = try resolver(server, atOnce: 1, waiting: 1)
        let failures = await withTaskGroup(of: DNSFailure?.self) { group in
            for index in 0..<20 { group.addTask { await failure(resolver, "n\(index).test") } }
            var failures: [DNSFailure] = []
            for await failure in group {
                if let failure { failures.append(failure) }
                // One is asked and at most a few have waited: the others have failed by now.
                if failures.count == 15 { server.release() }
            }
            return failures
        }
        #expect(failures.count { $0.reason == .resolver("too many look-ups wait already") } >= 15)
    }

    @Test func `a cancelled task does not wait`() async throws {
        let server = try TestNameServer(["silent.test 1": .silence])
        defer { server.close() }
        let resolver = try resolver(server)
        let task = Task { await failure(resolver, "silent.test") }
        once("silent.test 1", isAskedOf: server) { task.cancel() }
        #expect(await task.value?.reason == .resolver("nobody waits for the answer"))
    }

    @Test func `closing fails what waits and what is asked later`() async throws {
        let server = try TestNameServer(["silent.test 1": .silence])
        defer { server.close() }
        let resolver = try resolver(server)
        once("silent.test 1", isAskedOf: server) { resolver.close() }
        let task = Task { await failure(resolver, "silent.test") }
        #expect(await task.value?.reason == .resolver("closed"))
        #expect(await failure(resolver, "silent.test")?.reason == .resolver("closed"))
    }

    @Test func `a resolver that cannot be is an error that names it`() {
        var options = UnboundResolver.Options()
        options.forwarders = ["not an address"]
        #expect(throws: UnboundResolver.SetupError.self) { try UnboundResolver(options) }
        options = UnboundResolver.Options()
        options.trustAnchorFile = "/nonexistent/root.key"
        #expect(throws: UnboundResolver.SetupError.self) { try UnboundResolver(options) }
    }
}
