import NIOCore

/// A time-out that is moved with every command and costs nothing then: one timer a connection, looked at when it fires.
public struct Deadline {
    private var due: NIODeadline = .distantFuture
    private var timer: Scheduled<Void>?
    /// When the timer that runs will fire: never later than the time-out.
    private var timerDue: NIODeadline = .distantFuture

    public init() {}

    /// Moves the time-out; sets a timer where none runs that would fire in time.
    ///
    /// - Parameter fire: what the timer calls; asked for only where one is set, so that moving allocates nothing.
    public mutating func move(
        by patience: TimeAmount,
        on loop: any EventLoop,
        fire: @autoclosure () -> @Sendable () -> Void
    ) {
        due = loop.now + patience
        guard timer == nil || due < timerDue else { return }
        timer?.cancel()
        start(on: loop, fire())
    }

    /// The timer fired. `true` when the time is really over; otherwise it is set anew.
    public mutating func fired(on loop: any EventLoop, fire: @autoclosure () -> @Sendable () -> Void) -> Bool {
        timer = nil
        if loop.now >= due { return true }
        start(on: loop, fire())
        return false
    }

    private mutating func start(on loop: any EventLoop, _ fire: @escaping @Sendable () -> Void) {
        timerDue = due
        timer = loop.assumeIsolated().scheduleTask(deadline: due) { fire() }
    }

    public mutating func cancel() {
        timer?.cancel()
        timer = nil
        due = .distantFuture
    }
}
