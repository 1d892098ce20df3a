import DeliveryScheduler
import MailBytes
import MailEvents
import MailNames
import SMTPProtocol

/// What happens to a message because time passes: it is given up, or its sender is told that it waits.
extension DeliveryService {
    /// The message's time is over at one destination.
    func expire(_ entry: EntryID, _ id: QueueID) async {
        // Reports that cannot be written are kept in memory: no more of them than fit there.
        guard postponedReports.count < options.messagesInMemory else {
            scheduler.giveBack(entry, due: clock.now() + options.reportRetry, now: clock.now())
            return
        }
        guard let message = await message(id) else {
            setAside(entry, of: id)
            return
        }
        message.users += 1
        if message.resolved == nil {
            do {
                try await resolve(message)
            } catch {
                // Nobody can be told apart now; it expires a little later.
                scheduler.giveBack(entry, due: clock.now() + options.reportRetry, now: clock.now())
                message.users -= 1
                ended(message)
                return
            }
        }
        let now = clock.now()
        record(id, .expired, message.envelope.recipients.first.map { [.recipient: $0.address.description] } ?? [:])
        // Its lifetime is over wherever it waits.
        for index in message.targets.indices where message.targets[index].state == .waiting {
            // What is caught is kept, whatever becomes of the rest.
            if case .hold(.caught) = message.targets[index].route.way { continue }
            let last = message.targets[index].lastFailure?.text ?? lastError(of: message, index)
            let limit =
                message.expiresByWish && message.expires <= now
                ? "It could not be delivered by \(message.expires.internetDate), as its sender asked"
                : "It could not be delivered within its time"
            let reason = limit + (last.map { "; the last error was: \($0)" } ?? "")
            let before = message.targets[index].lastFailure
            message.targets[index].lastFailure = DeliveryFailure(
                .expired,
                reason,
                reply: before?.reply,
                host: before?.host
            )
            fail(message, index, now: now)
        }
        scheduler.complete(entry)
        message.users -= 1
        ended(message)
    }

    func lastError(of message: ActiveMessage, _ index: Int) -> String? {
        let target = message.targets[index]
        if case .waiting(_, _, let error?) = message.progress[UInt32(target.recipient)] { return error }
        return lastErrors[target.route.destination(for: target.address)]
    }

    /// The message waited so long that its sender wants to know.
    func warn(_ entry: EntryID, _ id: QueueID) async {
        guard let message = await message(id) else {
            if unreadNow[id] != nil { scheduler.warn(entry, at: nextRead(id)) }
            return
        }
        guard message.envelope.reversePath != .null, !message.isHeld else { return }
        if message.resolved == nil {
            message.users += 1
            do {
                try await resolve(message)
                message.users -= 1
            } catch {
                // Who is to be told of what cannot be found out now.
                message.users -= 1
                scheduler.warn(entry, at: clock.now() + options.reportRetry)
                ended(message)
                return
            }
        }
        let now = clock.now()
        let asked = message.tellsDelayAt
        let isAsked = asked.map { $0 <= now } ?? false
        // Of the two moments, the other may be still to come.
        let other = isAsked ? usualWarning(of: message) : asked
        if let other, other > now { scheduler.warn(entry, at: other) }
        for index in message.targets.indices {
            let target = message.targets[index]
            guard target.state == .waiting || target.state == .inFlight else { continue }
            if case .hold = target.route.way { continue }
            guard ReportItem.isWanted(.delayed, by: message.notify(target)) else { continue }
            if isAsked {
                guard message.askedWarned.insert(target.key).inserted else { continue }
            } else {
                guard message.warned.insert(target.key).inserted else { continue }
            }
            let last = target.lastFailure?.text ?? lastError(of: message, index)
            message.items.append(
                ReportItem(
                    action: .delayed,
                    status: isAsked ? .timeNotKept : target.lastFailure?.status ?? .timeNotKept,
                    recipient: target.recipient,
                    key: target.key,
                    finalRecipient: target.address,
                    remoteHost: target.lastFailure?.host,
                    reply: target.lastFailure?.reply?.oneLine,
                    text: (isAsked ? "It was not delivered by the time you asked for" : "It has not been delivered yet")
                        + (last.map { ": \($0)" } ?? ""),
                    dialogue: nil,
                    lastAttempt: now,
                    willRetryUntil: message.expires,
                    isAsked: isAsked
                )
            )
        }
        ended(message)
    }
}
