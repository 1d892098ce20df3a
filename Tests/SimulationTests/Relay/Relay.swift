import DeliveryScheduler
import MailBytes
import MailEvents
import MailNames
import SMTPProtocol

@testable import Spool

/// A relay put together from the real spool log, the real scheduler and the real sessions, on a disk, a network and a clock that
/// do not exist. It may crash at each step of its disk, and starts again with what the disk kept.
final class Relay {
    /// A message in the queue.
    struct Queued {
        var envelope: Envelope
        var states: [RecipientState?]
        var isDone: Bool { states.allSatisfy { $0 == .finished } }
    }

    /// What is told when a batch is durable, or is not.
    struct Promise {
        var batches: ClosedRange<UInt64>
        var tell: (SpoolError?) -> Void
    }

    let world: World
    let disk: SimulatedDisk
    var random: SplitMix64
    /// Lives so far; what was planned in an earlier one does nothing.
    private(set) var life = 0
    var log: SpoolLog?
    var scheduler: DeliveryScheduler
    var queued: [UInt64: Queued] = [:]
    /// Where what the scheduler has is to go.
    private var entries: [EntryID: Destination] = [:]
    var promises: [Promise] = []
    var outgoing: [RelayConnection] = []
    private var incoming: [SimulatedConnection] = []
    private var isFlushPlanned = false
    private var wakePlanned: Int64 = .max
    private var isPumping = false
    /// By how much its clock is wrong; it may be set with each start.
    private var clockError: Int64 = 0

    init(world: World, seed: UInt64) {
        self.world = world
        random = SplitMix64(seed: seed)
        disk = SimulatedDisk(seed: random.next())
        scheduler = DeliveryScheduler(options: Self.schedulerOptions, seed: 0)
    }

    static let schedulerOptions = SchedulerOptions(
        connections: 5,
        connectionsPerDestination: 3,
        initialConnectionsPerDestination: 2
    )

    func chance(_ one: UInt) -> Bool { random.next(upperBound: one) == 0 }

    var now: Timestamp {
        Timestamp(microseconds: 1_800_000_000_000_000 + world.time.microseconds + clockError)
    }

    /// As `SimulatedTime.after`, but not in another life.
    func after(_ delay: Int64, _ action: @escaping () -> Void) {
        let life = self.life
        world.time.after(delay) {
            guard self.life == life else { return }
            action()
            self.settle()
        }
    }

    // MARK: Life and death

    func start() {
        clockError = chance(3) ? Int64(random.next(upperBound: UInt(7_200_000_000))) - 3_600_000_000 : 0
        scheduler = DeliveryScheduler(options: Self.schedulerOptions, seed: random.next())
        var options = SpoolOptions()
        options.segmentSize = ByteCount(bytes: 32 << 10)
        options.minimumFreeSpace = ByteCount(bytes: 0)
        // The system may have no more open files for it, and then have some again.
        if world.hasFaults && chance(6) { disk.faults.openFails = 3 }
        defer { disk.faults.openFails = 0 }
        do {
            let log = try SpoolLog(files: disk, options: options, random: SplitMix64(seed: random.next()))
            self.log = log
            if let last = log.reader.ids().last { world.oracle.told(last) }
            for id in log.reader.ids() { try takeUp(id, log) }
        } catch {
            if !disk.isOff && !world.hasFaults { world.oracle.complain("does not start: \(error)") }
            return crash()
        }
        keepHouse()
        pump()
    }

    private func takeUp(_ id: UInt64, _ log: SpoolLog) throws {
        let envelope = try log.reader.envelope(id)
        let progress = log.reader.message(id)?.progress ?? [:]
        let message = Queued(envelope: envelope, states: envelope.recipients.indices.map { progress[$0] })
        queued[id] = message
        if message.isDone { return forget(id) }
        for destination in destinations(of: message) {
            var due: Timestamp?
            var tries = 0
            for index in recipients(of: message, to: destination) {
                guard case .waiting(let attempts, let next, _)? = message.states[index] else { continue }
                due = min(due ?? next, next)
                tries = max(tries, Int(attempts))
            }
            let entry = scheduler.add(
                QueueID(rawValue: id),
                to: destination,
                due: due,
                expires: envelope.expires,
                attempts: tries,
                now: now
            )
            entries[entry] = destination
        }
    }

    /// The machine or the program ends; it starts again some time later.
    func crash() {
        life += 1
        world.oracle.crashes += 1
        log = nil
        queued = [:]
        entries = [:]
        promises = []
        isFlushPlanned = false
        wakePlanned = .max
        for connection in outgoing { connection.vanish() }
        outgoing = []
        for connection in incoming { connection.vanish() }
        incoming = []
        if chance(4) { disk.killProgram() } else { disk.restart() }
        world.setFaults(of: disk)
        after(Int64(random.next(upperBound: UInt(chance(2) ? 1_000_000 : 600_000_000)))) { self.start() }
    }

    /// After each step: whether the disk is gone, and what the scheduler wants.
    private func settle() {
        if disk.isOff { return crash() }
        pump()
    }

    private func keepHouse() {
        after(Int64(random.next(upperBound: UInt(900_000_000)))) { [self] in
            guard let log else { return }
            if log.waiting == 0 && promises.isEmpty {
                // Now and then the disk does not give back what is to be moved.
                if world.hasFaults && chance(3) { disk.faults.readFails = 3 }
                log.rewriteSome(limit: 1 << 12)
                disk.faults.readFails = 0
                log.settle()
                log.flush(durably: true)
                log.forgetFailures()
                log.reclaim()
            }
            if world.isBusy { keepHouse() }
        }
    }

    // MARK: Receiving

    /// Somebody connects.
    func accept(_ connection: SimulatedConnection) {
        guard log != nil else { return connection.vanish() }
        incoming.removeAll { $0.isOver }
        incoming.append(connection)
        let life = self.life
        _ = ServerSide(
            world.configuration("relay.example"),
            on: connection,
            ServerSide.Behaviour(
                judgeRecipient: { address in
                    self.world.refuses(address)
                        ? .refused(SMTPReply(550, EnhancedStatus(5, 7, 1), "not here")) : .accepted
                },
                commit: { transaction, content, answer in
                    guard self.life == life else { return }
                    self.take(transaction, content, answer)
                    self.settle()
                }
            )
        )
    }

    private func take(_ transaction: SMTPTransaction, _ content: [UInt8], _ answer: @escaping (SMTPReply) -> Void) {
        let envelope = Envelope(
            reversePath: transaction.reversePath,
            recipients: transaction.recipients,
            bodyType: transaction.bodyType,
            origin: MessageOrigin(door: .smtp, helo: "client.example", transmissionType: "ESMTP"),
            received: now,
            // Some are given up while things still go wrong.
            expires: now + .seconds(chance(5) ? 3600 + Int64(random.next(upperBound: UInt(86400))) : 5 * 86400)
        )
        commit(envelope, content) { error in
            answer(error == nil ? .ok : SMTPReply(451, EnhancedStatus(4, 3, 0), "the disk"))
        }
    }

    /// Puts a message into the queue; tells when it is durable.
    func commit(_ envelope: Envelope, _ content: [UInt8], then tell: @escaping (SpoolError?) -> Void) {
        guard let log else { return tell(SpoolError(.closed)) }
        let id = log.nextID(now: now)
        world.oracle.gave(id, to: content)
        let first = log.batch
        do {
            let head = EnvelopeHead.encode(envelope)
            if content.count > 1500 {
                var rest = content[...]
                while !rest.isEmpty {
                    let piece = rest.prefix(1 + Int(random.next(upperBound: UInt(2000))))
                    rest = rest.dropFirst(piece.count)
                    try append(piece) { bytes throws(SpoolError) in try log.append(chunkOf: id, body: [bytes]) }
                    if chance(4) { flush() }
                }
                guard self.log != nil else { return }
                try log.append(uploaded: id, envelope: head, recipients: envelope.recipients.count)
            } else {
                try append(content[...]) { bytes throws(SpoolError) in
                    try log.append(message: id, envelope: head, recipients: envelope.recipients.count, body: [bytes])
                }
            }
        } catch {
            return tell(error)
        }
        promise(first) { [self] error in
            if error == nil {
                world.oracle.told(id)
                let message = Queued(envelope: envelope, states: envelope.recipients.map { _ in nil })
                queued[id] = message
                for destination in destinations(of: message) {
                    let entry = scheduler.add(
                        QueueID(rawValue: id),
                        to: destination,
                        expires: envelope.expires,
                        now: now
                    )
                    entries[entry] = destination
                }
            }
            tell(error)
        }
    }

    private func append(
        _ bytes: ArraySlice<UInt8>,
        _ body: (UnsafeRawBufferPointer) throws(SpoolError) -> Void
    ) throws(SpoolError) {
        var failure: SpoolError?
        bytes.withUnsafeBytes { pointer in
            do throws(SpoolError) { try body(pointer) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    // MARK: The log

    private func promise(_ first: UInt64, _ tell: @escaping (SpoolError?) -> Void) {
        guard let log else { return }
        promises.append(Promise(batches: min(first, log.batch)...log.batch, tell: tell))
        planFlush()
    }

    private func planFlush() {
        guard !isFlushPlanned else { return }
        isFlushPlanned = true
        after(Int64(random.next(upperBound: UInt(3000)))) { [self] in
            isFlushPlanned = false
            flush()
        }
    }

    /// Makes durable what waits, and tells those who wait for it.
    private func flush() {
        guard let log else { return }
        log.flush(durably: true)
        let told = promises.map { ($0.tell, log.failure(of: $0.batches)) }
        promises = []
        log.forgetFailures()
        log.reclaim()
        // What a dead machine says is heard by nobody.
        guard !disk.isOff else { return }
        for (tell, error) in told { tell(error) }
    }

    /// Writes down what became of recipients; lazily, as the program does.
    func note(_ states: [(Int, RecipientState)], of id: UInt64) {
        for (index, state) in states { queued[id]?.states[index] = state }
        // What cannot be written now is kept by the log, and written when it can be.
        try? log?.append(progress: states.map { (UInt32($0.0), $0.1) }, of: id)
        planFlush()
    }

    func forget(_ id: UInt64) {
        queued[id] = nil
        try? log?.append(done: id)
        planFlush()
    }

    /// A message's content.
    func content(_ id: UInt64) -> [UInt8]? {
        guard let reader = log?.reader, let pieces = try? reader.pieces(of: id) else { return nil }
        var bytes: [UInt8] = []
        for piece in 0..<pieces {
            guard let buffer = try? reader.content(id, piece: piece) else { return nil }
            bytes += Array(buffer.readableBytesView)
        }
        return bytes
    }

    /// A message that waits and is not there; on a disk that is gone nothing is.
    func complainUnreadable(_ id: UInt64) {
        guard !disk.isOff else { return }
        let what = queued[id] == nil ? "was done" : "cannot be read"
        world.oracle.complain("\(id) is in the scheduler and \(what)")
    }

    // MARK: The scheduler

    /// Does what the scheduler wants now.
    func pump() {
        guard log != nil, !isPumping else { return }
        isPumping = true
        defer { isPumping = false }
        for event in scheduler.poll(now: now) {
            if case .expired(let entry, let message) = event { expire(entry, message.rawValue) }
        }
        while let work = scheduler.nextWork(now: now) {
            switch work {
            case .connect(let destination):
                let connection = RelayConnection(self, to: destination)
                outgoing.append(connection)
                connection.open()
            case .reuse(let destination): idle(destination)?.resume()
            case .closeIdle(let destination): idle(destination)?.makeRoom()
            }
        }
        outgoing.removeAll { $0.isOver }
        world.oracle.saw(outgoing)
        guard let wake = scheduler.nextWake else { return }
        let delay = max(1000, (wake - now).wholeMicroseconds)
        guard world.time.microseconds + delay < wakePlanned || wakePlanned <= world.time.microseconds else { return }
        wakePlanned = world.time.microseconds + delay
        after(delay) { self.wakePlanned = .max }
    }

    private func idle(_ destination: DestinationID) -> RelayConnection? {
        let found = outgoing.first { $0.destination == destination && $0.isIdle && !$0.isOver }
        if found == nil { world.oracle.complain("the scheduler knows of an idle connection that nobody has") }
        return found
    }

    func destinations(of message: Queued) -> [Destination] {
        var found: [Destination] = []
        for (index, recipient) in message.envelope.recipients.enumerated() where message.states[index] != .finished {
            let destination = world.destination(of: recipient.address)
            if !found.contains(destination) { found.append(destination) }
        }
        return found
    }

    /// Recipients that still wait, by their places in the envelope.
    func recipients(of message: Queued, to destination: Destination) -> [Int] {
        message.envelope.recipients.indices.filter {
            message.states[$0] != .finished
                && world.destination(of: message.envelope.recipients[$0].address) == destination
        }
    }

    private func expire(_ entry: EntryID, _ id: UInt64) {
        guard let message = queued[id], let destination = entries[entry] else {
            return scheduler.complete(entry)
        }
        let waiting = recipients(of: message, to: destination)
        fail(id, waiting) { [self] isReported in
            if isReported {
                end(entry, id)
            } else {
                // It is tried again by the timer that has come already.
                after(60_000_000) { self.expire(entry, id) }
            }
        }
    }

    /// Nothing of the entry is left to do.
    func end(_ entry: EntryID, _ id: UInt64) {
        scheduler.complete(entry)
        entries[entry] = nil
        if queued[id]?.isDone == true { forget(id) }
    }

    /// Reports a failure to the sender, and writes it down when the report is durable: RFC 5321 section 6.1.
    func fail(_ id: UInt64, _ recipients: [Int], then done: @escaping (Bool) -> Void) {
        guard let message = queued[id], !recipients.isEmpty else { return done(true) }
        guard let sender = message.envelope.reversePath.address else {
            world.oracle.droppedReport(content(id) ?? [])
            note(recipients.map { ($0, .finished) }, of: id)
            return done(true)
        }
        let report = Envelope(
            reversePath: .null,
            recipients: [EnvelopeRecipient(address: sender)],
            origin: MessageOrigin(door: .report, helo: "relay.example", transmissionType: "ESMTP"),
            received: now,
            expires: now + .seconds(30 * 86400)
        )
        let addresses = recipients.map { message.envelope.recipients[$0].address.description }
        let text = world.oracle.report(of: addresses, in: content(id) ?? [])
        commit(report, text) { [self] error in
            guard error == nil else { return done(false) }
            note(recipients.map { ($0, .finished) }, of: id)
            done(true)
        }
    }
}
