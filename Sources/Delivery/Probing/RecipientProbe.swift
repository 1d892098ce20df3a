import MailBytes
import MailNames
import NIOCore
import Synchronization

/// Answers about recipients of other hosts: from memory where they are known, else by asking once, however many want to know.
public final class RecipientProbe: Sendable {
    /// How long answers hold, and what is borne.
    public struct Options: Sendable, Hashable {
        public var positive: Duration = .seconds(86_400)
        public var negative: Duration = .seconds(3600)
        /// How long a host that could not be asked is left alone about the recipient.
        public var unknown: Duration = .seconds(60)
        /// How long somebody waits for an answer.
        public var patience: Duration = .seconds(20)
        /// Answers that are kept; a full table is emptied.
        public var answers = 65_536
        /// Recipients that are asked about at the same time. Beyond that nothing can be told.
        public var concurrency = 64

        public init() {}
    }

    private struct State {
        var options: Options
        var known: [EmailAddress: (answer: ProbeAnswer, until: Timestamp)] = [:]
        /// Those who wait, by what they wait for and a number of their own.
        var waiting: [EmailAddress: [Int: CheckedContinuation<ProbeAnswer, Never>]] = [:]
        var count = 0
    }

    private enum Step {
        case answer(ProbeAnswer)
        case wait(number: Int, asks: Bool, patience: Duration)
    }

    private let state: Mutex<State>
    private let clock: WallClock
    private let loop: any EventLoop
    private let ask: @Sendable (EmailAddress) async -> ProbeAnswer

    /// Asks through a delivery service.
    public convenience init(_ delivery: DeliveryService, options: Options = Options(), clock: WallClock) {
        self.init(options: options, clock: clock, loop: delivery.eventLoop) { await delivery.probe($0) }
    }

    init(
        options: Options,
        clock: WallClock,
        loop: any EventLoop,
        ask: @escaping @Sendable (EmailAddress) async -> ProbeAnswer
    ) {
        self.state = Mutex(State(options: options))
        self.clock = clock
        self.loop = loop
        self.ask = ask
    }

    /// Other options from now on; what is known stays known as long as it was to.
    public func setOptions(_ options: Options) { state.withLock { $0.options = options } }

    /// What the recipient's host says of it, within the patience.
    public func answer(for address: EmailAddress) async -> ProbeAnswer {
        if let known = known(address) { return known }
        return await withCheckedContinuation { continuation in
            switch enter(address, continuation) {
            case .answer(let answer): continuation.resume(returning: answer)
            case .wait(let number, let asks, let patience):
                loop.scheduleTask(in: TimeAmount(patience)) { [self] in giveUp(address, number) }
                if asks { Task { finish(address, await ask(address)) } }
            }
        }
    }

    private func known(_ address: EmailAddress) -> ProbeAnswer? {
        let now = clock.now()
        return state.withLock { state in
            guard let entry = state.known[address] else { return nil }
            if entry.until > now { return entry.answer }
            state.known[address] = nil
            return nil
        }
    }

    private func enter(_ address: EmailAddress, _ continuation: CheckedContinuation<ProbeAnswer, Never>) -> Step {
        let now = clock.now()
        return state.withLock { state in
            if let entry = state.known[address], entry.until > now { return .answer(entry.answer) }
            let asks = state.waiting[address] == nil
            guard !asks || state.waiting.count < state.options.concurrency else {
                return .answer(.unknown("too many recipients are being asked about"))
            }
            state.count += 1
            state.waiting[address, default: [:]][state.count] = continuation
            return .wait(number: state.count, asks: asks, patience: state.options.patience)
        }
    }

    /// Whoever waited long enough goes; the question stays open until it is answered, and counts as long.
    private func giveUp(_ address: EmailAddress, _ number: Int) {
        let continuation = state.withLock { $0.waiting[address]?.removeValue(forKey: number) }
        continuation?.resume(returning: .unknown("its host did not answer in time"))
    }

    private func finish(_ address: EmailAddress, _ answer: ProbeAnswer) {
        let now = clock.now()
        let waiting = state.withLock { state in
            let lifetime =
                switch answer {
                case .accepted: state.options.positive
                case .refused: state.options.negative
                case .unknown: state.options.unknown
                }
            if state.known.count >= state.options.answers { state.known.removeAll(keepingCapacity: true) }
            state.known[address] = (answer, now + lifetime)
            return state.waiting.removeValue(forKey: address) ?? [:]
        }
        for continuation in waiting.values { continuation.resume(returning: answer) }
    }
}
