import DeliveryScheduler
import Directory
import MailBytes
import MailEvents
import MailNames
import MailStore
import NIOCore
import SMTPProtocol

/// Delivery into mailboxes here: messages are taken in batches and written account by account.
extension DeliveryService {
    /// Octets of content that one batch holds in memory.
    private static let batchOctets = 16 << 20

    func serveLocal(_ id: DestinationID) async {
        var isFirst = true
        var tookNothing = true
        while !isStopping {
            var batch: [Attempt] = []
            var octets = 0
            while batch.count < max(1, options.localBatch), octets < Self.batchOctets {
                guard let taken = scheduler.take(from: id, isFirst: isFirst, now: clock.now()) else {
                    (isFirst, tookNothing) = (false, false)
                    break
                }
                (isFirst, tookNothing) = (false, false)
                guard let attempt = await begin(taken, .local) else { continue }
                octets += attempt.message.size
                batch.append(attempt)
            }
            guard !batch.isEmpty else { break }
            await deliver(batch)
        }
        scheduler.closed(id, wasIdle: false, tookNothing: tookNothing)
    }

    /// One message for one address of a batch.
    private struct Item {
        var attempt: Int
        var key: UInt32
        var message: LocalDelivery
    }

    private func deliver(_ batch: [Attempt]) async {
        var outcomes: [[(UInt32, DeliveryOutcome)]] = Array(repeating: [], count: batch.count)
        var accounts: [AccountID] = []
        var items: [AccountID: [Item]] = [:]
        var outside: [Int: [OutletItem]] = [:]
        for (number, attempt) in batch.enumerated() {
            if attempt.message.isTakenBack { continue }
            let first: ByteBuffer
            let pieces: Int
            do {
                pieces = try self.pieces(attempt.message)
                first = try await content(attempt.message.id)
            } catch {
                if let failure = contentCannotBeRead(attempt.message, error) {
                    outcomes[number] = attempt.keys.map { ($0, .failed(failure)) }
                }
                continue
            }
            let copies = await personalCopies(attempt.message, first)
            for key in attempt.keys {
                guard let target = attempt.message.target(key),
                    target.account != nil || target.list != nil || target.outlet != nil
                else {
                    let failure = DeliveryFailure(.systemTrouble, "The address has no mailbox here any more")
                    outcomes[number].append((key, .failed(failure)))
                    continue
                }
                if let failure = await ownership(of: target, in: attempt.message) {
                    outcomes[number].append((key, .failed(failure)))
                    continue
                }
                if let list = target.list {
                    let outcome = await serve(list, key, of: attempt.message, first, pieces)
                    outcomes[number].append((key, outcome))
                    continue
                }
                if let failure = loop(first, target) {
                    outcomes[number].append((key, .failed(failure)))
                    continue
                }
                let envelope = attempt.message.envelope
                let member = envelope.recipients[target.recipient].address
                let path = copies?.reversePath(for: member) ?? envelope.reversePath
                var prefix = LocalHeader.fields(path, deliveredTo: target.address)
                if let copies { prefix += copies.fields(for: member) }
                if let outlet = target.outlet {
                    let message = OutletMessage(
                        outlet: outlet,
                        recipient: target.address,
                        reversePath: path,
                        content: localContent(attempt.message.id, prefix, first, pieces),
                        received: envelope.received
                    )
                    outside[number, default: []].append(OutletItem(key: key, message: message))
                }
                guard let account = target.account else { continue }
                if items[account] == nil { accounts.append(account) }
                let message = LocalDelivery(
                    queueID: attempt.message.id.rawValue,
                    recipient: target.address.description,
                    content: localContent(attempt.message.id, prefix, first, pieces),
                    received: attempt.message.envelope.received
                )
                items[account, default: []].append(Item(attempt: number, key: key, message: message))
            }
        }
        for (number, attempt) in batch.enumerated() where attempt.message.isTakenBack {
            // Held or deleted while all of them were got ready.
            outside[number] = nil
            for account in accounts { items[account]?.removeAll { $0.attempt == number } }
            accounts.removeAll { items[$0]?.isEmpty ?? true }
            guard !attempt.message.isDeleted else { continue }
            let known = Set(outcomes[number].map(\.0))
            outcomes[number] += attempt.keys.filter { !known.contains($0) }.map { ($0, .heldByOperator) }
        }
        for (account, results) in await write(accounts, items) {
            for (item, result) in zip(items[account] ?? [], results) {
                switch result {
                case .written(let mailbox):
                    outcomes[item.attempt].append((item.key, .delivered))
                    record(
                        batch[item.attempt].message.id,
                        .delivered,
                        [.recipient: item.message.recipient, .mailbox: mailbox]
                    )
                case .failed(let failure): outcomes[item.attempt].append((item.key, .failed(failure)))
                }
            }
        }
        for (number, attempt) in batch.enumerated() {
            let outcome = outcomes[number]
            guard let waiting = outside[number] else {
                settle(attempt, outcome, dialogue: nil)
                continue
            }
            let bound = NIOLoopBound(attempt, eventLoop: eventLoop)
            startWorker { await $0.deliverOutside(bound.value, waiting, outcome) }
        }
    }

    /// Writes account by account, several at a time: each has a database of its own.
    private func write(_ accounts: [AccountID], _ items: [AccountID: [Item]]) async -> [(AccountID, [LocalOutcome])] {
        let mailboxes = self.mailboxes
        let work = accounts.map { account in (account, (items[account] ?? []).map(\.message)) }
        guard work.count > 1 else {
            guard let (account, messages) = work.first else { return [] }
            return [(account, await mailboxes.write(messages, to: account))]
        }
        return await withTaskGroup { group in
            for (account, messages) in work {
                group.addTask { (account, await mailboxes.write(messages, to: account)) }
            }
            var results: [(AccountID, [LocalOutcome])] = []
            for await result in group { results.append(result) }
            return results
        }
    }

    private func localContent(_ id: QueueID, _ prefix: [UInt8], _ first: ByteBuffer, _ pieces: Int) -> LocalContent {
        guard pieces > 1 else { return .whole(prefix: prefix, body: first) }
        let spool = self.spool
        return .pieces(prefix: prefix, count: pieces) { try $0 == 0 ? first : spool.content(id, piece: $0) }
    }

    /// Why a message must not be delivered, when it goes in circles: RFC 5321 section 6.3.
    private func loop(_ first: ByteBuffer, _ target: ActiveMessage.Target) -> DeliveryFailure? {
        let address = Array(target.address.description.lowercased().utf8)
        let findings = LocalHeader.examine(first.readableBytesUInt8Span, deliveredTo: address)
        if findings.wasDeliveredBefore {
            return DeliveryFailure(.tooManyHops, "The message was delivered to \(target.address) before and came back")
        }
        if findings.hops > options.hops {
            return DeliveryFailure(.tooManyHops, "The message has come over \(findings.hops) hosts")
        }
        return nil
    }
}
