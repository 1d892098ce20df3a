import MailBytes
import MailNames

@testable import Spool

/// Drives a log on a simulated disk by a seed, and remembers what was promised.
struct CrashOracle {
    /// What is known of a message from outside.
    struct Known {
        let sample: Sample
        /// Whether its commit was acknowledged.
        var isAcknowledged = false
        /// Whether it was told to be forgotten, and whether that is certain.
        var isDoneTold = false
        var isDoneDurable = false
        /// States of its first recipient that were told since the last that is certain, that one first.
        var states = Told<RecipientState?>(nil)
        var isHeld = Told(false)
        var route = Told<String?>(nil)
    }

    /// Values that were told one after the other.
    struct Told<Value: Equatable> {
        private(set) var values: [Value]
        /// How many were told before the first of them.
        private var settled = 0

        init(_ value: Value) { values = [value] }

        /// Takes in a value and gives its number.
        mutating func tell(_ value: Value) -> Int {
            values.append(value)
            return settled + values.count - 1
        }

        /// The value with that number is certain, and those before it are history.
        mutating func settle(_ number: Int) {
            guard number > settled else { return }
            values.removeFirst(number - settled)
            settled = number
        }
    }

    /// What becomes certain when a batch is durable.
    enum Promise {
        case message
        case state(Int)
        case held(Int)
        case route(Int)
        case done
    }

    struct Upload {
        let id: UInt64
        let sample: Sample
        var sent = 0
        var isBroken = false
    }

    var random: SplitMix64
    let disk: SimulatedDisk
    let options: SpoolOptions
    var log: SpoolLog?
    var known: [UInt64: Known] = [:]
    /// Told in the batches that are gathered: what becomes certain when they are durable.
    var pending: [(id: UInt64, batches: ClosedRange<UInt64>, told: Promise)] = []
    var uploads: [Upload] = []
    var samples = 0
    var largestID: UInt64 = 0
    var clock = Timestamp(seconds: 1_700_000_000)
    var problems: [String] = []

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
        disk = SimulatedDisk(seed: seed &+ 1)
        options = .small([16, 32, 64][Int(random.next(upperBound: UInt(3)))] << 10)
    }

    mutating func chance(_ one: UInt) -> Bool { random.next(upperBound: one) == 0 }

    mutating func complain(_ text: String) { problems.append(text) }

    private var hasFaults: Bool {
        let faults = disk.faults
        return faults.capacity != .max
            || faults.writeFails + faults.syncFails + faults.folderSyncFails + faults.openFails > 0
    }

    // MARK: A life

    /// Starts, and checks what is there.
    mutating func start() {
        // A clock may go backwards.
        clock = clock + .seconds(Int64(random.next(upperBound: UInt(2000))) - 1000)
        do {
            log = try SpoolLog(files: disk, options: options, random: random)
            _ = random.next()
            // As the spool does, which has changes in the index before they are written.
            log?.changesAreApplied = chance(2)
        } catch {
            log = nil
            if !disk.isOff && !hasFaults { complain("does not start: \(error)") }
            return
        }
        uploads = []
        pending = []
        check(afterStart: true)
    }

    /// Compares what the log says with what was promised.
    mutating func check(afterStart: Bool) {
        guard let reader = log?.reader else { return }
        let present = reader.ids()
        if afterStart { largestID = max(largestID, present.last ?? 0) }
        for id in present where known[id] == nil { complain("an unknown message \(id)") }
        for (id, message) in known.sorted(by: { $0.key < $1.key }) {
            guard let spooled = reader.message(id) else {
                if message.isAcknowledged && !message.isDoneTold { complain("message \(id) is lost") }
                if afterStart && !hasFaults { known[id] = nil }
                continue
            }
            if message.isDoneDurable { complain("message \(id) came back") }
            if !afterStart && !message.isAcknowledged { continue }
            do {
                if try reader.envelope(id) != message.sample.envelope { complain("another envelope in \(id)") }
                if try reader.whole(id) != message.sample.body { complain("another body in \(id)") }
            } catch {
                if !disk.isOff && disk.faults.readFails == 0 { complain("message \(id) cannot be read: \(error)") }
            }
            let state = spooled.progress[0]
            if !message.states.values.contains(state) {
                complain("the state of \(id) is \(String(describing: state)), none of \(message.states.values)")
            }
            if !message.isHeld.values.contains(spooled.isHeld) {
                complain("\(id) is \(spooled.isHeld ? "" : "not ")held, none of \(message.isHeld.values)")
            }
            if !message.route.values.contains(spooled.route) { complain("\(id) goes another way than it was told") }
            // What a sound disk has decided holds from now on; one that fails may take it back.
            guard afterStart, !hasFaults else { continue }
            known[id]?.isAcknowledged = true
            known[id]?.isDoneTold = false
            known[id]?.states = Told(state)
            known[id]?.isHeld = Told(spooled.isHeld)
            known[id]?.route = Told(spooled.route)
        }
    }

    /// One thing that happens.
    mutating func act() {
        guard let log else { return }
        switch random.next(upperBound: UInt(100)) {
        case 0..<35: commit(log)
        case 35..<42: beginUpload(log)
        case 42..<55: goOnUploading(log)
        case 55..<68: progress(log)
        case 68..<70: control(log)
        case 70..<72: order(log)
        case 72..<84: done(log)
        case 84..<94: flush(log, durably: !chance(3))
        case 94..<97:
            flush(log, durably: true)
            log.rewriteSome(limit: 1 << Int(random.next(upperBound: UInt(8)) + 9))
            if chance(3) { check(afterStart: false) }
        case 97..<98:
            log.settle()
            flush(log, durably: true)
        case 98..<99:
            if let spare = try? SpoolLog.makeSpare(random.next(), files: disk, size: options.segmentSize.bytes) {
                log.add(spare: spare)
            }
        default: check(afterStart: false)
        }
    }

    mutating func nextSample(largest: UInt) throws -> Sample {
        samples += 1
        return try Sample(samples, size: Int(random.next(upperBound: largest)), recipients: 1 + samples % 3)
    }

    private mutating func commit(_ log: SpoolLog) {
        guard let sample = try? nextSample(largest: 3000) else { return complain("no sample") }
        let first = log.batch
        do {
            let id = try log.add(sample, at: clock)
            took(id)
            known[id] = Known(sample: sample)
            pending.append((id, max(first, log.batch)...log.batch, .message))
        } catch {}
    }

    /// An id that anybody was told is never given again.
    private mutating func took(_ id: UInt64) {
        if id <= largestID { complain("id \(id) is not above \(largestID)") }
    }

    private mutating func beginUpload(_ log: SpoolLog) {
        guard uploads.count < 3, let sample = try? nextSample(largest: 12000) else { return }
        let id = log.nextID(now: clock)
        took(id)
        uploads.append(Upload(id: id, sample: sample))
    }

    private mutating func goOnUploading(_ log: SpoolLog) {
        guard !uploads.isEmpty else { return }
        let number = Int(random.next(upperBound: UInt(uploads.count)))
        let upload = uploads[number]
        if chance(12) {
            log.abandon(upload: upload.id)
            uploads.remove(at: number)
            return
        }
        let rest = upload.sample.body[upload.sent...]
        if rest.isEmpty {
            uploads.remove(at: number)
            let envelope = EnvelopeHead.encode(upload.sample.envelope)
            let first = log.batch
            do {
                try log.append(
                    uploaded: upload.id,
                    envelope: envelope,
                    recipients: upload.sample.envelope.recipients.count
                )
                if upload.isBroken { complain("upload \(upload.id) goes on after a failure") }
                known[upload.id] = Known(sample: upload.sample)
                pending.append((upload.id, max(first, log.batch)...log.batch, .message))
            } catch {}
            return
        }
        let piece = rest.prefix(1 + Int(random.next(upperBound: UInt(4000))))
        do { try log.addChunk(upload.id, piece) } catch { uploads[number].isBroken = true }
        uploads[number].sent += piece.count
    }

    /// A message that is there.
    private mutating func anyMessage() -> UInt64? {
        var ids: [UInt64] = []
        for (id, message) in known where message.isAcknowledged && !message.isDoneTold { ids.append(id) }
        return ids.sorted().randomElement(using: &random)
    }

    private mutating func progress(_ log: SpoolLog) {
        guard let id = anyMessage() else { return }
        let attempts = UInt16(random.next(upperBound: UInt(1000)))
        let state: RecipientState =
            chance(3)
            ? .finished : .waiting(attempts: attempts, nextAttempt: clock, lastError: "451 later, \(attempts)")
        guard let number = known[id]?.states.tell(state) else { return }
        if log.changesAreApplied { log.index.with { $0.apply([(0, state)], to: id) } }
        let first = log.batch
        if (try? log.append(progress: [(0, state)], of: id)) != nil {
            pending.append((id, first...log.batch, .state(number)))
        }
    }

    private mutating func control(_ log: SpoolLog) {
        guard let id = anyMessage() else { return }
        let isHeld = chance(2)
        guard let number = known[id]?.isHeld.tell(isHeld), let way = known[id]?.route.tell(nil) else { return }
        if log.changesAreApplied { log.index.with { $0.apply(isHeld: isHeld, route: nil, to: id) } }
        let first = log.batch
        if (try? log.append(isHeld: isHeld, route: nil, of: id)) != nil {
            pending.append((id, first...log.batch, .held(number)))
            pending.append((id, first...log.batch, .route(way)))
        }
    }

    /// An order about some of the messages.
    private mutating func order(_ log: SpoolLog) {
        var ids: [UInt64] = []
        for (id, message) in known where message.isAcknowledged && !message.isDoneTold { ids.append(id) }
        ids.sort()
        let (start, count) = (random.next(upperBound: UInt(ids.count + 1)), random.next(upperBound: UInt(9)))
        let chosen = ids.dropFirst(Int(start)).prefix(Int(count))
        guard !chosen.isEmpty else { return }
        let route = chance(3) ? nil : "relay\(random.next(upperBound: UInt(10))).example:25"
        let change: SpoolOrder.Change = chance(4) ? .done : chance(3) ? .route(route) : chance(2) ? .hold : .release
        var promises: [(UInt64, Promise)] = []
        for id in chosen {
            switch change {
            case .done:
                known[id]?.isDoneTold = true
                promises.append((id, .done))
            case .route(let route):
                if let number = known[id]?.route.tell(route) { promises.append((id, .route(number))) }
            case .hold, .release:
                if let number = known[id]?.isHeld.tell(change == .hold) { promises.append((id, .held(number))) }
            }
        }
        if log.changesAreApplied && change.countsAtOnce {
            log.index.with { index in for id in chosen { index.apply(change, to: id) } }
        }
        let first = log.batch
        guard (try? log.append(order: change, of: chosen)) != nil else { return }
        for (id, promise) in promises { pending.append((id, first...log.batch, promise)) }
    }

    private mutating func done(_ log: SpoolLog) {
        guard let id = anyMessage() else { return }
        known[id]?.isDoneTold = true
        let first = log.batch
        if (try? log.append(done: id)) != nil { pending.append((id, first...log.batch, .done)) }
    }

    private mutating func flush(_ log: SpoolLog, durably: Bool) {
        log.flush(durably: durably)
        let isDurable = !log.hasUnsyncedWrites
        for (id, batches, told) in pending where log.failure(of: batches) == nil {
            switch told {
            case .message:
                known[id]?.isAcknowledged = true
                largestID = max(largestID, id)
            case .state(let state): if isDurable { known[id]?.states.settle(state) }
            case .held(let isHeld): if isDurable { known[id]?.isHeld.settle(isHeld) }
            case .route(let route): if isDurable { known[id]?.route.settle(route) }
            case .done: if isDurable { known[id]?.isDoneDurable = true }
            }
        }
        // A message of a batch that failed is not there; but what the disk has of it may come back.
        pending = []
        log.forgetFailures()
        log.reclaim()
    }
}
