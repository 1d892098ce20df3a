/// What aliases may lead to outside of the mail system: nothing, unless the operator says so.
public struct OutletOptions: Sendable, Hashable {
    /// Folders in whose files mail may be written.
    public var folders: [String] = []
    /// Whether commands may be run.
    public var allowsCommands = false
    /// How long a command may run.
    public var commandTimeout: Duration = .seconds(60)
    /// How long another program's lock of a file is waited for.
    public var lockTimeout: Duration = .seconds(10)
    /// Commands that run at the same time, and files that are written to.
    public var concurrency = 16
    /// Octets of a command's output that are kept for the trace and the report; the rest is thrown away.
    public var output = 1000

    public init() {}
}
