import ChannelSupport
import NIOCore
import NIOPosix
import Testing

@Suite("Listening sockets") struct ListeningTests {
    private static func bootstrap() -> ServerBootstrap {
        ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
    }

    @Test func `a port that the system chooses is listened on`() async throws {
        let channel = try await Self.bootstrap().listen(on: .address("127.0.0.1", port: 0), for: "smtp")
        let address = try #require(channel.localAddress)
        #expect((address.port ?? 0) > 0)
        #expect(address.mailAddress?.description == "127.0.0.1")
        try await channel.close()
    }

    @Test func `a port in use is an error that says whose and which`() async throws {
        let first = try await Self.bootstrap().listen(on: .address("127.0.0.1", port: 0), for: "smtp")
        let port = try #require(first.localAddress?.port)
        let point = ListeningPoint.address("127.0.0.1", port: port)
        let error = await #expect(throws: ListeningError.self) {
            _ = try await Self.bootstrap().listen(on: point, for: "submission")
        }
        #expect(error?.point == point)
        #expect(error?.service == "submission")
        #expect(error?.description.hasPrefix("submission cannot listen on 127.0.0.1 port \(port): ") == true)
        try await first.close()
    }

    @Test func `an inherited socket that fails is told by its number`() {
        let error = ListeningError(service: "smtp", point: .socket(3), underlying: ChannelError.ioOnClosedChannel)
        #expect(error.description.hasPrefix("smtp cannot listen on the inherited socket 3: "))
    }

    @Test func `a descriptor that is not open is an error, not the end`() async {
        for descriptor: CInt in [-1, 1 << 20] {
            let error = await #expect(throws: ListeningError.self) {
                _ = try await Self.bootstrap().listen(on: .socket(descriptor), for: "smtp")
            }
            #expect(error?.point == .socket(descriptor))
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
