import Synchronization

/// Fetches mail from time to time, as long as a plan says so.
final class MailFetching: Sendable {
    private let task = Mutex<Task<Void, Never>?>(nil)

    /// Fetches by this plan from now on, and by none before.
    func begin(_ plan: MailFetchPlan?, _ fetch: @escaping @Sendable (MailFetchPlan) async -> Void) {
        end()
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
