import DeliveryScheduler
import MailBytes
import MailEvents
import MailNames
import SMTPProtocol

/// Giving messages up. Each sender gets a report, which is a message of its own: a few are written at once, many little by little.
extension DeliveryService {
    /// More messages than this are given up in the background.
    public static let givenUpAtOnce = 256
    /// Reports that wait to be written, at most, before more messages are given up.
    private static let reportsWaiting = 64

    /// Gives messages up and reports that to their senders.
    ///
    /// Many are held first, durably and all at once, and then given up one after the other; `bounceOrders` says how far that is. An
    /// end of the server ends that too: what was not given up is still held. So is left alone what is released meanwhile.
    ///
    @discardableResult
    public func bounce(_ selection: QueueSelection) async -> OrderResult {
        await loading?.value
        let ids = await messages(in: selection)
        guard ids.count > Self.givenUpAtOnce else {
            var count = 0
            for id in ids where await giveUp(id) == .givenUp { count += 1 }
            schedulePump()
            return OrderResult(messages: count)
        }
        let held = await hold(ids, areAll: selection == .all)
        let oldestFirst = ids.sorted()
        let number = beginBounceOrder(ids.count)
        startWorker { service in
            for id in oldestFirst {
                while service.hasReportsEnough, !service.isStopping {
                    await service.choreToEnd()
                }
                guard !service.isStopping else { return }
                let isReleased = service.active[id].map { !$0.isHeld } ?? (service.spool.message(id)?.isHeld == false)
                let ending = isReleased ? .released : await service.giveUp(id)
                switch ending {
                case .givenUp, .gone: break
                case .released: service.bounceOrders[number]?.left += 1
                case .failed: service.bounceOrders[number]?.failed += 1
                }
                if ending != .failed { service.bounceOrders[number]?.dealtWith += 1 }
            }
            service.bounceOrders[number]?.ended = service.clock.now()
        }
        return OrderResult(messages: ids.count, problem: held.problem)
    }

    /// Whether reports wait, or could not be written, of which no more fit in memory.
    private var hasReportsEnough: Bool {
        chores.count - choresBegun > Self.reportsWaiting || postponedReports.count >= options.messagesInMemory
    }

    private func beginBounceOrder(_ count: Int) -> Int {
        let number = (bounceOrders.keys.max() ?? 0) + 1
        bounceOrders[number] = BounceOrder(number: number, messages: count, begun: clock.now())
        // The last few are told of.
        while bounceOrders.count > 20, let oldest = bounceOrders.values.filter({ $0.ended != nil }).map(\.number).min()
        {
            bounceOrders[oldest] = nil
        }
        return number
    }

    private enum Ending {
        case givenUp, gone, released
        /// Nobody knows now whom it is from or where it goes: it stays.
        case failed
    }

    private func giveUp(_ id: QueueID) async -> Ending {
        guard let message = await readOnly(id) else {
            return spool.message(id) == nil || deleting.contains(id) ? .gone : .failed
        }
        guard !message.isDeleted else { return .gone }
        guard message.resolved != nil else { return .failed }
        message.isGivenUp = true
        scheduler.removeWaiting(id)
        message.isReportPostponed = false
        postponedReports.remove(id)
        failWaiting(message, now: clock.now())
        ended(message)
        return .givenUp
    }

    /// All that waits of a message that was given up, or deleted, fails.
    func failWaiting(_ message: ActiveMessage, now: Timestamp) {
        for index in message.targets.indices where message.targets[index].state == .waiting {
            message.targets[index].lastFailure = .givenUp
            fail(message, index, now: now)
        }
    }

    /// Waits until a chore is over.
    private func choreToEnd() async {
        await withCheckedContinuation { choreWaiters.append($0) }
    }

    /// A chore is over, or nothing is begun any more.
    func wakeChoreWaiters() {
        let waiters = choreWaiters
        choreWaiters = []
        for waiter in waiters { waiter.resume() }
    }
}

/// An order to give many messages up, and how far it is.
public struct BounceOrder: Codable, Hashable, Sendable {
    public var number: Int
    /// Messages that it is about.
    public var messages: Int
    /// Of these, those that were given up, were gone, or had been released. Of what was being tried, what fails now comes back too.
    public var dealtWith = 0
    /// Of these, those that had been released.
    public var left = 0
    /// Those that stay held, because it cannot be read or found out now whom they are from or where they go.
    public var failed = 0
    public var begun: Timestamp
    /// `nil` while it goes on.
    public var ended: Timestamp?
}
