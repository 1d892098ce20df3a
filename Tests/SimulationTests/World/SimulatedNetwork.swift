import MailBytes

/// Connections that deliver octets late, in pieces, and break.
final class SimulatedNetwork {
    let time: SimulatedTime
    private var random: SplitMix64
    /// One in so many pieces is answered with a reset; never for 0.
    var resets: UInt = 0
    /// The longest that a piece takes, in microseconds.
    var latency: UInt = 50_000

    init(time: SimulatedTime, seed: UInt64) {
        self.time = time
        random = SplitMix64(seed: seed)
    }

    /// Two ends that are connected from now on.
    func connect() -> (SimulatedConnection, SimulatedConnection) {
        let (left, right) = (SimulatedConnection(self), SimulatedConnection(self))
        left.peer = right
        right.peer = left
        return (left, right)
    }

    fileprivate func carry(_ bytes: [UInt8], to end: SimulatedConnection) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(1 + Int(random.next(upperBound: UInt(chance(3) ? 8 : 4096))))
            rest = rest.dropFirst(piece.count)
            let breaks = resets > 0 && chance(resets)
            arrive(at: end) { breaks ? end.reset() : end.received?(Array(piece)) }
        }
    }

    fileprivate func carryEnd(to end: SimulatedConnection) {
        arrive(at: end) { end.end() }
    }

    /// In the order in which it was sent.
    private func arrive(at end: SimulatedConnection, _ action: @escaping () -> Void) {
        end.lastArrival = max(end.lastArrival, time.microseconds + Int64(random.next(upperBound: latency + 1)))
        time.after(end.lastArrival - time.microseconds) { if !end.isOver { action() } }
    }

    private func chance(_ one: UInt) -> Bool { random.next(upperBound: one) == 0 }
}

/// One end of a connection.
final class SimulatedConnection {
    private let network: SimulatedNetwork
    fileprivate weak var peer: SimulatedConnection?
    fileprivate var lastArrival: Int64 = 0
    private(set) var isOver = false
    /// Set by whoever has this end.
    var received: (([UInt8]) -> Void)?
    var lost: (() -> Void)?

    fileprivate init(_ network: SimulatedNetwork) { self.network = network }

    func send(_ bytes: [UInt8]) {
        guard !isOver, let peer else { return }
        network.carry(bytes, to: peer)
    }

    /// Closes behind what was sent; this end hears nothing more.
    func close() {
        guard !isOver else { return }
        if let peer { network.carryEnd(to: peer) }
        fall(tells: false)
    }

    /// Breaks off at once; what is under way is lost.
    func reset() {
        guard !isOver else { return }
        let peer = self.peer
        fall(tells: true)
        if let peer, !peer.isOver { peer.fall(tells: true) }
    }

    /// As `reset`, by a host that has crashed and hears nothing of it.
    func vanish() {
        guard !isOver else { return }
        let peer = self.peer
        fall(tells: false)
        if let peer, !peer.isOver { peer.fall(tells: true) }
    }

    fileprivate func end() { fall(tells: true) }

    private func fall(tells: Bool) {
        guard !isOver else { return }
        isOver = true
        let lost = tells ? self.lost : nil
        self.lost = nil
        received = nil
        lost?()
    }
}
