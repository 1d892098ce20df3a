import NIOCore
import Synchronization

/// Bodies of messages just committed, so that their delivery reads no disk. Bounded in octets, the oldest go first.
final class RecentContent: Sendable {
    private struct State {
        var bodies: [UInt64: ByteBuffer] = [:]
        var order: [UInt64] = []
        var first = 0
        var size = 0
    }

    private let state = Mutex(State())
    private let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
    }

    func keep(_ body: ByteBuffer, id: UInt64) {
        state.withLock { state in
            state.bodies[id] = body
            state.order.append(id)
            state.size += body.readableBytes
            while state.size > capacity, state.first < state.order.count {
                if let old = state.bodies.removeValue(forKey: state.order[state.first]) {
                    state.size -= old.readableBytes
                }
                state.first += 1
            }
            if state.first > 1024 && state.first > state.order.count / 2 {
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
}
