/// The bounds of one destination.
public struct DestinationLimits: Hashable, Sendable {
    /// Connections at most; `nil` for as many as any.
    public var connections: Int?
    /// The least time between two messages; `nil` for what holds for all.
    public var interval: Duration?

    public init(connections: Int? = nil, interval: Duration? = nil) {
        self.connections = connections
        self.interval = interval
    }
}
