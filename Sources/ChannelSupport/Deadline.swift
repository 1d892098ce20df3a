import NIOCore

/// A time-out that is moved with every command and costs nothing then: one timer a connection, looked at when it fires.
public struct Deadline {
    private var due: NIODeadline = .distantFuture
    private var timer: Scheduled<Void>?

    public init() {}

    /// Moves the time-out; sets a timer where none runs that would fire in time.
    public mutating func move(by patience: TimeAmount, on loop: any EventLoop, fire: @escaping @Sendable () -> Void) {
        due = loop.now + patience
        if timer == nil { timer = loop.assumeIsolated().scheduleTask(deadline: due) { fire() } }
    }

    /// The timer fired. `true` when the time is really over; otherwise it is set anew.
    public mutating func fired(on loop: any EventLoop, fire: @escaping @Sendable () -> Void) -> Bool {
        timer = nil
        if loop.now >= due { return true }
        timer = loop.assumeIsolated().scheduleTask(deadline: due) { fire() }
        return false
    }

    public mutating func cancel() {
        timer?.cancel()
        timer = nil
        due = .distantFuture
    }
}
