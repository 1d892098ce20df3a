import Dispatch
import MailBytes
import MailEvents
import MailNames
import NIOCore

/// The spool's one writing thread.
final class SpoolWriter: Sendable {
    /// A log on its way to the thread that will be the only one to touch it.
    struct Handover: @unchecked Sendable {
        // Made by the opening thread, used by the writer's thread alone from then on.
        let log: SpoolLog
    }

    private let spool: Spool
    private let files: any SpoolFiles
    private let recovered: RecoveredState

    /// What recovery found, as far as the log needs it.
    struct RecoveredState: @unchecked Sendable {
        // Read once, by the thread that made it.
        let result: Recovery.Result
    }

    init(spool: Spool, files: any SpoolFiles, recovered: Recovery.Result) {
        self.spool = spool
        self.files = files
        self.recovered = RecoveredState(result: recovered)
    }

    func makeLog() throws -> Handover {
        Handover(
            log: try SpoolLog(
                files: files,
                options: spool.options,
                index: spool.index,
                random: SystemRandomNumberGenerator(),
                recovered: recovered.result
            )
        )
    }

    /// What sessions wait for, grouped by the loop that hears it: one hop for each loop and batch.
    private struct Waiting {
        var loop: any EventLoop
        var calls: [@Sendable () -> Void] = []
    }

    private struct Batch {
        var waiting: [Waiting] = []
        var committed: [Spool.Committed] = []
        var bodies: [(UInt64, ByteBuffer)] = []
        /// What to call when the batch is durable, or with the error when it is not.
        var completions: [(loop: (any EventLoop)?, call: @Sendable (SpoolError?) -> Void)] = []
        var needsSync = false
    }

    func run(_ log: SpoolLog) {
        var idleRounds = 0
        while true {
            let work = spool.take(waiting: .milliseconds(200))
            if work.isEmpty {
                idleRounds += 1
                maintain(log)
                continue
            }
            idleRounds = 0
            if perform(work, log) { return }
        }
    }

    /// - Returns: whether to stop.
    private func perform(_ work: [Spool.Work], _ log: SpoolLog) -> Bool {
        var batch = Batch()
        var stopped: (@Sendable () -> Void)?
        let now = spool.now()
        for item in work {
            switch item {
            case .commit(let envelope, let content, let loop, let then):
                commit(envelope, content, loop, then, now, log, &batch)
            case .chunk(let upload, let buffer):
                append(buffer, of: upload, log)
            case .abandon(let upload): upload.release(in: spool.index)
            case .progress(let progress, let then):
                do {
                    for change in progress { try append(change, log) }
                    if let then {
                        batch.needsSync = true
                        batch.completions.append((nil, { error in then(error.map { .failure($0) } ?? .success(())) }))
                    }
                } catch {
                    then?(.failure(Self.spoolError(error)))
                }
            case .stop(let body): stopped = body
            }
        }
        finish(&batch, log, durably: batch.needsSync || stopped != nil)
        if let stopped {
            stopped()
            return true
        }
        return false
    }

    private func commit(
        _ envelope: Envelope,
        _ content: Spool.Content,
        _ loop: any EventLoop,
        _ then: @escaping @Sendable (Result<QueueID, SpoolError>) -> Void,
        _ now: Timestamp,
        _ log: SpoolLog,
        _ batch: inout Batch
    ) {
        let metadata = EnvelopeHead.encode(envelope)
        do {
            let id: UInt64
            let size: Int
            switch content {
            case .buffers(let buffers):
                id = log.nextID(now: now)
                try Self.withBytes(of: buffers) { pieces in
                    try log.append(message: id, envelope: metadata, recipients: envelope.recipients.count, body: pieces)
                }
                size = buffers.reduce(0) { $0 + $1.readableBytes }
                if let whole = Self.joined(buffers) { batch.bodies.append((id, whole)) }
            case .upload(let upload):
                if let error = upload.failure { throw error }
                id = upload.identifier { log.nextID(now: now) }
                let chunks = upload.chunks
                try log.append(
                    uploaded: id,
                    chunks: chunks,
                    envelope: metadata,
                    recipients: envelope.recipients.count
                )
                size = chunks.reduce(0) { $0 + Int($1.bodyLength) }
                let index = spool.index
                batch.completions.append((nil, { _ in upload.release(in: index) }))
            }
            batch.needsSync = true
            let queueID = QueueID(rawValue: id)
            batch.committed.append(Spool.Committed(id: queueID, envelope: envelope, size: size))
            batch.completions.append((loop, { error in then(error.map { .failure($0) } ?? .success(queueID)) }))
        } catch {
            let error = Self.spoolError(error)
            loop.execute { then(.failure(error)) }
        }
    }

    private func append(_ buffer: ByteBuffer, of upload: SpoolUpload, _ log: SpoolLog) {
        guard upload.failure == nil else {
            upload.written(buffer.readableBytes)
            return
        }
        do {
            let id = upload.identifier { log.nextID(now: spool.now()) }
            let location = try Self.withBytes(of: [buffer]) { try log.append(chunkOf: id, body: $0) }
            upload.add(location, in: spool.index)
            // Chunks go to the disk as they come, so that memory holds little of them; the commit syncs.
            if log.waiting > 1 << 20 { try log.flush(durably: false) }
        } catch {
            upload.fail(Self.spoolError(error))
        }
        upload.written(buffer.readableBytes)
    }

    private func append(_ change: SpoolProgress, _ log: SpoolLog) throws {
        let id = change.id.rawValue
        switch change.kind {
        case .recipients(let states): try log.append(progress: states, of: id)
        case .control(let isHeld, let route): try log.append(isHeld: isHeld, route: route, of: id)
        case .done: try log.append(done: id)
        }
    }

    /// Makes the batch durable, then tells everybody.
    private func finish(_ batch: inout Batch, _ log: SpoolLog, durably: Bool) {
        var failure: SpoolError?
        do {
            try log.flush(durably: durably)
        } catch {
            failure = Self.spoolError(error)
            if failure?.reason == .full { spool.setRoom(false) }
        }
        if failure == nil {
            for (id, body) in batch.bodies { spool.recent.keep(body, id: id) }
        }
        for (loop, call) in batch.completions {
            guard let loop else {
                call(failure)
                continue
            }
            let error = failure
            if let position = batch.waiting.firstIndex(where: { $0.loop === loop }) {
                batch.waiting[position].calls.append { call(error) }
            } else {
                batch.waiting.append(Waiting(loop: loop, calls: [{ call(error) }]))
            }
        }
        for waiting in batch.waiting {
            let calls = waiting.calls
            waiting.loop.execute { for call in calls { call() } }
        }
        if failure == nil {
            if !batch.committed.isEmpty { spool.announce(batch.committed) }
            // A failure to free space is tried again with the next batch.
            try? log.reclaim()
        }
    }

    /// When nobody waits: what was written lazily is synced, waste is rewritten, the disk is looked at.
    private func maintain(_ log: SpoolLog) {
        try? log.flush(durably: true)
        _ = try? log.rewriteSome()
        spool.setRoom(log.hasRoom())
    }

    // MARK: Bytes

    private static func withBytes<Result>(
        of buffers: [ByteBuffer],
        _ body: ([UnsafeRawBufferPointer]) throws -> Result
    ) rethrows -> Result {
        func nest(_ index: Int, _ pieces: [UnsafeRawBufferPointer]) throws -> Result {
            guard index < buffers.count else { return try body(pieces) }
            return try buffers[index].withUnsafeReadableBytes { try nest(index + 1, pieces + [$0]) }
        }
        return try withoutActuallyEscaping(body) { _ in try rethrowing { try nest(0, []) } }
    }

    private static func rethrowing<Result>(_ body: () throws -> Result) rethrows -> Result { try body() }

    private static func joined(_ buffers: [ByteBuffer]) -> ByteBuffer? {
        guard var whole = buffers.first else { return nil }
        for buffer in buffers.dropFirst() { whole.writeImmutableBuffer(buffer) }
        return whole
    }

    static func spoolError(_ error: any Error) -> SpoolError {
        error as? SpoolError ?? SpoolError(.disk, path: "\(error)")
    }
}
