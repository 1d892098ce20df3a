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
    /// - Returns: the number of messages.
    @discardableResult
    public func bounce(_ selection: QueueSelection) async -> Int {
        await loading?.value
        let ids = await messages(in: selection)
        guard ids.count > Self.givenUpAtOnce else {
            var count = 0
            for id in ids where await giveUp(id) { count += 1 }
            schedulePump()
            return count
        }
        await hold(selection)
        let oldestFirst = ids.sorted()
        let number = beginBounceOrder(ids.count)
        startWorker { service in
            for id in oldestFirst {
                while service.chores.count - service.choresBegun > Self.reportsWaiting, !service.isStopping {
                    await service.choreToEnd()
                }
                guard !service.isStopping else { return }
                let isReleased = service.active[id].map { !$0.isHeld } ?? (service.spool.message(id)?.isHeld == false)
                if isReleased { service.bounceOrders[number]?.left += 1 } else { _ = await service.giveUp(id) }
                service.bounceOrders[number]?.dealtWith += 1
            }
            service.bounceOrders[number]?.ended = service.clock.now()
        }
        return ids.count
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

    /// - Returns: whether the message was there, and its recipients known.
    private func giveUp(_ id: QueueID) async -> Bool {
        guard let message = await readOnly(id), message.resolved != nil else { return false }
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
        return true
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
    /// Of these, those that were given up, were gone, or had been released.
    public var dealtWith = 0
    /// Of these, those that had been released.
    public var left = 0
    public var begun: Timestamp
    /// `nil` while it goes on.
    public var ended: Timestamp?
}
