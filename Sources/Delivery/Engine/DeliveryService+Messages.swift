import DeliveryScheduler
import MailBytes
import MailEvents
import MailNames
import NIOCore
import Spool

/// Which messages are in memory.
extension DeliveryService {
    /// The message, from memory or read from the spool; `nil` when it is not in the queue any more, or cannot be read.
    ///
    /// - Parameter readingAhead: reads the content at the same time, for the attempt that follows.
    func message(_ id: QueueID, readingAhead: Bool = false) async -> ActiveMessage? {
        if let message = active[id] { return message }
        guard unreadable[id] == nil, !deleting.contains(id) else { return nil }
        let spool = self.spool
        do {
            let loaded = try await reading { () throws -> (Envelope, SpooledMessage, ByteBuffer?)? in
                guard let spooled = spool.message(id) else { return nil }
                return (try spool.envelope(id), spooled, readingAhead ? try? spool.content(id) : nil)
            }
            // Somebody else may have read it meanwhile: one message is one object.
            if let message = active[id] { return message }
            // Or ended it, held it or sent it elsewhere: what counts is how the spool knows it now.
            guard let (envelope, _, content) = loaded, !deleting.contains(id), let spooled = spool.message(id)
            else { return nil }
            let message = remember(envelope, spooled)
            if !unreadNow.isEmpty { unreadNow[id] = nil }
            message.readAhead = content
            return message
        } catch is CancellationError {
            return nil
        } catch {
            cannotRead(id, error)
            return nil
        }
    }

    /// Whether what cannot be read may be read another time: the disk failed to give it, or the system had no memory or no more open
    /// files. Only what was read, and is not what was written, is damaged.
    static func mayBeReadLater(_ error: any Error) -> Bool {
        guard let error = error as? SpoolError else { return true }
        return switch error.reason {
        case .damaged, .unknownMessage: false
        case .full, .disk, .locked, .newerFormat, .unreadable, .closed: true
        }
    }

    func remember(_ envelope: Envelope, _ spooled: SpooledMessage) -> ActiveMessage {
        let message = ActiveMessage(
            id: spooled.id,
            envelope: envelope,
            size: spooled.size,
            override: spooled.route.flatMap { RelayHost($0) },
            isHeld: spooled.isHeld,
            progress: Dictionary(
                uniqueKeysWithValues: spooled.progress.map { key, state in
                    switch state {
                    case .finished: (UInt32(key), ActiveMessage.Progress.finished)
                    case .waiting(let attempts, let next, let error):
                        (UInt32(key), .waiting(attempts: Int(attempts), nextAttempt: next, lastError: error))
                    }
                }
            )
        )
        remember(message)
        return message
    }

    func remember(_ message: ActiveMessage) {
        active[message.id] = message
        order.append(message.id)
        // Most are done and forgotten in the order they came.
        while oldest < order.count, active[order[oldest]] == nil { oldest += 1 }
        var looked = 0
        while active.count > options.messagesInMemory, oldest < order.count, looked < 64 {
            let id = order[oldest]
            oldest += 1
            looked += 1
            guard let old = active[id] else { continue }
            // One that is in use comes again, behind the others; so does the new one, which is about to be used.
            if old.users > 0 || !old.items.isEmpty || id == message.id { order.append(id) } else { active[id] = nil }
        }
        if oldest > 4096, oldest * 2 > order.count {
            order.removeFirst(oldest)
            oldest = 0
        }
        // One that stays long in front of many that were short.
        if order.count - oldest > 4 * (active.count + 4096) {
            order = order[oldest...].filter { active[$0] != nil }
            oldest = 0
        }
    }

    /// A message's envelope cannot be read.
    func cannotRead(_ id: QueueID, _ error: any Error) {
        // It may have been done while it was looked for.
        guard spool.message(id) != nil, !deleting.contains(id) else { return }
        if Self.mayBeReadLater(error) {
            if unreadNow.count >= Self.problemsRemembered { unreadNow.removeAll() }
            unreadNow[id, default: ("", 0)].reason = String(describing: error)
            return
        }
        unreadable[id] = String(describing: error)
        damaged(id, error)
    }

    private static let problemsRemembered = 10_000

    /// A message's content could not be read for an attempt, which is tried again. What is damaged waits for somebody to look.
    ///
    /// - Returns: `nil` when the message is gone.
    func contentCannotBeRead(_ message: ActiveMessage, _ error: any Error) -> DeliveryFailure? {
        if (error as? SpoolError)?.reason == .unknownMessage { message.isDeleted = true }
        guard !message.isDeleted else { return nil }
        if !Self.mayBeReadLater(error) { damaged(message.id, error) }
        return DeliveryFailure(.systemTrouble, "The message cannot be read from the queue: \(error)")
    }

    /// A message whose record is not what was written is held, so that nothing of it is lost and somebody looks.
    func damaged(_ id: QueueID, _ error: any Error) {
        let text = String(describing: error)
        logger.error("A queued message cannot be read", metadata: ["queue-id": "\(id)", "error": "\(text)"])
        record(id, .damaged, [.reason: text])
        let now = clock.now()
        if scheduler.contains(id) {
            scheduler.hold(id, because: .damaged, now: now)
        } else {
            // Nobody knows where it goes, but it waits, and is seen.
            scheduler.add(id, to: .unrouted, expires: .distantFuture, hold: .damaged, now: now)
        }
    }

    /// What was taken belongs to a message that `message(_:)` did not give: it is gone, or is damaged and held, or cannot be read now and
    /// is tried again a little later.
    func setAside(_ entry: EntryID, of id: QueueID) {
        if spool.message(id) == nil || deleting.contains(id) {
            scheduler.complete(entry)
        } else if unreadable[id] != nil {
            scheduler.hold(entry, because: .damaged, now: clock.now())
        } else {
            let due = nextRead(id)
            scheduler.giveBack(entry, due: due, now: clock.now())
            if !isStopping { tellUnread(id, until: due) }
        }
    }

    /// No message that the disk does not give waits longer for the next time.
    private static let longestReadRetry = Duration.seconds(3600)
    /// The log tells of such messages not more often.
    private static let readFailuresToldEach = Duration.seconds(60)

    /// When a message that the disk did not give is read again: each time later.
    func nextRead(_ id: QueueID) -> Timestamp {
        let times = (unreadNow[id]?.times ?? 0) + 1
        unreadNow[id]?.times = times
        let retries = RetrySchedule(
            first: [],
            initial: options.readRetry,
            growth: 2,
            longest: max(options.readRetry, Self.longestReadRetry)
        )
        return clock.now() + scheduler.delay(retries, afterFailures: times)
    }

    private func tellUnread(_ id: QueueID, until due: Timestamp) {
        let reason = "The message cannot be read now: \(unreadNow[id]?.reason ?? "the disk does not give it")"
        record(id, .deferred, [.reason: reason, .nextAttempt: due.iso8601])
        untoldReadFailures += 1
        let now = clock.now()
        if let told = toldReadFailures, now - told < Self.readFailuresToldEach, now >= told { return }
        logger.warning(
            "Queued messages cannot be read now",
            metadata: ["failures": "\(untoldReadFailures)", "queue-id": "\(id)", "error": "\(reason)"]
        )
        (untoldReadFailures, toldReadFailures) = (0, now)
    }

    /// A message that the spool has but does not give now: it waits where what has no next hop does.
    func enqueueUnread(_ spooled: SpooledMessage) {
        let due = nextRead(spooled.id)
        scheduler.add(
            spooled.id,
            to: .unrouted,
            due: due,
            expires: .distantFuture,
            hold: spooled.isHeld ? .byOperator : nil,
            now: clock.now()
        )
        tellUnread(spooled.id, until: due)
    }

    /// The first piece of a message's content.
    func content(_ id: QueueID, piece: Int = 0) async throws -> ByteBuffer {
        if piece == 0, let recent = spool.recentContent(id) { return recent }
        if piece == 0, let ahead = active[id]?.readAhead { return ahead }
        let spool = self.spool
        return try await reading { try spool.content(id, piece: piece) }
    }

    /// Reads the disk on a thread that may wait for it, and goes on here.
    func reading<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        // Not `runIfActive`, which leads over another thread on its way back.
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Value, any Error>) in
            threads.submit { state in
                guard case .active = state else {
                    continuation.resume(throwing: CancellationError())
                    return
                }
                continuation.resume(with: Result { try body() })
            }
        }
    }

    /// The number of pieces; 1 where the message is small.
    func pieces(_ message: ActiveMessage) throws -> Int {
        try spool.pieces(of: message.id)
    }

    /// Forgets a message that is done: the spool lets go of it.
    func finish(_ message: ActiveMessage) {
        active[message.id] = nil
        postponedReports.remove(message.id)
        scheduler.removeWaiting(message.id)
        tell(.done(message.id))
    }

    /// Tells the spool, together with what else happens in this turn of the loop.
    func tell(_ change: SpoolProgress) {
        untold.append(change)
        guard untold.count == 1 else { return }
        eventLoop.execute { self.assumeIsolated { $0.tellSpool() } }
    }

    func tellSpool() {
        guard !untold.isEmpty else { return }
        spool.record(untold)
        untold.removeAll(keepingCapacity: untold.count < 4096)
    }
}
