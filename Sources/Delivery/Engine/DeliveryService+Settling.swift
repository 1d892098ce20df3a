import DeliveryScheduler
import MailBytes
import MailEvents
import MailNames
import SMTPProtocol
import Spool

/// One try of a message at one destination.
struct Attempt {
    let entry: EntryID
    let message: ActiveMessage
    let destination: Destination
    /// The addresses that are tried, by their numbers.
    let keys: [UInt32]
    /// Attempts that failed before.
    let attempts: Int
    let begun: Timestamp
}

/// Beginning an attempt and taking in what came of it.
extension DeliveryService {
    /// Finds out which addresses of the message go to the destination now; `nil` when there are none, and then the entry
    /// was dealt with.
    ///
    /// - Parameter isFetched: the destination's host is here to fetch what is held for that.
    func begin(_ taken: TakenEntry, _ destination: Destination, isFetched: Bool = false) async -> Attempt? {
        guard let message = await message(taken.message, readingAhead: true) else {
            setAside(taken.id, of: taken.message)
            return nil
        }
        message.users += 1
        // Of many addresses those of this destination alone are looked at, unless some may go elsewhere now.
        var wasResolved = false
        if isOutdated(message) {
            do {
                try await resolve(message)
                wasResolved = message.crowd != nil
            } catch {
                message.users -= 1
                let due = scheduler.retry(taken.id, now: clock.now())
                record(message.id, .deferred, [.reason: String(describing: error), .nextAttempt: due?.iso8601])
                ended(message)
                return nil
            }
        }
        let now = clock.now()
        // While it was read or looked up, the operator said so.
        if message.isDeleted || message.isGivenUp {
            message.users -= 1
            if !message.isDeleted { failWaiting(message, now: now) }
            scheduler.complete(taken.id)
            ended(message)
            return nil
        }
        if message.isHeld {
            message.users -= 1
            scheduler.hold(taken.id, because: .byOperator, now: now)
            ended(message)
            return nil
        }
        var keys: [UInt32] = []
        var hold: HoldReason?
        var goesElsewhere = wasResolved
        var isMore = false
        let limit = message.hasCopies && !isFetched ? Self.copiesPerAttempt : Int.max
        let places = message.places(for: destination)
        for position in 0..<(places?.count ?? message.targets.count) {
            let index = places.map { $0[$0.startIndex + position] } ?? position
            guard message.targets[index].state == .waiting else { continue }
            let target = message.targets[index]
            if let entry = target.waitsIn, entry != taken.id, scheduler.contains(entry) { continue }
            if keys.count >= limit {
                isMore = true
                break
            }
            if target.isUndeliverable {
                fail(message, index, now: now)
                continue
            }
            guard target.route.destination(for: target.address) == destination else {
                goesElsewhere = true
                continue
            }
            if case .hold(let reason) = target.route.way, !(isFetched && reason == .onDemand) {
                hold = reason
                continue
            }
            message.targets[index].state = .inFlight
            keys.append(target.key)
        }
        if goesElsewhere { reroute(message, now: now) }
        if isMore { addPart(of: message, to: destination, attempts: taken.attempts, now: now) }
        if keys.isEmpty {
            message.users -= 1
            if let hold { scheduler.hold(taken.id, because: hold, now: now) } else { scheduler.complete(taken.id) }
            ended(message)
            return nil
        }
        return Attempt(
            entry: taken.id,
            message: message,
            destination: destination,
            keys: keys,
            attempts: taken.attempts,
            begun: now
        )
    }

    private func isOutdated(_ message: ActiveMessage) -> Bool {
        guard let resolved = message.resolved, message.epoch == epoch else { return true }
        // Looking up many takes its time: it is done less often.
        return clock.now() - resolved > .seconds(10 + message.targets.count / 50)
    }

    /// Puts addresses that go elsewhere now into the queues of their new destinations.
    private func reroute(_ message: ActiveMessage, now: Timestamp) {
        // What is being tried took its addresses before, and takes no more of them.
        let queued = waitingDestinations(of: message)
        var seen: Set<Destination> = []
        for target in message.targets where target.state == .waiting && !target.isUndeliverable {
            let destination = target.route.destination(for: target.address)
            guard !queued.contains(destination), seen.insert(destination).inserted else { continue }
            let fields = [TraceEvent.Entry(.destination, destination.description), .init(.reason, target.route.reason)]
            trace(message.id, .rerouted, [target], fields)
            schedule(message, target, to: destination, isNew: true, now: now)
        }
    }

    private func waitingDestinations(of message: ActiveMessage) -> Set<Destination> {
        Set(scheduler.status(of: message.id).filter { $0.state != .inFlight }.map(\.destination))
    }

    /// Takes in what came of an attempt: traces it, tells the spool, and decides what is next.
    func settle(_ attempt: Attempt, _ outcomes: [(UInt32, DeliveryOutcome)], dialogue: String?) {
        let message = attempt.message
        let now = clock.now()
        var finished: [UInt32] = []
        var delayed: [(index: Int, failure: DeliveryFailure)] = []
        var holdReason: String?
        var relayed: [ActiveMessage.Target] = []
        var relayedBy: (host: String, reply: SMTPReply?) = ("", nil)
        for (key, outcome) in outcomes {
            guard let index = message.index(key) else { continue }
            switch outcome {
            case .delivered:
                let isTold = reportSuccess(message, index, .delivered, now: now)
                if !isTold { finished.append(key) }
            case .passedOn: finished.append(key)
            case .relayed(let host, let reply, let keepsPromise):
                relayed.append(message.targets[index])
                relayedBy = (host, reply)
                let isTold =
                    !keepsPromise && reportSuccess(message, index, .relayed, host: host, reply: reply, now: now)
                if !isTold { finished.append(key) }
            case .relayedWithNotice(let host, let reply):
                relayed.append(message.targets[index])
                relayedBy = (host, reply)
                let isTold = reportSuccess(
                    message,
                    index,
                    .relayed,
                    host: host,
                    reply: reply,
                    isOwed: true,
                    now: now
                )
                if !isTold { finished.append(key) }
            case .held(let reason):
                message.targets[index].state = .waiting
                if !message.isGivenUp { holdReason = reason }
            case .failed(let failure):
                message.targets[index].lastFailure = failure
                if failure.isPermanent {
                    fail(message, index, dialogue: dialogue, now: now)
                } else if message.isGivenUp {
                    message.targets[index].lastFailure = .givenUp
                    fail(message, index, dialogue: dialogue, now: now)
                } else {
                    message.targets[index].state = .waiting
                    delayed.append((index, failure))
                }
            }
        }
        if !relayed.isEmpty {
            var fields = [TraceEvent.Entry(.host, relayedBy.host)]
            if let reply = relayedBy.reply { fields.append(.init(.reply, reply.oneLine)) }
            trace(message.id, .relayed, relayed, fields)
        }
        finish(message, keys: finished)
        if message.isGivenUp { failWaiting(message, now: now) }
        if let reason = holdReason, !message.isDeleted {
            if message.isHeld {
                scheduler.hold(attempt.entry, because: .byOperator, now: now)
            } else {
                // Released already.
                scheduler.giveBack(attempt.entry, now: now)
                schedulePump()
            }
            // The order has told that itself.
            if reason != DeliveryOutcome.operatorsWord { record(message.id, .held, [.reason: reason]) }
        } else if message.isDeleted || delayed.isEmpty {
            scheduler.complete(attempt.entry)
        } else {
            delay(attempt, delayed, now: now)
        }
        message.users -= 1
        ended(message)
    }

    private func delay(_ attempt: Attempt, _ delayed: [(index: Int, failure: DeliveryFailure)], now: Timestamp) {
        let message = attempt.message
        guard let due = scheduler.retry(attempt.entry, now: now) else { return }
        var states: [(Int, RecipientState)] = []
        for (index, failure) in delayed {
            let recipient = message.targets[index].recipient
            if message.hasCopies { message.targets[index].waitsIn = attempt.entry }
            let attempts = UInt16(clamping: attempt.attempts + 1)
            states.append((recipient, .waiting(attempts: attempts, nextAttempt: due, lastError: failure.text)))
            message.progress[UInt32(recipient)] = .waiting(
                attempts: Int(attempts),
                nextAttempt: due,
                lastError: failure.text
            )
        }
        tell(.recipients(states, of: message.id))
        var (reasons, statuses): ([String], [String]) = ([], [])
        for (_, failure) in delayed {
            if !reasons.contains(failure.text) { reasons.append(failure.text) }
            let status = failure.status.description
            if !statuses.contains(status) { statuses.append(status) }
        }
        let fields = [
            TraceEvent.Entry(.reason, reasons.prefix(10).joined(separator: "; ")),
            TraceEvent.Entry(.status, statuses.prefix(10).joined(separator: ", ")),
            TraceEvent.Entry(.nextAttempt, due.iso8601),
            TraceEvent.Entry(.attempts, String(attempt.attempts + 1)),
        ]
        trace(message.id, .deferred, delayed.map { message.targets[$0.index] }, fields)
    }

    // MARK: Ends

    /// An address failed for good: it is reported, or is done at once where nobody wants to know.
    func fail(_ message: ActiveMessage, _ index: Int, dialogue: String? = nil, now: Timestamp) {
        let target = message.targets[index]
        let failure = target.lastFailure ?? DeliveryFailure(EnhancedStatus(5, 0, 0), "It could not be delivered")
        let isLoop = failure.status == .tooManyHops
        let fields = [TraceEvent.Entry(.reason, failure.text), TraceEvent.Entry(.status, failure.status.description)]
        if isLoop { trace(message.id, .loop, [target], fields) }
        trace(message.id, .failed, [target], fields)
        guard !message.isDeleted, ReportItem.isWanted(.failed, by: message.notify(target)) else {
            finish(message, keys: [target.key])
            return
        }
        message.targets[index].state = .reporting
        message.items.append(
            ReportItem(
                action: .failed,
                status: failure.status,
                recipient: target.recipient,
                key: target.key,
                finalRecipient: target.address,
                remoteHost: failure.host,
                reply: failure.reply?.oneLine,
                text: failure.text,
                dialogue: dialogue,
                lastAttempt: now,
                willRetryUntil: nil
            )
        )
    }

    /// An address has the message, and its sender wants to know.
    ///
    /// - Returns: whether a report tells of it, and then the address is done when the report is durable.
    func reportSuccess(
        _ message: ActiveMessage,
        _ index: Int,
        _ action: ReportItem.Action,
        host: String? = nil,
        reply: SMTPReply? = nil,
        isOwed: Bool = false,
        now: Timestamp
    ) -> Bool {
        let target = message.targets[index]
        let isWanted =
            isOwed ? message.notify(target) != .never : ReportItem.isWanted(action, by: message.notify(target))
        guard !message.isDeleted, isWanted, message.envelope.reversePath != .null else { return false }
        // An address behind an alias that leads to several is told as expanded, once.
        let told: ReportItem.Action = message.leads(of: target) > 1 ? .expanded : action
        if told == .expanded {
            guard message.progress[ActiveMessage.expandedTold(target.recipient)] == nil,
                message.toldExpanded.insert(target.recipient).inserted
            else { return false }
        }
        message.targets[index].state = .reporting
        let text =
            switch told {
            case .delivered: "It was delivered to the mailbox"
            case .expanded: "It was sent on to the addresses that this one stands for"
            default: "It was relayed to \(host ?? "a host") that does not report deliveries"
            }
        message.items.append(
            ReportItem(
                action: told,
                status: EnhancedStatus(2, told == .delivered ? 1 : 0, told == .delivered ? 5 : 0),
                recipient: target.recipient,
                key: target.key,
                finalRecipient: told == .expanded
                    ? message.envelope.recipients[target.recipient].address : target.address,
                remoteHost: host,
                reply: reply?.oneLine,
                text: text,
                dialogue: nil,
                lastAttempt: now,
                willRetryUntil: nil
            )
        )
        return true
    }

    /// Addresses are done: the spool is told, in terms of the envelope's recipients.
    func finish(_ message: ActiveMessage, keys: [UInt32]) {
        guard !keys.isEmpty else { return }
        var states: [(Int, RecipientState)] = []
        for key in keys {
            guard let index = message.index(key), message.targets[index].state != .done else { continue }
            let isLast = message.markDone(index)
            message.progress[key] = .finished
            guard message.targets[index].isExpanded else {
                states.append((Int(key), .finished))
                continue
            }
            let recipient = message.targets[index].recipient
            if isLast { message.progress[UInt32(recipient)] = .finished }
            states.append((isLast ? recipient : Int(key), .finished))
        }
        guard !states.isEmpty else { return }
        // When nothing is left, the spool is told that alone.
        guard !message.isDone || !message.items.isEmpty else { return }
        tell(.recipients(states, of: message.id))
    }

    /// Something that went on for a message is over: what is to be reported is reported, and a message with nothing left
    /// is forgotten.
    func ended(_ message: ActiveMessage) {
        guard message.users == 0 else { return }
        message.readAhead = nil
        reportOrForget(message)
        if active[message.id] != nil { scheduleForgotten(message) }
    }

    func reportOrForget(_ message: ActiveMessage) {
        if message.isDeleted || (message.isDone && message.items.isEmpty) {
            finish(message)
        } else if !message.items.isEmpty && !message.isReportPostponed {
            message.users += 1
            add(.report(message.id))
        }
    }

    /// Sees to it that each address that waits has an entry in the scheduler. One that came to wait for another destination while that
    /// was being tried has none.
    private func scheduleForgotten(_ message: ActiveMessage) {
        guard message.targets.contains(where: { $0.state == .waiting }) else { return }
        var queued = waitingDestinations(of: message)
        guard !queued.contains(.unrouted) else { return }
        let now = clock.now()
        for target in message.targets where target.state == .waiting {
            let destination = target.route.destination(for: target.address)
            guard queued.insert(destination).inserted else { continue }
            schedule(message, target, to: destination, isNew: true, now: now)
            schedulePump()
        }
    }
}
