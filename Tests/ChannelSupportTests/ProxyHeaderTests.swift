import ChannelSupport
import MailBytes
import MailNames
import NIOCore
import NIOEmbedded
import Testing

@Suite("The PROXY protocol, versions 1 and 2") struct ProxyHeaderTests {
    private static func read(_ octets: [UInt8]) -> ProxyHeader.Reading { ProxyHeader.read(octets.span) }

    private static func read(_ text: String) -> ProxyHeader.Reading { read(Array(text.utf8)) }

    private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10]

    private static func binary(_ command: UInt8, _ family: UInt8, _ rest: [UInt8]) -> [UInt8] {
        signature + [0x20 | command, family, UInt8(rest.count >> 8), UInt8(rest.count & 255)] + rest
    }

    private static let v4: [UInt8] = [192, 0, 2, 1, 192, 0, 2, 2, 0x9C, 0x40, 0, 25]

    @Test func `a line names the client`() throws {
        let line = "PROXY TCP4 192.0.2.1 192.0.2.2 40000 25\r\n"
        let client = try #require(IPAddress("192.0.2.1"))
        #expect(Self.read(line + "EHLO x\r\n") == .header(.client(client, port: 40_000), length: line.utf8.count))
        let six = try #require(IPAddress("2001:db8::1"))
        let long = "PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n"
        #expect(Self.read(long) == .header(.client(six, port: 1), length: long.utf8.count))
    }

    @Test(arguments: ["PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"])
    func `a proxy that does not know speaks for itself`(line: String) {
        #expect(Self.read(line) == .header(.proxyItself, length: line.utf8.count))
    }

    @Test(arguments: [
        "EHLO x\r\n", "PROXY\r\n", "proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
        "PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n", "PROXY TCP4 2001:db8::1 192.0.2.2 1 2\r\n",
        "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n",
        "PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n", "PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1\t192.0.2.2 1 2\r\n",
    ])
    func `what is no line of the protocol is no header`(line: String) {
        #expect(Self.read(line) == .invalid)
    }

    @Test func `a line has at most 107 octets`() {
        let start = "PROXY UNKNOWN " + String(repeating: "x", count: 91)
        #expect(Self.read(start + "\r\n") == .header(.proxyItself, length: 107))
        #expect(Self.read(start + "x\r\n") == .invalid)
        #expect(Self.read(start + "x") == .incomplete)
    }

    @Test func `a binary header names the client, extensions and all`() throws {
        let client = try #require(IPAddress("192.0.2.1"))
        let plain = Self.binary(1, 0x11, Self.v4)
        #expect(Self.read(plain) == .header(.client(client, port: 40_000), length: 28))
        let extended = Self.binary(1, 0x11, Self.v4 + [4, 0, 3, 1, 2, 3])
        #expect(Self.read((extended + [65])) == .header(.client(client, port: 40_000), length: 34))
        let six = try #require(IPAddress("2001:db8::1"))
        let address: [UInt8] = six.bytes + six.bytes + [0, 1, 0, 2]
        #expect(Self.read(Self.binary(1, 0x21, address)) == .header(.client(six, port: 1), length: 52))
    }

    @Test func `LOCAL, no family and Unix sockets are the proxy itself`() {
        for header in [
            Self.binary(0, 0x11, Self.v4), Self.binary(0, 0, []), Self.binary(1, 0, [1, 2, 3]),
            Self.binary(1, 0x31, [UInt8](repeating: 0, count: 216)),
        ] {
            #expect(Self.read(header) == .header(.proxyItself, length: header.count))
        }
    }

    @Test func `what is no binary header is none`() {
        var wrongVersion = Self.binary(1, 0x11, Self.v4)
        wrongVersion[12] = 0x11
        for octets in [
            wrongVersion, Self.binary(2, 0x11, Self.v4), Self.binary(1, 0x41, Self.v4), Self.binary(1, 0x13, Self.v4),
            Self.binary(1, 0x12, Self.v4), Self.binary(1, 0x11, Array(Self.v4.dropLast())),
            Self.binary(1, 0x21, Self.v4), Self.binary(0, 0, [UInt8](repeating: 0, count: 4081)),
        ] {
            #expect(Self.read(octets) == .invalid)
        }
    }

    @Test func `every beginning of a header is incomplete, and nothing ends the program`() {
        let line = Array("PROXY TCP4 192.0.2.1 192.0.2.2 40000 25\r\n".utf8)
        for whole in [line, Self.binary(1, 0x11, Self.v4)] {
            for count in 0..<whole.count {
                #expect(Self.read(Array(whole.prefix(count))) == .incomplete, "\(count)")
            }
        }
        var generator = SplitMix64(seed: 0x7072_6F78)
        for round in 0..<5000 {
            var octets = round % 2 == 0 ? line : Self.binary(1, 0x11, Self.v4 + [1, 0, 1, 7])
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                octets[Int.random(in: octets.indices, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            guard case .header(_, let length) = Self.read(octets) else { continue }
            #expect(length <= octets.count && length <= ProxyHeader.sizeLimit, "seed 0x70726F78, round \(round)")
        }
    }

    // MARK: The handler

    private final class Service: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        var heard = ""
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            heard += String(buffer: unwrapInboundIn(data))
        }
    }

    @Test func `the service hears what follows the header, cut wherever it may be`() throws {
        let octets = Array("PROXY TCP4 192.0.2.1 192.0.2.2 40000 25\r\nEHLO x\r\n".utf8)
        for cut in 0..<octets.count {
            let service = Service()
            var client: IPAddress?
            let channel = EmbeddedChannel()
            let handler = ProxyHeaderHandler { channel, address in
                client = address
                try channel.pipeline.syncOperations.addHandler(service)
            }
            try channel.pipeline.syncOperations.addHandler(handler)
            channel.pipeline.fireChannelActive()
            for piece in [octets[..<cut], octets[cut...]] where !piece.isEmpty {
                try channel.writeInbound(ByteBuffer(bytes: piece))
            }
            #expect(service.heard == "EHLO x\r\n", "cut at \(cut)")
            #expect(client == IPAddress("192.0.2.1"))
            _ = try channel.finish()
        }
    }

    @Test func `a connection without a header, or one that is late, is closed`() throws {
        for octets in ["EHLO x\r\n", "PROX", ""] {
            let channel = EmbeddedChannel()
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
            let handler = ProxyHeaderHandler { _, _ in Issue.record("a client was welcomed") }
            try channel.pipeline.syncOperations.addHandler(handler)
            if !octets.isEmpty { try channel.writeInbound(ByteBuffer(string: octets)) }
            channel.embeddedEventLoop.advanceTime(by: ProxyHeaderHandler.patience)
            #expect(!channel.isActive)
        }
    }
}
