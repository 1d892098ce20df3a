import DeliveryScheduler
import MailBytes
import MailEvents
import MailNames
import SMTPProtocol
import Spool

/// What operators see of the queue.
extension DeliveryService {
    /// The waiting messages, oldest first.
    ///
    /// - Parameters:
    ///   - domain: only those with recipients in the domain, by its A-labels.
    ///   - state: only those in one of `states`.
    ///   - after: goes on behind this message.
    ///   - limit: at most so many, and not more than 10,000.
    public func list(
        domain: String? = nil,
        state: String? = nil,
        after: QueueID? = nil,
        limit: Int = 1000
    ) async -> [QueuedMessageSummary] {
        var summaries: [QueuedMessageSummary] = []
        var after = after
        let limit = min(limit, 10_000)
        while summaries.count < limit {
            // What waits for another next hop than the domain's own can be told by its envelope alone.
            let page = scheduler.page(after: after, limit: min(1000, max(100, limit - summaries.count))) {
                destination in
                guard let domain, case .domain(let own) = destination else { return true }
                return own.ascii == domain
            } where: { entry in
                state.map { $0 == Self.word(for: entry) } ?? true
            }
            for id in page where summaries.count < limit {
                guard let message = await readOnly(id) else {
                    if domain == nil, let summary = unreadSummary(id) { summaries.append(summary) }
                    continue
                }
                guard domain.map({ has(message, recipientsIn: $0) }) ?? true else { continue }
                summaries.append(summary(of: message))
            }
            guard let last = page.last else { break }
            after = last
        }
        return summaries
    }

    /// The number of messages that wait.
    public var messageCount: Int { scheduler.messageCount }

    /// One message in full; `nil` when it is not in the queue.
    public func show(_ id: QueueID) async -> QueuedMessageDetail? {
        guard let message = await readOnly(id) else {
            return unreadSummary(id).map { QueuedMessageDetail(summary: $0) }
        }
        let entries = scheduler.status(of: id)
        var recipients: [QueuedMessageDetail.Recipient] = []
        let open = Dictionary(grouping: message.targets.lazy.filter { $0.state != .done }, by: \.recipient)
        for (index, recipient) in message.envelope.recipients.enumerated() {
            let targets = open[index] ?? []
            let isDone = message.progress[UInt32(index)] == .finished
            let destination = targets.first.map { $0.route.destination(for: $0.address) }
            let entry = entries.first { $0.destination == destination } ?? entries.first
            var (attempts, error): (Int, String?) = (0, nil)
            if case .waiting(let tried, _, let last) = message.progress[UInt32(index)] {
                (attempts, error) = (tried, last)
            }
            recipients.append(
                QueuedMessageDetail.Recipient(
                    address: recipient.address.description,
                    state: isDone ? "done" : entry.map(Self.word(for:)) ?? "waiting",
                    attempts: attempts,
                    nextAttempt: isDone ? nil : entry?.nextAttempt,
                    lastError: isDone ? nil : error ?? destination.flatMap { lastErrors[$0] },
                    destination: isDone ? nil : destination?.description
                )
            )
        }
        return QueuedMessageDetail(
            summary: summary(of: message),
            recipients: recipients,
            route: message.override?.description,
            envelopeID: message.envelope.envelopeID,
            door: String(describing: message.envelope.origin.door),
            peer: message.envelope.origin.peer?.description,
            account: message.envelope.origin.account
        )
    }

    /// The destinations that something waits for.
    public var destinations: [QueueDestination] {
        scheduler.destinations.map { status in
            QueueDestination(
                destination: status.destination.description,
                ready: status.ready,
                deferred: status.deferred,
                held: status.held,
                inFlight: status.inFlight,
                connections: status.connections,
                blockedUntil: status.blockedUntil,
                lastError: lastErrors[status.destination],
                suspended: status.suspension?.since,
                suspensionReason: status.suspension?.reason
            )
        }
    }

    /// What is known of a message that cannot be read; `nil` when it is not in the queue.
    private func unreadSummary(_ id: QueueID) -> QueuedMessageSummary? {
        guard let problem = unreadable[id] ?? unreadNow[id]?.reason, let spooled = spool.message(id) else { return nil }
        return QueuedMessageSummary(unreadable: spooled, problem, state: state(of: scheduler.status(of: id)))
    }

    func readOnly(_ id: QueueID) async -> ActiveMessage? {
        await takenUp(id)
        guard let message = await message(id) else { return nil }
        if message.resolved == nil { try? await resolve(message) }
        return message
    }

    func has(_ message: ActiveMessage, recipientsIn domain: String) -> Bool {
        message.envelope.recipients.contains { $0.address.host.ascii == domain }
            || message.targets.contains { $0.address.host.ascii == domain }
    }

    private func summary(of message: ActiveMessage) -> QueuedMessageSummary {
        let entries = scheduler.status(of: message.id)
        let open = message.envelope.recipients.indices.filter { message.progress[UInt32($0)] != .finished }
        var lastError: String?
        for index in open {
            if case .waiting(_, _, let error?) = message.progress[UInt32(index)] { lastError = error }
        }
        return QueuedMessageSummary(
            id: message.id.description,
            sender: message.envelope.reversePath.address?.description ?? "<>",
            recipients: open.prefix(20).map { message.envelope.recipients[$0].address.description },
            recipientCount: open.count,
            state: state(of: entries),
            size: message.size,
            received: message.envelope.received,
            expires: message.expires,
            nextAttempt: entries.compactMap(\.nextAttempt).min(),
            lastError: lastError ?? entries.lazy.compactMap { self.lastErrors[$0.destination] }.first
        )
    }

    /// Of several entries the one that says most.
    private func state(of entries: [EntryStatus]) -> String {
        let order = ["active", "waiting", "deferred", "scheduled", "suspended", "held", "caught"]
        let words = entries.map(Self.word(for:))
        return order.first { words.contains($0) } ?? "waiting"
    }

    /// What the state of a message can be.
    public static let states = ["waiting", "active", "deferred", "scheduled", "suspended", "held", "caught"]

    static func word(for entry: EntryStatus) -> String {
        switch (entry.state, entry.holdReason) {
        case (.held, .caught): "caught"
        case (.held, _): "held"
        case (.inFlight, _): "active"
        case (.deferred, _) where entry.isScheduled: "scheduled"
        case (.ready, _) where entry.isSuspended, (.deferred, _) where entry.isSuspended: "suspended"
        case (.deferred, _): "deferred"
        case (.ready, _): entry.destinationIsDead ? "deferred" : "waiting"
        }
    }
}
