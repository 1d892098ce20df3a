import Dispatch
import Foundation
import MailBytes
import MailEvents
import MailNames
import NIOCore

/// The spool's one writing thread: takes what was handed in, has the log write and sync it once, and tells everybody.
///
/// `@unchecked Sendable`: `start` makes it, hands it to the thread that it starts, and keeps no reference; starting a
/// thread orders what was done before. The thread that makes a spare captures none of it and answers through the spool.
final class SpoolWriter: @unchecked Sendable {
    /// What was written lazily, such as progress that nobody waits for, is synced after this time at the latest.
    private static let lazySync = DispatchTimeInterval.milliseconds(20)
    /// How often a disk that is full or failing is looked at again, and one in use for its free space.
    private static let watch = DispatchTimeInterval.milliseconds(500)
    private static let watchNanoseconds: UInt64 = 100_000_000
    /// How long rewriting waits after the disk took nothing, and a spare after it could not be made.
    private static let rewritingPause: UInt64 = 500_000_000
    private static let sparePause: UInt64 = 10_000_000_000
    /// When what could not be read for rewriting is tried again.
    private static let unreadablePause: UInt64 = 600_000_000_000

    private let spool: Spool
    private let files: any SpoolFiles
    private let log: SpoolLog
    private var isPreparingSpare = false
    private var sparesMade: UInt64 = 0
    private var watched: UInt64 = 0
    /// Whether there may be something to rewrite.
    private var isRewriting = false
    /// Before these moments, in nanoseconds, nothing is rewritten and no spare is made.
    private var rewritingNotBefore: UInt64 = 0
    private var spareNotBefore: UInt64 = 0
    private var stuckSince: UInt64 = 0

    /// What somebody waits for, and the writes that it is in.
    private struct Completion {
        var batches: ClosedRange<UInt64>
        /// `nil`: told on the writer's thread.
        var eventLoop: (any EventLoop)?
        var tell: @Sendable (SpoolError?) -> Void
    }

    /// A message that is announced when it is durable.
    private struct Arrival {
        var batches: ClosedRange<UInt64>
        var message: Spool.Committed
        var body: [ByteBuffer]
    }

    private struct Round {
        var completions: [Completion] = []
        var arrivals: [Arrival] = []
        var needsSync = false
        var stopped: [@Sendable () -> Void] = []
    }

    private init(spool: Spool, files: any SpoolFiles, log: SpoolLog) {
        self.spool = spool
        self.files = files
        self.log = log
    }

    static func start(spool: Spool, files: any SpoolFiles, log: SpoolLog) {
        let writer = SpoolWriter(spool: spool, files: files, log: log)
        let thread = Thread { writer.run() }
        thread.name = "spool"
        thread.stackSize = 1 << 20
        thread.start()
    }

    private func run() {
        while true {
            let work = spool.take(waiting: patience)
            if work.isEmpty {
                rest()
            } else if perform(work) {
                return
            }
        }
    }

    /// How long to wait for work before something else is done.
    private var patience: DispatchTimeInterval {
        if isRewriting { return .nanoseconds(0) }
        if log.isSettled { return spool.accepts && rewritingNotBefore == 0 ? .never : Self.watch }
        return log.isFailing ? Self.watch : Self.lazySync
    }

    // MARK: A round

    /// - Returns: whether to stop.
    private func perform(_ work: [Spool.Work]) -> Bool {
        var round = Round()
        let now = spool.now()
        for item in work {
            switch item {
            case .commit(let commit): perform(commit, now, &round)
            case .chunk(let upload, let buffer): append(buffer, of: upload, now)
            case .abandonUpload(let upload): if let id = upload.id { log.abandon(upload: id) }
            case .abandon(let id): log.abandon(upload: id)
            case .progress(let changes, let then): append(changes, then, &round)
            case .order(let order, let then): append(order, then, &round)
            case .spare(let name):
                isPreparingSpare = false
                if let name {
                    log.add(spare: name)
                } else {
                    spareNotBefore = DispatchTime.now().uptimeNanoseconds + Self.sparePause
                }
            case .stop(let body): round.stopped.append(body)
            }
        }
        finish(&round)
        guard !round.stopped.isEmpty else { return false }
        log.settle()
        spool.unlock()
        for body in round.stopped { body() }
        return true
    }

    private func perform(_ commit: Spool.Commit, _ now: Timestamp, _ round: inout Round) {
        do throws(SpoolError) {
            let id: UInt64
            let size: Int
            var body: [ByteBuffer] = []
            let recipients = commit.envelope.recipients.count
            let first = log.batch
            switch commit.content {
            case .buffers(let buffers):
                id = log.nextID(now: now)
                try log.append(
                    message: id,
                    envelope: commit.metadata,
                    recipients: recipients,
                    buffers: buffers,
                    settling: commit.settling
                )
                body = buffers
                size = buffers.reduce(0) { $0 + $1.readableBytes }
            case .upload(let upload):
                id = upload.identifier { log.nextID(now: now) }
                if let failure = upload.failure {
                    log.abandon(upload: id)
                    throw failure
                }
                size = log.size(ofUpload: id)
                try log.append(
                    uploaded: id,
                    envelope: commit.metadata,
                    recipients: recipients,
                    settling: commit.settling
                )
            }
            round.needsSync = true
            // The record is in the batch that is gathered now; those before it were full.
            let batches = max(first, log.batch)...log.batch
            let queueID = QueueID(rawValue: id)
            let message = Spool.Committed(id: queueID, envelope: commit.envelope, size: size)
            round.arrivals.append(Arrival(batches: batches, message: message, body: body))
            let then = commit.then
            round.completions.append(
                Completion(batches: batches, eventLoop: commit.eventLoop) { error in
                    then(error.map { .failure($0) } ?? .success(queueID))
                }
            )
        } catch {
            if error.reason == .full { spool.setRoom(false) }
            let then = commit.then
            commit.eventLoop.execute { then(.failure(error)) }
        }
    }

    private func append(_ buffer: ByteBuffer, of upload: SpoolUpload, _ now: Timestamp) {
        defer { upload.written(buffer.readableBytes) }
        guard upload.failure == nil else { return }
        do throws(SpoolError) {
            let id = upload.identifier { log.nextID(now: now) }
            try log.append(chunkOf: id, buffers: [buffer])
            // Chunks go to the disk as they come, so that memory holds little of them; the commit syncs.
            if log.waiting > 1 << 20 { log.flush(durably: false) }
        } catch {
            upload.fail(error)
        }
    }

    private func append(
        _ changes: [SpoolProgress],
        _ then: (@Sendable (Result<Void, SpoolError>) -> Void)?,
        _ round: inout Round
    ) {
        let first = log.batch
        var failure: SpoolError?
        for change in changes {
            let id = change.id.rawValue
            do throws(SpoolError) {
                switch change.kind {
                case .recipients(let states): try log.append(progress: states, of: id)
                case .control(let isHeld, let route): try log.append(isHeld: isHeld, route: route, of: id)
                case .done: try log.append(done: id)
                }
            } catch {
                failure = failure ?? error
            }
        }
        guard let then else { return }
        round.needsSync = true
        let known = failure
        round.completions.append(
            Completion(batches: first...log.batch, eventLoop: nil) { error in
                then((known ?? error).map { .failure($0) } ?? .success(()))
            }
        )
    }

    /// Each record of an order is made durable by itself: so nobody waits long for the index, and memory holds little.
    private func append(
        _ order: SpoolOrder,
        _ then: @escaping @Sendable (Result<Void, SpoolError>) -> Void,
        _ round: inout Round
    ) {
        let first = log.batch
        let ids = order.messages.map(\.rawValue)
        var failure: SpoolError?
        var position = 0
        while position < ids.count {
            let part = ids[position..<min(position + SpoolOrder.messagesPerRecord, ids.count)]
            position += part.count
            do throws(SpoolError) {
                try log.append(order: order.change, of: part)
                log.flush(durably: true)
            } catch {
                failure = failure ?? error
            }
        }
        let known = failure
        round.completions.append(
            Completion(batches: first...log.batch, eventLoop: nil) { error in
                then((known ?? error).map { .failure($0) } ?? .success(()))
            }
        )
    }

    /// Makes the round durable, then tells everybody: one hop for each event loop.
    private func finish(_ round: inout Round) {
        if let error = log.flush(durably: round.needsSync), error.reason == .full { spool.setRoom(false) }
        let arrived = round.arrivals.filter { log.failure(of: $0.batches) == nil }
        for arrival in arrived where !arrival.body.isEmpty {
            spool.recent.keep(arrival.body, id: arrival.message.id.rawValue)
        }
        var waiting: [(eventLoop: any EventLoop, calls: [(SpoolError?, @Sendable (SpoolError?) -> Void)])] = []
        for completion in round.completions {
            let error = log.failure(of: completion.batches)
            guard let eventLoop = completion.eventLoop else {
                completion.tell(error)
                continue
            }
            if let position = waiting.firstIndex(where: { $0.eventLoop === eventLoop }) {
                waiting[position].calls.append((error, completion.tell))
            } else {
                waiting.append((eventLoop, [(error, completion.tell)]))
            }
        }
        for (eventLoop, calls) in waiting {
            eventLoop.execute { for (error, tell) in calls { tell(error) } }
        }
        if !arrived.isEmpty { spool.announce(arrived.map(\.message)) }
        log.forgetFailures()
        log.reclaim()
        if isRewriting { rewrite(limit: 256 << 10, durably: false) }
        watch()
    }

    // MARK: Between rounds

    /// Nobody waits: what was written lazily is synced, waste is rewritten, the disk is looked at.
    private func rest() {
        if !log.isSettled {
            log.settle()
            log.forgetFailures()
            log.reclaim()
        }
        if isRewriting { rewrite() }
        watched = 0
        watch()
    }

    private func rewrite(limit: Int = 1 << 20, durably: Bool = true) {
        isRewriting = log.rewriteSome(limit: limit, durably: durably)
        rewritingNotBefore = log.rewritingFailed ? DispatchTime.now().uptimeNanoseconds + Self.rewritingPause : 0
    }

    /// Looks now and then at what fills up.
    private func watch() {
        let now = DispatchTime.now().uptimeNanoseconds
        guard now &- watched > Self.watchNanoseconds else { return }
        watched = now
        spool.setRoom(log.hasRoom())
        if log.isWasteful && log.isRewritingStuck {
            if stuckSince == 0 { stuckSince = now }
            if now - stuckSince > Self.unreadablePause { log.unstickRewriting() }
        } else {
            stuckSince = 0
            let isWasteful = log.isWasteful
            if !isWasteful { rewritingNotBefore = 0 }
            isRewriting = isWasteful && now >= rewritingNotBefore
        }
        if log.wantsSpare && !isPreparingSpare && now >= spareNotBefore { prepareSpare() }
    }

    /// Fills a file with zeros on a thread of its own, ahead of its use.
    private func prepareSpare() {
        isPreparingSpare = true
        sparesMade += 1
        let (spool, files, number) = (self.spool, self.files, UInt64.random(in: .min ... .max))
        let size = spool.options.segmentSize.bytes
        let thread = Thread {
            // A failure shows when the segment is needed, and is told to those who wait for it.
            let name = try? SpoolLog.makeSpare(number, files: files, size: size) {
                Thread.sleep(forTimeInterval: 0.002)
            }
            spool.hand(.spare(name))
        }
        thread.name = "spool-spare"
        thread.start()
    }
}
