import ChannelSupport
import NIOCore
import NIOPosix
import Testing

@Suite("Listening sockets") struct ListeningTests {
    private static func listen(on point: ListeningPoint, for service: String = "smtp") async throws -> [any Channel] {
        try await point.listen(for: service, on: MultiThreadedEventLoopGroup.singleton) { $0 }
    }

    @Test func `a port that the system chooses is listened on, by every loop`() async throws {
        let channels = try await Self.listen(on: .address("127.0.0.1", port: 0))
        #expect(channels.count == Array(MultiThreadedEventLoopGroup.singleton.makeIterator()).count)
        #expect(Set(channels.map { ObjectIdentifier($0.eventLoop) }).count == channels.count)
        #expect(Set(channels.map { $0.localAddress?.port }).count == 1)
        let address = try #require(channels[0].localAddress)
        #expect((address.port ?? 0) > 0)
        #expect(address.mailAddress?.description == "127.0.0.1")
        for channel in channels { try await channel.close() }
    }

    @Test func `an accepted connection is served by the loop that took it, and waits for no full packets`() async throws
    {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let accepted = group.any().makePromise(of: (any Channel).self)
        let channels = try await ListeningPoint.address("127.0.0.1", port: 0).listen(for: "smtp", on: group) {
            $0.childChannelInitializer { channel in
                accepted.succeed(channel)
                return channel.eventLoop.makeSucceededVoidFuture()
            }
        }
        let client = try await ClientBootstrap(group: group).connect(to: try #require(channels[0].localAddress)).get()
        let served = try await accepted.futureResult.get()
        #expect(channels.contains { $0.eventLoop === served.eventLoop })
        #expect(try await served.getOption(.tcpOption(.tcp_nodelay)).get() == 1)
        try await client.close()
        for channel in channels { try await channel.close() }
        try await group.shutdownGracefully()
    }

    @Test func `a port in use is an error that says whose and which, also when it was bound beforehand`() async throws {
        let first = try await Self.listen(on: .address("127.0.0.1", port: 0))
        let port = try #require(first[0].localAddress?.port)
        let point = ListeningPoint.address("127.0.0.1", port: port)
        let error = await #expect(throws: ListeningError.self) { try await Self.listen(on: point, for: "submission") }
        #expect(error?.point == point)
        #expect(error?.service == "submission")
        #expect(error?.description == "submission cannot listen on 127.0.0.1 port \(port): Address already in use")
        #expect(throws: ListeningError.self) { try point.bound(for: "submission", count: 1) }
        for channel in first { try await channel.close() }
    }

    @Test func `a socket that was bound beforehand is listened on`() async throws {
        let bound = try ListeningPoint.address("127.0.0.1", port: 0).bound(for: "smtp", count: 1)
        #expect(try bound.bound(for: "smtp", count: 3) == bound)
        let channels = try await Self.listen(on: bound)
        #expect(channels.count == 1)
        let client = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(to: try #require(channels[0].localAddress)).get()
        try await client.close()
        for channel in channels { try await channel.close() }
    }

    @Test func `an inherited socket that fails is told by its number`() {
        let error = ListeningError(service: "smtp", point: .sockets([3]), underlying: ChannelError.ioOnClosedChannel)
        #expect(error.description.hasPrefix("smtp cannot listen on the inherited socket 3: "))
    }

    @Test func `a descriptor that is not open is an error, not the end`() async {
        for descriptor: CInt in [-1, 1 << 20] {
            let error = await #expect(throws: ListeningError.self) { try await Self.listen(on: .sockets([descriptor])) }
            #expect(error?.point == .sockets([descriptor]))
        }
    }

    @Test func `this machine's own addresses and Unix sockets are loopback`() throws {
        for text in ["127.0.0.1", "127.8.9.1", "::1"] {
            #expect(try SocketAddress(ipAddress: text, port: 25).isLoopback)
        }
        for text in ["192.0.2.1", "128.0.0.1", "::2", "2001:db8::1"] {
            #expect(try !SocketAddress(ipAddress: text, port: 25).isLoopback)
        }
        #expect(try SocketAddress(unixDomainSocketPath: "/run/socket").isLoopback)
    }

    @Test func `a peer's address is told without its port`() throws {
        for text in ["192.0.2.1", "2001:db8::1", "::1"] {
            let address = try SocketAddress(ipAddress: text, port: 25)
            #expect(address.mailAddress?.description == text)
        }
        #expect(try SocketAddress(unixDomainSocketPath: "/run/socket").mailAddress == nil)
    }
}
