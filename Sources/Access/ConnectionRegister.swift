import NIOCore
import Synchronization

/// The connections of a service: counted, so that they stay within limits, and known, so that they can be ended.
final class ConnectionRegister: Sendable {
    private struct State {
        var limits: POPServerOptions.Limits
        var channels: [ObjectIdentifier: any Channel] = [:]
        var perNetwork: [PeerNetwork: Int] = [:]
        var isClosed = false
    }

    private let state: Mutex<State>

    init(limits: POPServerOptions.Limits) { self.state = Mutex(State(limits: limits)) }

    /// Other limits from now on; who is there stays.
    func setLimits(_ limits: POPServerOptions.Limits) { self.state.withLock { $0.limits = limits } }

    /// Connections that are open now.
    var count: Int { self.state.withLock { $0.channels.count } }

    /// Takes a connection in until its channel is closed; `false` when it is one too many, or the service stops.
    func admit(_ channel: any Channel, from network: PeerNetwork) -> Bool {
        let isAdmitted = self.state.withLock { state in
            let ofNetwork = state.perNetwork[network, default: 0]
            guard !state.isClosed, state.channels.count < state.limits.connections,
                ofNetwork < state.limits.connectionsPerAddress
            else { return false }
            state.perNetwork[network] = ofNetwork + 1
            state.channels[ObjectIdentifier(channel)] = channel
            return true
        }
        guard isAdmitted else { return false }
        let id = ObjectIdentifier(channel)
        channel.closeFuture.whenComplete { [self] _ in
            self.state.withLock { state in
                state.channels[id] = nil
                let left = state.perNetwork[network, default: 1] - 1
                state.perNetwork[network] = left == 0 ? nil : left
            }
        }
        return true
    }

    /// Admits nobody from now on, and gives those who are there.
    func close() -> [any Channel] {
        self.state.withLock { state in
            state.isClosed = true
            return Array(state.channels.values)
        }
    }
}
