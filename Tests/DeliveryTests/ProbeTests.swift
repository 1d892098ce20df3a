import MailBytes
import MailNames
import NIOCore
import NIOPosix
import SMTPProtocol
import Synchronization
import Testing

@testable import Delivery

@Suite("What other hosts say of recipients, remembered") struct ProbeTests {
    private final class Host: Sendable {
        private struct State {
            var asked = 0
            var answer = ProbeAnswer.accepted
            var seconds = Int64(1_800_000_000)
        }

        private let state = Mutex(State())

        var asked: Int { state.withLock { $0.asked } }
        var clock: WallClock { WallClock { [self] in Timestamp(seconds: state.withLock { $0.seconds }) } }

        func say(_ answer: ProbeAnswer) { state.withLock { $0.answer = answer } }
        func pass(_ seconds: Int64) { state.withLock { $0.seconds += seconds } }

        func ask() -> ProbeAnswer {
            state.withLock { state in
                state.asked += 1
                return state.answer
            }
        }
    }

    private static let loop = MultiThreadedEventLoopGroup.singleton.any()

    /// However long the machine takes to ask.
    private static var patient: RecipientProbe.Options {
        var options = RecipientProbe.Options()
        options.patience = .seconds(3600)
        return options
    }

    private static func probe(_ host: Host, _ options: RecipientProbe.Options = patient) -> RecipientProbe {
        RecipientProbe(options: options, clock: host.clock, loop: loop) { _ in host.ask() }
    }

    @Test func `an answer holds for its time, each kind its own`() async throws {
        let dan = try EmailAddress(parsing: "dan@remote.test")
        let refused = ProbeAnswer.refused(SMTPReply(550, EnhancedStatus(5, 1, 1), "no"))
        for (answer, lifetime) in [(ProbeAnswer.accepted, Int64(86_400)), (refused, 3600), (.unknown("down"), 60)] {
            let host = Host()
            host.say(answer)
            let probe = Self.probe(host)
            for _ in 0..<2 { #expect(await probe.answer(for: dan) == answer) }
            host.pass(lifetime - 1)
            #expect(await probe.answer(for: dan) == answer)
            #expect(host.asked == 1)
            host.pass(1)
            _ = await probe.answer(for: dan)
            #expect(host.asked == 2)
        }
    }

    @Test func `many who want to know ask once`() async throws {
        let dan = try EmailAddress(parsing: "dan@remote.test")
        let host = Host()
        let probe = RecipientProbe(options: Self.patient, clock: host.clock, loop: Self.loop) { _ in
            try? await Task.sleep(for: .milliseconds(50))
            return host.ask()
        }
        await withTaskGroup { group in
            for _ in 0..<20 { group.addTask { await probe.answer(for: dan) } }
            for await answer in group { #expect(answer == .accepted) }
        }
        #expect(host.asked == 1)
    }

    @Test func `nobody waits longer than the patience, and not too many hosts are asked at a time`() async throws {
        let host = Host()
        var options = RecipientProbe.Options()
        (options.patience, options.concurrency) = (.milliseconds(20), 1)
        let (stream, finish) = AsyncStream.makeStream(of: Void.self)
        let probe = RecipientProbe(options: options, clock: host.clock, loop: Self.loop) { _ in
            for await _ in stream { break }
            return host.ask()
        }
        let answer = await probe.answer(for: try EmailAddress(parsing: "dan@remote.test"))
        #expect(answer == .unknown("its host did not answer in time"))
        let other = await probe.answer(for: try EmailAddress(parsing: "eve@remote.test"))
        #expect(other == .unknown("too many recipients are being asked about"))
        finish.finish()
    }

    @Test func `a full table is emptied`() async throws {
        let host = Host()
        var options = Self.patient
        options.answers = 2
        let probe = Self.probe(host, options)
        for name in ["a", "b", "c", "a"] {
            _ = await probe.answer(for: try EmailAddress(parsing: "\(name)@remote.test"))
        }
        #expect(host.asked == 4)
    }
}
