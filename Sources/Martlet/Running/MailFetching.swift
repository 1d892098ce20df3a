import Synchronization

/// Fetches mail from time to time, as long as a plan says so.
final class MailFetching: Sendable {
    private let task = Mutex<Task<Void, Never>?>(nil)
    private let plan = Mutex<MailFetchPlan?>(nil)

    /// The plan of the configuration, as it was read last.
    var current: MailFetchPlan? { plan.withLock(\.self) }

    /// Fetches by this plan from now on, and by none before.
    func begin(_ plan: MailFetchPlan?, _ fetch: @escaping @Sendable (MailFetchPlan) async -> Void) {
        end()
        self.plan.withLock { $0 = plan }
        guard let plan, let interval = plan.interval else { return }
        let made = Task {
            while !Task.isCancelled {
                await fetch(plan)
                try? await Task.sleep(for: interval)
            }
        }
        task.withLock { $0 = made }
    }

    func end() {
        task.withLock { task in
            task?.cancel()
            task = nil
        }
    }
}
