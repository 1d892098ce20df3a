import DeliveryScheduler
import Directory
import MailBytes
import MailEvents
import MailNames
import Spool

/// Messages coming in: from the doors as they are committed, and from the spool when delivery begins.
extension DeliveryService {
    /// Messages that are durable now.
    func accept(_ committed: [Spool.Committed]) {
        guard !isStopping else { return }
        if let bound = announced?.upTo {
            for new in committed where new.id <= bound { announced?.ids.insert(new.id) }
        }
        for new in committed where active[new.id] == nil && !scheduler.contains(new.id) {
            let message = ActiveMessage(id: new.id, envelope: new.envelope, size: new.size)
            if announced != nil {
                // It may have been among those that an order was about meanwhile.
                guard let spooled = spool.message(new.id), !deleting.contains(new.id) else { continue }
                (message.isHeld, message.override) = (spooled.isHeld, spooled.route.flatMap { RelayHost($0) })
            }
            remember(message)
            if resolveQuickly(message) { enqueue(message) } else { enqueueUnrouted(message) }
        }
        schedulePump()
    }

    /// Takes up what the spool held before, a piece at a time.
    func takeUp(_ ids: [QueueID]) async {
        let spool = self.spool
        var next = 0
        var asksAhead = true
        while next < ids.count, !Task.isCancelled {
            let part = ids[next..<min(next + 256, ids.count)]
            next += part.count
            let wanted = part.filter { active[$0] == nil && !scheduler.contains($0) }
            let loaded = try? await reading {
                () -> [(QueueID, Result<(Envelope, SpooledMessage), any Error>)] in
                wanted.compactMap { id in
                    guard let spooled = spool.message(id) else { return nil }
                    return (id, Result { (try spool.envelope(id), spooled) })
                }
            }
            // One that does not answer now would be waited for with each piece.
            if asksAhead { asksAhead = await askAhead(loaded ?? []) }
            for (id, result) in loaded ?? [] where active[id] == nil && !scheduler.contains(id) {
                if announced?.ids.contains(id) == true { continue }
                switch result {
                case .success(let (envelope, _)):
                    // It may have been ended, held or sent elsewhere since it was read.
                    guard let spooled = spool.message(id) else { continue }
                    let message = remember(envelope, spooled)
                    if resolveQuickly(message) { enqueue(message) } else { enqueueUnrouted(message) }
                case .failure(let error):
                    cannotRead(id, error)
                    if unreadNow[id] != nil, let spooled = spool.message(id) { enqueueUnread(spooled) }
                }
            }
            schedulePump()
        }
        announced = nil
    }

    /// Addresses that are looked up together at most when the spool's messages are taken up.
    private static let askedAhead = 10_000

    /// Asks for the addresses of many messages at once, so that these need not wait for their next hops one by one: what is held does not
    /// even come to that. Where the directory cannot be asked, they do wait.
    ///
    /// - Returns: whether it could be.
    private func askAhead(_ loaded: [(QueueID, Result<(Envelope, SpooledMessage), any Error>)]) async -> Bool {
        var unknown: Set<EmailAddress> = []
        for case (_, .success(let (envelope, _))) in loaded where unknown.count < Self.askedAhead {
            for recipient in envelope.recipients.prefix(Self.askedAhead)
            where directory.cachedAnswer(for: recipient.address) == nil {
                unknown.insert(recipient.address)
            }
        }
        guard !unknown.isEmpty else { return true }
        // The answers stay where `cachedAnswer` finds them.
        return (try? await directory.answers(for: Array(unknown))) != nil
    }

    /// Waits until a message of before the start has been taken up: one that was read on another way would be passed over.
    func takenUp(_ id: QueueID) async {
        if announced != nil, !scheduler.contains(id) { await loading?.value }
    }

    // MARK: Finding out where it goes

    /// Finds out where each recipient goes if that needs no waiting.
    func resolveQuickly(_ message: ActiveMessage) -> Bool {
        resolve(message) { directory.cachedAnswer(for: $0) }.isEmpty
    }

    /// Finds out where each recipient goes, now.
    ///
    /// - Throws: `DirectoryError.unavailable`.
    func resolve(_ message: ActiveMessage) async throws(DirectoryError) {
        var known: [EmailAddress: RecipientAnswer] = [:]
        while true {
            let missing = resolve(message) { known[$0] ?? self.directory.cachedAnswer(for: $0) }
            guard let first = missing.first else { return }
            if missing.count == 1 {
                known[first] = try await directory.answer(for: first)
            } else {
                known.merge(try await directory.answers(for: missing)) { $1 }
            }
        }
    }

    /// Finds out where each recipient goes; returns the addresses that the directory has to be asked about first.
    private func resolve(_ message: ActiveMessage, answer: (EmailAddress) -> RecipientAnswer?) -> [EmailAddress] {
        var missing: [EmailAddress] = []
        var targets: [ActiveMessage.Target] = []
        targets.reserveCapacity(message.envelope.recipients.count)
        var expanded: [Expansion] = []
        for (index, recipient) in message.envelope.recipients.enumerated() {
            if message.progress[UInt32(index)] == .finished { continue }
            let result = Expansion.expand(
                recipient.address,
                depth: options.aliasDepth,
                targets: options.aliasTargets,
                answer: answer
            )
            switch result {
            case .needs(let address): missing.append(address)
            case .complete(let expansion):
                if !expansion.aliases.isEmpty { expanded.append(expansion) }
                for leaf in expansion.leaves {
                    targets.append(target(leaf, recipient: index, isExpanded: !expansion.aliases.isEmpty, of: message))
                }
            }
        }
        guard missing.isEmpty else { return missing }
        let isFirst = message.resolved == nil
        keepStates(of: message, in: &targets)
        message.replaceTargets(targets)
        message.resolved = clock.now()
        message.epoch = epoch
        if isFirst && message.progress.isEmpty { traceExpansions(expanded, of: message) }
        return []
    }

    private func target(
        _ leaf: Expansion.Leaf,
        recipient: Int,
        isExpanded: Bool,
        of message: ActiveMessage
    ) -> ActiveMessage.Target {
        let key = isExpanded ? ActiveMessage.key(of: leaf.name, recipient: recipient) : UInt32(recipient)
        var target = ActiveMessage.Target(
            recipient: recipient,
            key: key,
            address: leaf.address,
            account: nil,
            isExpanded: isExpanded,
            route: Route(way: .deliver(.local), reason: "its mailbox is here")
        )
        switch leaf.kind {
        case .account(let account): target.account = account
        case .list(let list): target.list = list
        case .outlet(let outlet): target.outlet = outlet
        case .elsewhere:
            let route = Route.outbound(leaf.address, options: options, override: message.override)
            if route.way == .hold(.onDemand), needsVerifiedConnection(message) {
                target.lastFailure = .fetchedUnverified
            } else {
                target.route = route
            }
        case .failed(let failure): target.lastFailure = failure
        }
        if message.progress[key] == .finished { target.state = .done }
        return target
    }

    /// What is known of how far each address has come stays, when addresses are found out again.
    private func keepStates(of message: ActiveMessage, in targets: inout [ActiveMessage.Target]) {
        guard !message.targets.isEmpty else { return }
        for index in targets.indices {
            guard let old = message.target(targets[index].key) else { continue }
            targets[index].state = old.state
            let stays = old.route.destination(for: old.address) == targets[index].route.destination(for: old.address)
            if stays { targets[index].waitsIn = old.waitsIn }
            if targets[index].lastFailure == nil { targets[index].lastFailure = old.lastFailure }
        }
        // What is under way is ended by its place in the list, and stays even when it would go elsewhere now.
        var found: Set<UInt32>?
        for old in message.targets where old.state == .inFlight || old.state == .reporting {
            if found == nil { found = Set(targets.map(\.key)) }
            if found?.contains(old.key) == false { targets.append(old) }
        }
    }

    private func traceExpansions(_ expansions: [Expansion], of message: ActiveMessage) {
        for expansion in expansions {
            for (alias, targets) in expansion.aliases {
                var fields = [TraceEvent.Entry(.recipient, alias.description)]
                fields += targets.prefix(50).map { TraceEvent.Entry(.target, $0.description) }
                recorder.record(
                    TraceEntry(queueID: message.id, time: clock.now(), event: TraceEvent(.expanded, fields))
                )
            }
        }
    }

    // MARK: Into the scheduler

    /// Puts a message whose addresses are known into the queues of their destinations.
    func enqueue(_ message: ActiveMessage) {
        let now = clock.now()
        let failures = message.targets.indices.filter {
            message.targets[$0].state == .waiting && message.targets[$0].isUndeliverable
        }
        if !failures.isEmpty {
            for index in failures { fail(message, index, now: now) }
        }
        var groups: [Destination: [ActiveMessage.Target]] = [:]
        var order: [Destination] = []
        for target in message.targets where target.state == .waiting {
            let destination = target.route.destination(for: target.address)
            if groups[destination] == nil { order.append(destination) }
            groups[destination, default: []].append(target)
        }
        for destination in order {
            guard let targets = groups[destination] else { continue }
            traceRoute(message, targets, destination)
            // Where some were tried before and some were not, nobody has to wait for the others' time.
            let next = targets.count == 1 ? nil : targets.first { message.progress[UInt32($0.recipient)] == nil }
            schedule(message, next ?? targets[0], to: destination, isNew: false, now: now)
        }
        if message.users == 0 { reportOrForget(message) }
    }

    /// Puts the message into the queue of a destination.
    ///
    /// - Parameter isNew: the destination is another than before, and is tried at once.
    func schedule(
        _ message: ActiveMessage,
        _ target: ActiveMessage.Target,
        to destination: Destination,
        isNew: Bool,
        now: Timestamp
    ) {
        var hold: HoldReason? = message.isHeld ? .byOperator : nil
        if case .hold(let reason) = target.route.way { hold = hold ?? reason }
        var (attempts, due): (Int, Timestamp?) = (0, nil)
        if case .waiting(let tried, let next, _) = message.progress[UInt32(target.recipient)] {
            (attempts, due) = (tried, isNew ? nil : next)
        }
        let begins = message.holdUntil.flatMap { $0 > now ? $0 : nil }
        if let begins { due = max(due ?? begins, begins) }
        let entry = scheduler.add(
            message.id,
            to: destination,
            due: due,
            expires: message.expires,
            warns: warningTime(of: message, attempts: attempts, now: now),
            attempts: attempts,
            hold: hold,
            priority: message.priority,
            isScheduled: begins != nil,
            now: now
        )
        if let until = scheduler.beganToWait(entry) { traceWaiting(message.id, [target], destination, until) }
    }

    /// When the sender is told of the delay; `nil` when that was before.
    private func warningTime(of message: ActiveMessage, attempts: Int, now: Timestamp) -> Timestamp? {
        guard message.envelope.reversePath != .null else { return nil }
        let asked = message.tellsDelayAt
        guard let time = usualWarning(of: message), time > now || attempts == 0 else { return asked }
        return asked.map { min($0, time) } ?? time
    }

    /// When a sender is told of a delay who did not say when.
    func usualWarning(of message: ActiveMessage) -> Timestamp? {
        options.delayWarning.map { max(message.envelope.received, message.holdUntil ?? .distantPast) + $0 }
    }

    func enqueueUnrouted(_ message: ActiveMessage) {
        let now = clock.now()
        scheduler.add(
            message.id,
            to: .unrouted,
            expires: message.expires,
            hold: message.isHeld ? .byOperator : nil,
            priority: message.priority,
            now: now
        )
    }

    private func traceRoute(_ message: ActiveMessage, _ targets: [ActiveMessage.Target], _ destination: Destination) {
        // What was queued before was routed before.
        guard message.progress.isEmpty, let first = targets.first else { return }
        switch first.route.way {
        case .hold(.caught): trace(message.id, .caught, targets, [])
        case .hold: trace(message.id, .held, targets, [TraceEvent.Entry(.reason, first.route.reason)])
        case .deliver:
            let fields = [
                TraceEvent.Entry(.destination, destination.description),
                TraceEvent.Entry(.reason, first.route.reason),
            ]
            trace(message.id, .routed, targets, fields)
        }
    }

    func trace(
        _ id: QueueID,
        _ kind: TraceEvent.Kind,
        _ targets: [ActiveMessage.Target],
        _ fields: [TraceEvent.Entry]
    ) {
        var all = targets.prefix(100).map { TraceEvent.Entry(.recipient, $0.address.description) }
        all += fields
        recorder.record(TraceEntry(queueID: id, time: clock.now(), event: TraceEvent(kind, all)))
    }

    /// Routes what could not be routed without waiting.
    func serveUnrouted(_ id: DestinationID) async {
        var isFirst = true
        while !isStopping, let taken = scheduler.take(from: id, isFirst: isFirst, now: clock.now()) {
            isFirst = false
            guard let message = await message(taken.message) else {
                setAside(taken.id, of: taken.message)
                continue
            }
            if message.isReportPostponed {
                scheduler.complete(taken.id)
                reportAgain(message)
                continue
            }
            message.users += 1
            do {
                try await resolve(message)
                message.users -= 1
                scheduler.complete(taken.id)
                if message.isDeleted { ended(message) } else { enqueue(message) }
            } catch {
                message.users -= 1
                let due = scheduler.retry(taken.id, now: clock.now())
                record(message.id, .deferred, [.reason: String(describing: error), .nextAttempt: due?.iso8601])
                ended(message)
            }
        }
        scheduler.closed(id, wasIdle: false, tookNothing: isFirst && isStopping)
    }
}

extension ActiveMessage.Target {
    /// Whether the directory says that there is no way to it.
    var isUndeliverable: Bool {
        account == nil && list == nil && outlet == nil && route.way == .deliver(.local)
    }
}
