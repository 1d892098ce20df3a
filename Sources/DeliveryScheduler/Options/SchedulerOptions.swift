/// The bounds within which messages are tried.
public struct SchedulerOptions: Hashable, Sendable {
    /// Connections to all destinations together.
    public var connections: Int
    /// Connections to one destination, once it has shown that it takes them.
    public var connectionsPerDestination: Int
    /// Connections to a destination after the first one was accepted.
    public var initialConnectionsPerDestination: Int
    /// Workers that write into mailboxes here.
    public var localWorkers: Int
    /// The least time between two messages to one destination; zero for no limit.
    public var intervalPerDestination: Duration
    /// When a message that failed for now is tried again.
    public var retries: RetrySchedule
    /// When a destination that cannot be reached is tried again, with one message for all that wait.
    public var probes: RetrySchedule
    /// The least time between two early attempts that a host causes by connecting to us.
    public var intervalOfEarlyAttempts: Duration
    /// Addresses remembered of a destination that could not be reached.
    public var rememberedAddressesPerDestination: Int

    public init(
        connections: Int = 200,
        connectionsPerDestination: Int = 20,
        initialConnectionsPerDestination: Int = 5,
        localWorkers: Int = 2,
        intervalPerDestination: Duration = .zero,
        retries: RetrySchedule = RetrySchedule(),
        probes: RetrySchedule = RetrySchedule(longest: .seconds(3600)),
        intervalOfEarlyAttempts: Duration = .seconds(60),
        rememberedAddressesPerDestination: Int = 8
    ) {
        self.connections = connections
        self.connectionsPerDestination = connectionsPerDestination
        self.initialConnectionsPerDestination = initialConnectionsPerDestination
        self.localWorkers = localWorkers
        self.intervalPerDestination = intervalPerDestination
        self.retries = retries
        self.probes = probes
        self.intervalOfEarlyAttempts = intervalOfEarlyAttempts
        self.rememberedAddressesPerDestination = rememberedAddressesPerDestination
    }
}
