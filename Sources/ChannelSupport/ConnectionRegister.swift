import MailNames
import NIOCore
import Synchronization

/// The connections of a service: counted, so that they stay within limits, and known, so that they can be ended.
public final class ConnectionRegister: Sendable {
    /// Bounds on connections at the same time.
    public struct Limits: Sendable, Hashable {
        public var connections: Int
        /// Of one IPv4 address or one IPv6 /64, which is what one customer has.
        public var perAddress: Int

        public init(connections: Int = 10_000, perAddress: Int = 100) {
            self.connections = connections
            self.perAddress = perAddress
        }
    }

    private struct State {
        var limits: Limits
        var channels: [ObjectIdentifier: any Channel] = [:]
        var perNetwork: [IPAddress: Int] = [:]
        var isClosed = false
    }

    private let state: Mutex<State>

    public init(limits: Limits) {
        self.state = Mutex(State(limits: limits))
    }

    /// Connections that are open now.
    public var count: Int { state.withLock { $0.channels.count } }

    /// Other limits from now on; who is there stays.
    public func setLimits(_ limits: Limits) { state.withLock { $0.limits = limits } }

    /// Takes a connection in until its channel is closed; `false` when it is one too many, or the service stops.
    public func admit(_ channel: any Channel, from peer: IPAddress?) -> Bool {
        let network = peer?.prefix(peer?.isIPv4 == true ? 32 : 64)
        let id = ObjectIdentifier(channel)
        let isAdmitted = state.withLock { state in
            guard !state.isClosed, state.channels.count < state.limits.connections else { return false }
            if let network {
                let already = state.perNetwork[network, default: 0]
                guard already < state.limits.perAddress else { return false }
                state.perNetwork[network] = already + 1
            }
            state.channels[id] = channel
            return true
        }
        guard isAdmitted else { return false }
        channel.closeFuture.whenComplete { [self] _ in
            state.withLock { state in
                state.channels[id] = nil
                guard let network else { return }
                let left = state.perNetwork[network, default: 1] - 1
                state.perNetwork[network] = left == 0 ? nil : left
            }
        }
        return true
    }

    /// A connection that was taken in from nowhere is one from there: counted with others of its network until it is
    /// closed; `false` when it is one too many.
    public func place(_ channel: any Channel, at peer: IPAddress?) -> Bool {
        guard let network = peer?.prefix(peer?.isIPv4 == true ? 32 : 64) else { return true }
        let isAdmitted = state.withLock { state in
            let already = state.perNetwork[network, default: 0]
            guard already < state.limits.perAddress else { return false }
            state.perNetwork[network] = already + 1
            return true
        }
        guard isAdmitted else { return false }
        channel.closeFuture.whenComplete { [self] _ in
            state.withLock { state in
                let left = state.perNetwork[network, default: 1] - 1
                state.perNetwork[network] = left == 0 ? nil : left
            }
        }
        return true
    }

    /// Admits nobody from now on, and gives those who are there.
    public func close() -> [any Channel] {
        state.withLock { state in
            state.isClosed = true
            return Array(state.channels.values)
        }
    }
}
