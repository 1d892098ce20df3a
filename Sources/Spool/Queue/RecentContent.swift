import NIOCore
import Synchronization

/// Bodies of messages just committed, so that their delivery reads no disk. Bounded in octets, the oldest go first.
final class RecentContent: Sendable {
    private struct State {
        var bodies: [UInt64: [ByteBuffer]] = [:]
        /// Ids from the oldest on, among them such as were forgotten; those before `first` are gone.
        var order: [UInt64] = []
        var first = 0
        var size = 0

        mutating func dropOldest() {
            forget(order[first])
            first += 1
        }

        mutating func forget(_ id: UInt64) {
            if let old = bodies.removeValue(forKey: id) { size -= RecentContent.octets(of: old) }
        }
    }

    private let state = Mutex(State())
    private let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
    }

    private static func octets(of buffers: [ByteBuffer]) -> Int { buffers.reduce(0) { $0 + $1.readableBytes } }

    /// - Parameter buffers: the body in pieces that follow each other; they are joined when somebody wants it.
    func keep(_ buffers: [ByteBuffer], id: UInt64) {
        state.withLock { state in
            if let old = state.bodies.updateValue(buffers, forKey: id) { state.size -= Self.octets(of: old) }
            state.order.append(id)
            state.size += Self.octets(of: buffers)
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

    func body(of id: UInt64) -> ByteBuffer? {
        guard let buffers = state.withLock({ $0.bodies[id] }), var whole = buffers.first else { return nil }
        for buffer in buffers.dropFirst() { whole.writeImmutableBuffer(buffer) }
        return whole
    }

    func forget(_ id: UInt64) { state.withLock { $0.forget(id) } }

    /// What it holds, for tests.
    var usage: (bodies: Int, ids: Int, octets: Int) {
        state.withLock { ($0.bodies.count, $0.order.count - $0.first, $0.size) }
    }
}
