import DeliveryScheduler
import MailBytes
import MailEvents
import MailNames
import SMTPProtocol
import Spool

/// What operators ask for and see.
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
                if domain == nil, let problem = unreadable[id], let spooled = spool.message(id) {
                    summaries.append(QueuedMessageSummary(unreadable: spooled, problem))
                    continue
                }
                guard let message = await readOnly(id), domain.map({ has(message, recipientsIn: $0) }) ?? true else {
                    continue
                }
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
            guard let problem = unreadable[id], let spooled = spool.message(id) else { return nil }
            return QueuedMessageDetail(summary: QueuedMessageSummary(unreadable: spooled, problem))
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

    private func readOnly(_ id: QueueID) async -> ActiveMessage? {
        guard let message = await message(id) else { return nil }
        if message.resolved == nil { try? await resolve(message) }
        return message
    }

    private func has(_ message: ActiveMessage, recipientsIn domain: String) -> Bool {
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
        // Of several entries the one that says most.
        let order = ["active", "waiting", "deferred", "scheduled", "suspended", "held", "caught"]
        let words = entries.map(Self.word(for:))
        let state = order.first { words.contains($0) } ?? "waiting"
        return QueuedMessageSummary(
            id: message.id.description,
            sender: message.envelope.reversePath.address?.description ?? "<>",
            recipients: open.prefix(20).map { message.envelope.recipients[$0].address.description },
            recipientCount: open.count,
            state: state,
            size: message.size,
            received: message.envelope.received,
            expires: message.expires,
            nextAttempt: entries.compactMap(\.nextAttempt).min(),
            lastError: lastError ?? entries.lazy.compactMap { self.lastErrors[$0.destination] }.first
        )
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

    // MARK: Acting

    /// Tries at once what waits, for one domain or for all.
    ///
    /// - Returns: the number of destinations that are tried.
    @discardableResult
    public func flush(domain: String? = nil) async -> Int {
        await loading?.value
        let now = clock.now()
        guard let domain else {
            let count = scheduler.flush(now: now)
            schedulePump()
            return count
        }
        var count = 0
        for id in await messages(in: .domain(domain)) {
            scheduler.flush(id, now: now)
            record(id, .flushed, [:])
            count += 1
        }
        schedulePump()
        return count
    }

    /// Tries a message at once; `false` when it is not in the queue.
    @discardableResult
    public func flush(_ id: QueueID) -> Bool {
        guard scheduler.contains(id) else { return false }
        scheduler.flush(id, now: clock.now())
        record(id, .flushed, [:])
        schedulePump()
        return true
    }

    /// Keeps messages from being tried until they are released. Durable.
    ///
    /// - Returns: the number of messages.
    @discardableResult
    public func hold(_ selection: QueueSelection) async -> Int {
        let ids = await messages(in: selection)
        // At once, so that none is begun while the spool is told.
        for id in ids { scheduler.hold(id, now: clock.now()) }
        return await change(ids) {
            ControlState(isHeld: true, route: $0.route)
        } then: { id in
            self.scheduler.hold(id, now: self.clock.now())
            self.record(id, .held, [.reason: "the operator said so"])
        }
    }

    /// Lets held messages go; what is caught goes only when outbound mail is no longer caught.
    @discardableResult
    public func release(_ selection: QueueSelection) async -> Int {
        let ids = await messages(in: selection)
        for id in ids where unreadable[id] != nil {
            // Looked at once more: what the disk failed to give before it may give now.
            unreadable[id] = nil
            scheduler.release(id, now: clock.now())
        }
        return await change(ids) {
            ControlState(isHeld: false, route: $0.route)
        } then: { id in
            self.scheduler.release(id, now: self.clock.now())
            self.record(id, .released, [:])
        }
    }

    /// Sends messages to another next hop than their domains'; `nil` undoes it. Durable.
    ///
    /// - Parameter to: `HOST`, `HOST:PORT`, an address in brackets with or without a port, or `-` to undo it.
    /// - Returns: the number of messages; `nil` when the next hop cannot be read.
    @discardableResult
    public func reroute(_ selection: QueueSelection, to text: String) async -> Int? {
        let override: RelayHost?
        if text == "-" || text.isEmpty {
            override = nil
        } else {
            guard let host = RelayHost(text, defaultPort: options.outboundPort) else { return nil }
            override = host
        }
        return await change(await messages(in: selection)) {
            ControlState(isHeld: $0.isHeld, route: override)
        } then: { id in
            self.active[id]?.epoch = -1
            self.scheduler.release(id, now: self.clock.now())
            self.scheduler.flush(id, now: self.clock.now())
            self.record(id, .rerouted, [.destination: override?.description])
        }
    }

    /// Removes messages without telling anybody. What is being sent at this moment cannot be called back.
    @discardableResult
    public func delete(_ selection: QueueSelection) async -> Int {
        var count = 0
        for id in await messages(in: selection) {
            guard let message = await message(id) else {
                guard unreadable.removeValue(forKey: id) != nil else { continue }
                record(id, .deleted, [.reason: "the operator said so"])
                scheduler.removeWaiting(id)
                tell(.done(id))
                count += 1
                continue
            }
            message.isDeleted = true
            postponedReports.remove(id)
            message.items = []
            record(id, .deleted, [.reason: "the operator said so"])
            scheduler.removeWaiting(id)
            for index in message.targets.indices where message.targets[index].state == .waiting {
                message.targets[index].state = .done
            }
            tell(.done(id))
            if message.users == 0 { active[id] = nil }
            count += 1
        }
        schedulePump()
        return count
    }

    /// Gives messages up and reports that to their senders.
    @discardableResult
    public func bounce(_ selection: QueueSelection) async -> Int {
        var count = 0
        for id in await messages(in: selection) {
            guard let message = await readOnly(id), message.resolved != nil else { continue }
            let now = clock.now()
            scheduler.removeWaiting(id)
            message.isReportPostponed = false
            postponedReports.remove(id)
            for index in message.targets.indices where message.targets[index].state == .waiting {
                message.targets[index].lastFailure = DeliveryFailure(
                    .administrative,
                    "The operator of this mail server gave the message up"
                )
                fail(message, index, now: now)
            }
            ended(message)
            count += 1
        }
        schedulePump()
        return count
    }

    /// What an operator's orders change of a message.
    private struct ControlState {
        var isHeld: Bool
        var route: RelayHost?
    }

    /// Messages whose changes are recorded in one go.
    private static let changesAtOnce = 4096

    /// Records a change of messages and then carries it out, some at a time. Nothing is read from the disk for it: a message that is
    /// not in memory is read with its change later.
    ///
    /// - Returns: the number of messages.
    private func change(
        _ ids: [QueueID],
        to control: (ControlState) -> ControlState,
        then body: (QueueID) -> Void
    ) async -> Int {
        var count = 0
        var next = 0
        while next < ids.count {
            let part = ids[next..<min(next + Self.changesAtOnce, ids.count)]
            next += part.count
            var changes: [SpoolProgress] = []
            for id in part where unreadable[id] == nil {
                guard let spooled = spool.message(id) else { continue }
                let before = ControlState(isHeld: spooled.isHeld, route: spooled.route.flatMap { RelayHost($0) })
                let after = control(before)
                if let message = active[id] { (message.isHeld, message.override) = (after.isHeld, after.route) }
                changes.append(.control(isHeld: after.isHeld, route: after.route?.description, of: id))
            }
            guard !changes.isEmpty else { continue }
            await recordDurably(changes)
            for change in changes where scheduler.contains(change.id) {
                body(change.id)
                count += 1
            }
            schedulePump()
        }
        return count
    }

    private func recordDurably(_ changes: [SpoolProgress]) async {
        let spool = self.spool
        tellSpool()
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            spool.record(changes) { _ in continuation.resume() }
        }
    }

    /// What is selected, also where the spool's messages are still being taken up after a start.
    private func messages(in selection: QueueSelection) async -> [QueueID] {
        await loading?.value
        switch selection {
        case .message(let id): return scheduler.contains(id) ? [id] : []
        case .all: return scheduler.messages { _ in true }
        case .domain(let domain):
            guard let own = try? Domain(parsing: domain) else { return [] }
            var found: [QueueID] = []
            let candidates = scheduler.messages { destination in
                if case .domain(let own) = destination { own.ascii == domain } else { true }
            }
            let destination = Destination.domain(own)
            for id in candidates {
                // What waits for the domain's own hosts has recipients there; for the rest the envelope tells.
                if scheduler.status(of: id).contains(where: { $0.destination == destination }) {
                    found.append(id)
                    continue
                }
                guard let message = await readOnly(id), has(message, recipientsIn: domain) else { continue }
                found.append(id)
            }
            return found
        }
    }
}
