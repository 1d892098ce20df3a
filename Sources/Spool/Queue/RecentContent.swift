import NIOCore
import Synchronization

/// Bodies of messages just committed, so that their delivery reads no disk. Bounded in octets, the oldest go first.
final class RecentContent: Sendable {
    private struct State {
        var bodies: [UInt64: ByteBuffer] = [:]
        /// Ids from the oldest on, among them such as were forgotten; those before `first` are gone.
        var order: [UInt64] = []
        var first = 0
        var size = 0

        mutating func dropOldest() {
            if let old = bodies.removeValue(forKey: order[first]) { size -= old.readableBytes }
            first += 1
        }
    }

    private let state = Mutex(State())
    private let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
    }

    func keep(_ body: ByteBuffer, id: UInt64) {
        state.withLock { state in
            if let old = state.bodies.updateValue(body, forKey: id) { state.size -= old.readableBytes }
            state.order.append(id)
            state.size += body.readableBytes
            while state.first < state.order.count,
                state.size > capacity || state.bodies[state.order[state.first]] == nil
            {
                state.dropOldest()
            }
            // Holes in the middle are few, for messages come and go in about the same order; should they not be, they go here.
            if state.order.count - state.first > 2 * state.bodies.count + 1024 {
                state.order = state.order[state.first...].filter { state.bodies[$0] != nil }
                state.first = 0
            } else if state.first > 1024 && state.first > state.order.count / 2 {
                state.order.removeFirst(state.first)
                state.first = 0
            }
        }
    }

    func body(of id: UInt64) -> ByteBuffer? { state.withLock { $0.bodies[id] } }

    func forget(_ id: UInt64) {
        state.withLock { state in
            if let old = state.bodies.removeValue(forKey: id) { state.size -= old.readableBytes }
        }
    }

    /// What it holds, for tests.
    var usage: (bodies: Int, ids: Int, octets: Int) {
        state.withLock { ($0.bodies.count, $0.order.count - $0.first, $0.size) }
    }
}
