import DeliveryScheduler
import MailBytes
import MailEvents
import MailNames
import SMTPProtocol
import Spool

/// One of the relay's connections to a next hop, or one of its workers that write into mailboxes.
final class RelayConnection {
    let destination: DestinationID
    private let relay: Relay
    private var client: ClientSide?
    private(set) var isIdle = false
    private(set) var isOver = false
    /// Whether it is a worker that writes into mailboxes.
    private(set) var isLocal = false
    /// Opened or let go on, and nothing taken since.
    private var isFirst = true
    private var taken: (entry: TakenEntry, recipients: [Int])?

    init(_ relay: Relay, to destination: DestinationID) {
        self.relay = relay
        self.destination = destination
    }

    /// The relay has crashed.
    func vanish() {
        isOver = true
        client?.vanish()
    }

    func open() {
        guard let target = relay.scheduler.destination(destination) else { return over() }
        isLocal = target == .local
        relay.after(Int64(relay.random.next(upperBound: UInt(200_000)))) { [self] in
            if target == .local { return write() }
            guard let host = relay.world.hop(for: target), let connection = host.connect() else {
                relay.scheduler.failed(destination, now: relay.now)
                return over()
            }
            client = ClientSide(
                SMTPClientSession.Configuration(hostName: "relay.example", tls: .opportunistic),
                on: connection,
                relay.world.time,
                ClientSide.Owner(
                    next: { self.next() },
                    finished: { self.finished($0) },
                    ended: { self.ended($0) }
                )
            )
        }
    }

    private func over() {
        guard !isOver else { return }
        isOver = true
        relay.scheduler.closed(destination, wasIdle: isIdle, tookNothing: isFirst && !isIdle)
        relay.pump()
    }

    // MARK: To a next hop

    private func next() -> ClientSide.Message? {
        if isFirst { relay.scheduler.established(destination) }
        while let entry = relay.scheduler.take(from: destination, isFirst: isFirst, now: relay.now) {
            isFirst = false
            let id = entry.message.rawValue
            guard let message = relay.queued[id], let target = relay.scheduler.destination(destination),
                let content = relay.content(id)
            else {
                relay.complainUnreadable(id)
                relay.scheduler.complete(entry.id)
                continue
            }
            let places = relay.recipients(of: message, to: target)
            if places.isEmpty {
                relay.end(entry.id, id)
                continue
            }
            taken = (entry, places)
            return ClientSide.Message(
                delivery: SMTPDelivery(
                    reversePath: message.envelope.reversePath,
                    recipients: places.map { message.envelope.recipients[$0] },
                    bodyType: message.envelope.bodyType,
                    size: content.count
                ),
                content: content
            )
        }
        becomeIdle()
        return nil
    }

    private func becomeIdle() {
        isFirst = true
        isIdle = true
        // Who is idle has taken for the first time, if in vain.
        relay.scheduler.becameIdle(destination)
        relay.after(Int64(relay.random.next(upperBound: UInt(30_000_000)))) { [self] in
            if isIdle && !isOver { client?.quit() }
        }
    }

    func resume() {
        isIdle = false
        client?.goOn()
        if client == nil { write() }
    }

    func makeRoom() {
        isIdle = false
        client?.quit()
    }

    private func finished(_ result: SMTPTransactionResult) {
        guard let (entry, places) = taken else { return }
        taken = nil
        let id = entry.message.rawValue
        relay.scheduler.succeeded(destination)
        var states: [(Int, RecipientState)] = []
        var failed: [Int] = []
        var isDeferred = false
        var isLeft = false
        for (place, outcome) in zip(places, result.outcomes) {
            switch outcome {
            case .accepted: states.append((place, .finished))
            case .failed: failed.append(place)
            case .deferred: isDeferred = true
            case .notTried: isLeft = true
            }
        }
        let isProgress = !states.isEmpty || !failed.isEmpty
        if !states.isEmpty { relay.note(states, of: id) }
        relay.fail(id, failed) { [relay] isReported in
            if isDeferred || !isReported || isLeft && !isProgress {
                guard let due = relay.scheduler.retry(entry.id, now: relay.now), let message = relay.queued[id] else {
                    return
                }
                let waiting = places.filter { message.states[$0] != .finished }
                relay.note(
                    waiting.map {
                        ($0, .waiting(attempts: UInt16(entry.attempts + 1), nextAttempt: due, lastError: nil))
                    },
                    of: id
                )
            } else if isLeft {
                relay.scheduler.giveBack(entry.id, now: relay.now)
            } else {
                relay.end(entry.id, id)
            }
        }
        relay.pump()
    }

    private func ended(_ failure: SMTPClientFailure?) {
        // The next hop may have what was under way, and gets it again.
        if failure != nil { relay.world.oracle.ambiguous += 1 }
        if failure != nil && !isIdle { relay.scheduler.failed(destination, now: relay.now) }
        over()
    }

    // MARK: Into mailboxes

    private func write() {
        guard let entry = relay.scheduler.take(from: destination, isFirst: isFirst, now: relay.now) else {
            isFirst = false
            return over()
        }
        isFirst = false
        let id = entry.message.rawValue
        relay.after(Int64(relay.random.next(upperBound: UInt(20_000)))) { [self] in
            guard let message = relay.queued[id], let content = relay.content(id) else {
                relay.complainUnreadable(id)
                relay.scheduler.complete(entry.id)
                return over()
            }
            let places = relay.recipients(of: message, to: .local)
            for place in places {
                let address = message.envelope.recipients[place].address
                relay.world.mailboxes.deliver(content, to: address.description, as: id)
                // A crash between the mailbox and the queue: the mailbox knows the message again.
                if relay.world.hasFaults && relay.chance(40) { return relay.crash() }
                relay.note([(place, .finished)], of: id)
            }
            relay.end(entry.id, id)
            relay.after(0) { self.write() }
        }
    }
}
