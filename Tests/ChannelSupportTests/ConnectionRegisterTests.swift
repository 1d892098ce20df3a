import ChannelSupport
import MailBytes
import MailNames
import NIOCore
import NIOEmbedded
import Testing

@Suite("Connections of a service") struct ConnectionRegisterTests {
    private static func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    private static func close(_ channel: EmbeddedChannel) {
        channel.close(promise: nil)
        // Who waits for the end hears of it on the loop's next turn.
        channel.embeddedEventLoop.run()
    }

    @Test func `no more than the limit are there at a time`() throws {
        let register = ConnectionRegister(limits: .init(connections: 2, perAddress: 10))
        let channels = (0..<3).map { _ in EmbeddedChannel() }
        #expect(register.admit(channels[0], from: try Self.address("192.0.2.1")))
        #expect(register.admit(channels[1], from: nil))
        #expect(!register.admit(channels[2], from: try Self.address("192.0.2.2")))
        #expect(register.count == 2)
        Self.close(channels[1])
        #expect(register.count == 1)
        #expect(register.admit(channels[2], from: try Self.address("192.0.2.2")))
        for channel in [channels[0], channels[2]] { Self.close(channel) }
        #expect(register.count == 0)
    }

    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1", "192.0.2.2"), ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1"),
    ]) func `an IPv4 address or an IPv6 slash 64 counts as one`(_ first: String, _ same: String, _ other: String) throws
    {
        let register = ConnectionRegister(limits: .init(connections: 10, perAddress: 1))
        let channels = (0..<3).map { _ in EmbeddedChannel() }
        #expect(register.admit(channels[0], from: try Self.address(first)))
        #expect(!register.admit(channels[1], from: try Self.address(same)))
        #expect(register.admit(channels[2], from: try Self.address(other)))
        Self.close(channels[0])
        #expect(register.admit(channels[1], from: try Self.address(same)))
        for channel in channels.dropFirst() { Self.close(channel) }
    }

    @Test func `whoever was refused takes nobody's place when it closes`() throws {
        let register = ConnectionRegister(limits: .init(connections: 10, perAddress: 1))
        let peer = try Self.address("192.0.2.1")
        let (first, second, third) = (EmbeddedChannel(), EmbeddedChannel(), EmbeddedChannel())
        #expect(register.admit(first, from: peer))
        #expect(!register.admit(second, from: peer))
        Self.close(second)
        #expect(register.count == 1)
        #expect(!register.admit(third, from: peer))
        for channel in [first, third] { Self.close(channel) }
    }

    @Test func `connections whose peer has no address count in all, and against no network`() throws {
        let register = ConnectionRegister(limits: .init(connections: 3, perAddress: 1))
        let channels = (0..<4).map { _ in EmbeddedChannel() }
        #expect(channels.map { register.admit($0, from: nil) } == [true, true, true, false])
        for channel in channels { Self.close(channel) }
        #expect(register.count == 0)
    }

    @Test func `other limits are for those who come`() throws {
        let register = ConnectionRegister(limits: .init(connections: 3, perAddress: 3))
        let channels = (0..<4).map { _ in EmbeddedChannel() }
        let peer = try Self.address("192.0.2.1")
        for channel in channels[..<2] { #expect(register.admit(channel, from: peer)) }
        register.setLimits(.init(connections: 10, perAddress: 1))
        #expect(register.count == 2)
        #expect(!register.admit(channels[2], from: peer))
        register.setLimits(.init(connections: 10, perAddress: 3))
        #expect(register.admit(channels[2], from: peer))
        for channel in channels { Self.close(channel) }
    }

    @Test func `a service that stops knows who is there, and admits nobody`() throws {
        let register = ConnectionRegister(limits: .init())
        let (first, gone, late) = (EmbeddedChannel(), EmbeddedChannel(), EmbeddedChannel())
        #expect(register.admit(first, from: nil))
        #expect(register.admit(gone, from: nil))
        Self.close(gone)
        let left = register.close()
        #expect(left.map { ObjectIdentifier($0) } == [ObjectIdentifier(first)])
        #expect(!register.admit(late, from: nil))
        for channel in [first, late] { Self.close(channel) }
    }

    @Test func `the count is right whoever comes and goes`() throws {
        var random = SplitMix64(seed: 0xC0)
        let register = ConnectionRegister(limits: .init(connections: 6, perAddress: 2))
        var open: [(channel: EmbeddedChannel, peer: Int)] = []
        for round in 0..<2000 {
            if Bool.random(using: &random), let index = open.indices.randomElement(using: &random) {
                Self.close(open.remove(at: index).channel)
            } else {
                let (channel, peer) = (EmbeddedChannel(), Int.random(in: 0..<4, using: &random))
                let isExpected = open.count < 6 && open.filter { $0.peer == peer }.count < 2
                let isAdmitted = register.admit(channel, from: try Self.address("192.0.2.\(peer)"))
                #expect(isAdmitted == isExpected, "seed 0xC0, round \(round)")
                if isAdmitted { open.append((channel, peer)) } else { Self.close(channel) }
            }
            #expect(register.count == open.count, "seed 0xC0, round \(round)")
        }
        for (channel, _) in open { Self.close(channel) }
    }
}
