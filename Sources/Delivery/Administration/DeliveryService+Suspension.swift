import DeliveryScheduler
import MailBytes

/// Suspending destinations: nothing is tried there until the operator says so.
extension DeliveryService {
    /// Suspends a destination. Durable on return.
    ///
    /// - Parameter text: `example.org`, `[192.0.2.1]`, `relay.example.net:587` or `local`.
    /// - Returns: `false` when the text names no destination.
    /// - Throws: when that cannot be written down; it holds until the next start then.
    public func suspend(_ text: String, reason: String) async throws -> Bool {
        guard let destination = Destination(named: text) else { return false }
        scheduler.suspend(destination, Suspension(reason: String(reason.prefix(500)), since: clock.now()))
        try await saveSuspensions()
        return true
    }

    /// Lets a destination be tried again. Durable on return.
    ///
    /// - Returns: whether it was suspended; `nil` when the text names no destination.
    public func resume(_ text: String) async throws -> Bool? {
        guard let destination = Destination(named: text) else { return nil }
        guard scheduler.resume(destination, now: clock.now()) else { return false }
        schedulePump()
        try await saveSuspensions()
        return true
    }

    /// Writes down what is suspended, until what is written is what is so.
    private func saveSuspensions() async throws {
        guard let file = suspensionFile else { return }
        while true {
            let suspensions = scheduler.suspended
            try await reading { try file.write(suspensions) }
            if suspensions == scheduler.suspended { return }
        }
    }

    /// Takes over what was suspended when the server ended. A file that cannot be read is told of, and suspends nothing.
    func takeUpSuspensions() {
        guard let file = suspensionFile else { return }
        do {
            for (destination, suspension) in try file.read() { scheduler.suspend(destination, suspension) }
        } catch {
            logger.error("Nothing is suspended, since \(error)")
        }
    }
}
