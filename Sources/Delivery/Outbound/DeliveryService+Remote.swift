import DeliveryScheduler
import MailBytes
import MailEvents
import MailNames
import NIOCore
import SMTPProtocol

/// A connection that waits for something to send.
struct IdleConnection {
    enum Signal {
        case goOn, makeRoom, timeIsUp
    }

    let number: Int
    let continuation: CheckedContinuation<Signal, Never>
    let timer: Scheduled<Void>
}

/// Sending to other hosts: one task a connection, which takes one message after the other.
extension DeliveryService {
    func serveRemote(_ id: DestinationID) async {
        guard let destination = scheduler.destination(id) else { return }
        var connection: (any OutboundConnection)?
        var sent = 0
        var since = clock.now()
        var isFirst = true
        var tookNothing = true
        // Messages since it was opened or let go on.
        var turn = 0
        while !isStopping {
            if turn >= options.messagesPerTurn && scheduler.shouldMakeRoom(id) { break }
            let taken = scheduler.take(from: id, isFirst: isFirst, now: clock.now())
            (isFirst, tookNothing) = (false, false)
            guard let taken else {
                guard let open = connection, open.isClosed == false, !isStopping else { break }
                switch await waitIdle(id) {
                case .goOn: (isFirst, tookNothing, turn) = (true, true, 0)
                case .makeRoom:
                    scheduler.closed(id, wasIdle: false, tookNothing: true)
                    open.close()
                    return
                // The scheduler knows since the moment that it was taken out of those that wait.
                case .timeIsUp:
                    open.close()
                    return
                }
                continue
            }
            guard let attempt = await begin(taken, destination) else { continue }
            turn += 1
            if needsVerifiedConnection(attempt.message) {
                connection?.close()
                connection = nil
                await sendVerified(attempt, destination)
                continue
            }
            if let old = connection, old.isClosed || isSpent(sent, since) {
                old.close()
                connection = nil
            }
            var keys = attempt.keys
            var settled: [(UInt32, DeliveryOutcome)] = []
            while true {
                var isFresh = false
                if connection == nil {
                    switch await hosts.connect(to: destination, options: options, onAttempt: tracing(attempt)) {
                    case .success(let opened):
                        connection = opened
                        (sent, since, isFresh) = (0, clock.now(), true)
                        scheduler.established(id)
                    case .failure(let failure): unreachable(id, destination, failure, attempt, keys, settled)
                    }
                }
                guard let open = connection else { break }
                var result = await send(attempt, keys, over: open, isFresh: isFresh)
                sent += max(1, result.transactions)
                if !result.isUsable {
                    open.close()
                    connection = nil
                }
                // A connection that the other side had closed meanwhile says nothing about the host.
                if result.wasStale && !isFresh { continue }
                settled += result.outcomes
                if !result.left.isEmpty {
                    keys = result.left
                    open.close()
                    connection = nil
                    continue
                }
                result.outcomes = settled
                took(result, of: attempt, id, destination, open)
                break
            }
        }
        scheduler.closed(id, wasIdle: false, tookNothing: tookNothing)
        if let connection { connection.close() }
        schedulePump()
    }

    private func isSpent(_ sent: Int, _ since: Timestamp) -> Bool {
        sent >= options.messagesPerConnection || clock.now() - since > options.connectionAge
    }

    /// No host of the destination took a connection.
    private func unreachable(
        _ id: DestinationID,
        _ destination: Destination,
        _ problem: ConnectFailure,
        _ attempt: Attempt,
        _ keys: [UInt32],
        _ settled: [(UInt32, DeliveryOutcome)]
    ) {
        let now = clock.now()
        if !problem.failure.isPermanent {
            lastErrors[destination] = problem.failure.text
            if lastErrors.count > 10_000 { lastErrors.removeAll() }
            scheduler.failed(id, addresses: problem.addresses, now: now)
            traceWaiting(id, destination, now: now)
        }
        settle(
            attempt,
            settled + keys.map { ($0, .failed(problem.failure)) },
            dialogue: problem.dialogue
        )
    }

    /// Records each address tried in the traces of the message that the connection was made for.
    func tracing(_ attempt: Attempt) -> @Sendable (ConnectionAttempt) -> Void {
        let (id, recorder, clock) = (attempt.message.id, recorder, clock)
        return { tried in
            let event = TraceEvent(
                .attempted,
                [
                    .host: tried.host, .address: tried.address?.description, .tls: tried.tls, .answers: tried.answers,
                    .reply: tried.outcome, .dialogue: tried.dialogue, .duration: tried.duration.inMilliseconds,
                ]
            )
            recorder.record(TraceEntry(queueID: id, time: clock.now(), event: event))
        }
    }

    // MARK: Behind a destination that cannot be reached

    /// The most messages whose traces tell, at one failure of their destination, that they wait for it.
    private static let tracesPerFailure = 1000

    /// Tells in the traces of what waits for a destination that it could not be reached, once a message.
    private func traceWaiting(_ id: DestinationID, _ destination: Destination, now: Timestamp) {
        guard let until = scheduler.blockedUntil(id) else { return }
        for message in scheduler.beganToWait(for: id, limit: Self.tracesPerFailure) {
            traceWaiting(message, [], destination, until)
        }
    }

    func traceWaiting(
        _ id: QueueID,
        _ targets: [ActiveMessage.Target],
        _ destination: Destination,
        _ until: Timestamp
    ) {
        let last = lastErrors[destination].map { ": \($0)" } ?? ""
        let fields = [
            TraceEvent.Entry(.destination, destination.description),
            TraceEvent.Entry(.reason, "\(destination) could not be reached\(last)"),
            TraceEvent.Entry(.nextAttempt, until.iso8601),
        ]
        trace(id, .deferred, targets, fields)
    }

    // MARK: One message

    struct Sending {
        var outcomes: [(UInt32, DeliveryOutcome)] = []
        /// Addresses that the host wants on another connection: RFC 9422.
        var left: [UInt32] = []
        var dialogue = ""
        var isUsable = true
        /// The connection broke, or the host wants no more of them now.
        var isBroken = false
        /// It broke before the host said anything.
        var wasStale = false
        var problem: String?
        var transactions = 0
        /// Those that had no turn, though others had: they have it on another connection.
        var untried: [UInt32] = []
    }

    /// Takes in what came of a message on a connection.
    private func took(
        _ result: Sending,
        of attempt: Attempt,
        _ id: DestinationID,
        _ destination: Destination,
        _ connection: any OutboundConnection
    ) {
        if result.isBroken {
            lastErrors[destination] = result.problem
            scheduler.failed(id, addresses: [connection.address], now: clock.now())
            traceWaiting(id, destination, now: clock.now())
        } else {
            if !lastErrors.isEmpty { lastErrors[destination] = nil }
            scheduler.succeeded(id)
            // Greylisting and full mailboxes: when the host connects to us, what it put off is worth another try.
            if result.outcomes.contains(where: { if case .failed(let why) = $0.1 { !why.isPermanent } else { false } })
            {
                scheduler.remember([connection.address], for: id)
            }
        }
        if result.transactions > 0 { traceTransaction(attempt, connection, result.dialogue, result.outcomes) }
        if !result.untried.isEmpty { giveBack(result.untried, of: attempt) }
        settle(attempt, result.outcomes, dialogue: result.dialogue)
    }

    /// Sends a message to the attempt's addresses, in as many transactions as the host wants.
    ///
    /// - Parameter isFresh: nothing was sent over the connection before.
    func send(
        _ attempt: Attempt,
        _ keys: [UInt32],
        over connection: any OutboundConnection,
        isFresh: Bool
    ) async -> Sending {
        let message = attempt.message
        var remaining = keys
        var state = Sending()
        let isPersonal = message.hasCopies
        let recipientsAtOnce = isPersonal ? 1 : max(1, options.recipientsPerTransaction)
        let source: OutboundContent
        do {
            source = try await content(of: message, for: connection)
        } catch {
            if let failure = contentCannotBeRead(message, error) {
                state.outcomes = keys.map { ($0, .failed(failure)) }
            }
            return state
        }
        let copies = await personalCopies(message, source.first)
        let signer = await returnPathSigner(for: attempt)
        while !remaining.isEmpty && state.isUsable {
            // Held or deleted while the connection was made, or between two of its transactions.
            if message.isDeleted { return state }
            if message.isHeld {
                state.outcomes += remaining.map { ($0, .heldByOperator) }
                return state
            }
            let part = Array(remaining.prefix(recipientsAtOnce))
            remaining.removeFirst(part.count)
            let member = part.first.flatMap { message.target($0) }.map {
                message.envelope.recipients[$0.recipient].address
            }
            let copy = member.flatMap { copies?.content(source.first, for: $0) } ?? source.first
            let recipients = part.compactMap { envelopeRecipient($0, of: message) }
            let path = member.flatMap { copies?.reversePath(for: $0) } ?? message.envelope.reversePath
            var delivery = SMTPDelivery(
                reversePath: signer?.signed(path, since: message.envelope.received, now: clock.now()) ?? path,
                recipients: recipients,
                bodyType: source.bodyType,
                isInternationalized: source.isInternationalized,
                envelopeID: message.envelope.envelopeID,
                returnContent: message.envelope.returnContent,
                size: source.size + copy.readableBytes - source.first.readableBytes,
                terms: terms(for: part, of: message)
            )
            if source.canGoOn && !isPersonal {
                delivery.transactionID = delivery.identifier(of: message.id, at: options.hostName)
            }
            let transaction = OutboundTransaction(
                delivery: delivery,
                content: copy,
                laterPieces: source.laterPieces,
                piece: source.piece()
            )
            let result = await connection.perform(transaction)
            state.transactions += 1
            let isWorthTelling = !isPersonal || state.transactions == 1 || !result.outcomes.allSatisfy(\.isAccepted)
            if isWorthTelling { state.dialogue += state.dialogue.isEmpty ? result.dialogue : "\n" + result.dialogue }
            (state.isUsable, state.isBroken) = (result.isUsable, result.isBroken)
            state.wasStale = result.isBroken && !state.dialogue.contains("S: ")
            var again: [UInt32] = []
            for (key, outcome) in zip(part, result.outcomes) {
                switch outcome {
                case .accepted(let reply) where result.owesRelayNotice:
                    state.outcomes.append((key, .relayedWithNotice(host: connection.host, reply: reply)))
                case .accepted(let reply):
                    let relayed = DeliveryOutcome.relayed(
                        host: connection.host,
                        reply: reply,
                        keepsNotifyPromise: result.passedNotifications
                    )
                    state.outcomes.append((key, relayed))
                    // Each copy stands for itself: a crash after it does not send it again.
                    if isPersonal { finish(message, keys: [key]) }
                case .deferred(let reply), .failed(let reply):
                    let failure = DeliveryFailure(reply: reply, host: connection.host)
                    // 421 is about the connection, not about the message: RFC 5321 section 3.8.
                    if reply.code == 421 { (state.isBroken, state.isUsable) = (true, false) }
                    if state.isBroken { state.problem = failure.text }
                    state.outcomes.append((key, .failed(failure)))
                case .notTried: again.append(key)
                }
            }
            // A transaction that took nobody will not take them the next time either, but for a host that wants others on another
            // connection: RFC 9422.
            if again.count == part.count && !result.isUsable && !result.isBroken {
                remaining = again + remaining
            } else if again.count == part.count {
                let reply = SMTPReply(452, EnhancedStatus(4, 5, 3), "no recipient was taken in this transaction")
                state.outcomes += again.map { ($0, .failed(DeliveryFailure(reply: reply, host: connection.host))) }
            } else {
                remaining = again + remaining
            }
        }
        if isPersonal, state.outcomes.contains(where: \.1.isRelayed) {
            state.untried = remaining
            return state
        }
        if !remaining.isEmpty && !state.isBroken && !(isFresh && state.outcomes.isEmpty) {
            state.left = remaining
            return state
        }
        let untried = DeliveryFailure(
            EnhancedStatus(4, 4, 2),
            "\(connection.host) closed the connection before this recipient had its turn",
            host: connection.host
        )
        state.outcomes += remaining.map { ($0, .failed(untried)) }
        return state
    }

    private func envelopeRecipient(_ key: UInt32, of message: ActiveMessage) -> EnvelopeRecipient? {
        guard let target = message.target(key) else { return nil }
        var recipient = message.envelope.recipients[target.recipient]
        guard target.isExpanded else { return recipient }
        // What an alias leads to is reported as the address it was sent to: RFC 3461 section 5.2.7. Success was told as "expanded".
        if recipient.originalRecipient == nil {
            let original = recipient.address
            recipient.originalRecipient = OriginalRecipient(
                addressType: original.isInternationalized ? "utf-8" : "rfc822",
                address: original.description
            )
        }
        if let notify = recipient.notify, notify.contains(.success) { recipient.notify = notify.subtracting(.success) }
        // Who has the alias was asked at the door; who has what it leads to was not what the sender meant: RFC 7293 section 8.2.
        recipient.requiredOwnership = nil
        recipient.address = target.address
        return recipient
    }

    func traceTransaction(
        _ attempt: Attempt,
        _ connection: any OutboundConnection,
        _ dialogue: String,
        _ outcomes: [(UInt32, DeliveryOutcome)]
    ) {
        let accepted = outcomes.count { $0.1.isRelayed }
        let event = TraceEvent(
            .attempted,
            [
                .host: connection.host, .address: connection.address.description, .tls: connection.tls,
                .reply: "\(accepted) of \(outcomes.count) recipients accepted", .dialogue: dialogue,
                .duration: (clock.now() - attempt.begun).inMilliseconds,
            ]
        )
        recorder.record(TraceEntry(queueID: attempt.message.id, time: clock.now(), event: event))
    }

    // MARK: Idle connections

    private func waitIdle(_ id: DestinationID) async -> IdleConnection.Signal {
        workerCount += 1
        let number = workerCount
        return await withCheckedContinuation { continuation in
            let timer = eventLoop.scheduleTask(in: TimeAmount(options.connectionIdle)) {
                self.assumeIsolated { $0.idleTimeIsUp(id, number) }
            }
            idle[id, default: []].append(IdleConnection(number: number, continuation: continuation, timer: timer))
            scheduler.becameIdle(id)
            schedulePump()
        }
    }

    /// Tells the connection that became idle last; those before it get old and close.
    func resumeIdle(_ id: DestinationID, _ signal: IdleConnection.Signal) {
        guard let connection = idle[id]?.popLast() else { return }
        if idle[id]?.isEmpty == true { idle[id] = nil }
        connection.timer.cancel()
        connection.continuation.resume(returning: signal)
    }

    func idleTimeIsUp(_ id: DestinationID, _ number: Int) {
        guard let index = idle[id]?.firstIndex(where: { $0.number == number }) else { return }
        let connection = idle[id]?.remove(at: index)
        if idle[id]?.isEmpty == true { idle[id] = nil }
        // At once, so that the scheduler does not let go on what is none any more.
        scheduler.closed(id, wasIdle: true)
        connection?.continuation.resume(returning: .timeIsUp)
    }

    func closeIdleConnections() {
        for (id, connections) in idle {
            for connection in connections {
                connection.timer.cancel()
                scheduler.closed(id, wasIdle: true)
                connection.continuation.resume(returning: .timeIsUp)
            }
        }
        idle = [:]
    }
}

extension Duration {
    /// `12 ms`, for people.
    var inMilliseconds: String { "\(wholeMicroseconds / 1000) ms" }
}
