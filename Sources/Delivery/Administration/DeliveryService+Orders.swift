import DeliveryScheduler
import MailBytes
import MailEvents
import MailNames
import Spool

/// What operators order. An order counts from the moment at which it is given, for all messages that it is about at once; when the
/// function returns it is on disk as well, or the result says why not. Only reports take their time: see
/// `DeliveryService+Bouncing.swift`.
extension DeliveryService {
    // MARK: Trying

    /// Tries at once what waits, for one domain or for all.
    ///
    /// - Returns: the number of destinations that are tried, or of messages where a domain is named.
    @discardableResult
    public func flush(domain: String? = nil) async -> Int {
        await loading?.value
        guard let domain else {
            let count = scheduler.flush(now: clock.now())
            schedulePump()
            return count
        }
        let ids = await messages(in: .domain(domain))
        let now = clock.now()
        for id in ids { scheduler.flush(id, now: now) }
        trace(ids, TraceEvent(.flushed, []))
        schedulePump()
        return ids.count
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

    /// Attempts that are under way.
    public var attemptsUnderWay: Int { scheduler.inFlight }

    // MARK: Holding

    /// Keeps messages from being tried until they are released. Durable.
    ///
    /// None of them begins to leave from then on; what another host is being sent at this moment cannot be called back.
    @discardableResult
    public func hold(_ selection: QueueSelection) async -> OrderResult {
        await hold(await messages(in: selection), areAll: selection == .all)
    }

    /// - Parameter areAll: these are all messages.
    func hold(_ chosen: [QueueID], areAll: Bool) async -> OrderResult {
        let ids = readable(chosen)
        let now = clock.now()
        if areAll {
            scheduler.holdEverything(now: now)
            for message in active.values { message.isHeld = true }
        } else {
            for id in ids {
                scheduler.hold(id, now: now)
                active[id]?.isHeld = true
            }
        }
        let problem = await record(.hold, of: ids)
        trace(ids, TraceEvent(.held, [.reason: "the operator said so"]))
        return OrderResult(messages: ids.count, problem: problem)
    }

    /// Lets held messages go; what is caught goes only when outbound mail is no longer caught. Durable.
    @discardableResult
    public func release(_ selection: QueueSelection) async -> OrderResult {
        let ids = await messages(in: selection)
        // Looked at once more: what the disk failed to give before it may give now.
        if !unreadable.isEmpty { for id in ids { unreadable[id] = nil } }
        let now = clock.now()
        if selection == .all {
            for message in active.values { message.isHeld = false }
            scheduler.releaseEverything(now: now)
        } else {
            for id in ids {
                active[id]?.isHeld = false
                scheduler.release(id, now: now)
            }
        }
        schedulePump()
        let problem = await record(.release, of: ids)
        trace(ids, TraceEvent(.released, []))
        return OrderResult(messages: ids.count, problem: problem)
    }

    /// Sends messages to another next hop than their domains'; `nil` undoes it. Durable. What the operator holds stays held.
    ///
    /// - Parameter text: `HOST`, `HOST:PORT`, an address in brackets with or without a port, or `-` to undo it.
    /// - Returns: `nil` when the next hop cannot be read.
    @discardableResult
    public func reroute(_ selection: QueueSelection, to text: String) async -> OrderResult? {
        let override: RelayHost?
        if text == "-" || text.isEmpty {
            override = nil
        } else {
            guard let host = RelayHost(text, defaultPort: options.outboundPort) else { return nil }
            override = host
        }
        let ids = readable(await messages(in: selection))
        let now = clock.now()
        if selection == .all {
            for message in active.values { (message.override, message.epoch) = (override, -1) }
            scheduler.everythingWasRerouted(now: now)
        } else {
            for id in ids {
                if let message = active[id] { (message.override, message.epoch) = (override, -1) }
                scheduler.rerouted(id, now: now)
            }
        }
        schedulePump()
        let problem = await record(.route(override?.description), of: ids)
        trace(ids, TraceEvent(.rerouted, [.destination: override?.description]))
        return OrderResult(messages: ids.count, problem: problem)
    }

    // MARK: Deleting

    /// Removes messages without telling anybody. Durable. What is being sent at this moment cannot be called back.
    @discardableResult
    public func delete(_ selection: QueueSelection) async -> OrderResult {
        await loading?.value
        let ids = await messages(in: selection)
        // The spool forgets them when that is written; until then they are gone for whoever is about to read them, or just did.
        deleting.formUnion(ids)
        let inMemory: [ActiveMessage]
        if selection == .all {
            inMemory = active.values.filter { scheduler.contains($0.id) }
            unreadable = [:]
            scheduler.removeEverythingWaiting()
        } else {
            inMemory = ids.compactMap { active[$0] }
            if !unreadable.isEmpty { for id in ids { unreadable[id] = nil } }
            for id in ids { scheduler.removeWaiting(id) }
        }
        for message in inMemory {
            message.isDeleted = true
            postponedReports.remove(message.id)
            message.items = []
            for index in message.targets.indices where message.targets[index].state == .waiting {
                message.targets[index].state = .done
            }
            if message.users == 0 { active[message.id] = nil }
        }
        // Those whose reports could not be written made others wait.
        wakeChoreWaiters()
        schedulePump()
        let problem = await record(.done, of: ids)
        deleting.subtract(ids)
        trace(ids, TraceEvent(.deleted, [.reason: "the operator said so"]))
        return OrderResult(messages: ids.count, problem: problem)
    }

    // MARK: What is chosen, written and traced

    /// What is selected, also where the spool's messages are still being taken up after a start. Then those of a domain are known only at
    /// the end of that; for all of them nobody has to wait.
    func messages(in selection: QueueSelection) async -> [QueueID] {
        switch selection {
        case .message(let id):
            if !scheduler.contains(id) { await loading?.value }
            return scheduler.contains(id) ? [id] : []
        case .all:
            guard let last = announced?.upTo else { return scheduler.allMessages }
            return spool.ids().filter { $0 <= last } + scheduler.allMessages.filter { $0 > last }
        case .domain(let domain):
            await loading?.value
            guard let own = try? Domain(parsing: domain) else { return [] }
            let destination = Destination.domain(own)
            // What waits for the domain's own hosts has recipients there; for what waits for other next hops the envelope tells.
            var found = scheduler.messages { $0 == destination }
            let others = scheduler.messages { if case .domain = $0 { false } else { true } }
            let certain = others.isEmpty ? [] : Set(found)
            for id in others where !certain.contains(id) {
                guard let message = await readOnly(id), has(message, recipientsIn: domain) else { continue }
                found.append(id)
            }
            return found
        }
    }

    private func readable(_ ids: [QueueID]) -> [QueueID] {
        unreadable.isEmpty ? ids : ids.filter { unreadable[$0] == nil }
    }

    /// Returns when the order is on stable storage, or why it is not: it counts all the same, and is written when the disk takes it.
    private func record(_ change: SpoolOrder.Change, of ids: [QueueID]) async -> String? {
        guard !ids.isEmpty else { return nil }
        // What was told before goes before.
        tellSpool()
        let spool = self.spool
        let result = await withCheckedContinuation { continuation in
            spool.record(SpoolOrder(change, of: ids)) { continuation.resume(returning: $0) }
        }
        guard case .failure(let error) = result else { return nil }
        logger.error("An order about the queue is not on disk yet", metadata: ["error": "\(error)"])
        return String(describing: error)
    }

    /// Traces that are written in one turn of the loop.
    private static let tracesAtOnce = 1000

    /// Tells in the traces of many messages what was ordered; of more than some thousand beside other work.
    private func trace(_ ids: [QueueID], _ event: TraceEvent) {
        let now = clock.now()
        for id in ids.prefix(Self.tracesAtOnce) { recorder.record(TraceEntry(queueID: id, time: now, event: event)) }
        guard ids.count > Self.tracesAtOnce else { return }
        startWorker { service in
            var position = Self.tracesAtOnce
            while position < ids.count, !service.isStopping {
                await Task.yield()
                for id in ids[position..<min(position + Self.tracesAtOnce, ids.count)] {
                    service.recorder.record(TraceEntry(queueID: id, time: now, event: event))
                }
                position += Self.tracesAtOnce
            }
        }
    }
}
