import DeliveryScheduler
import Directory
import Logging
import MailBytes
import MailEvents
import MailNames
import MailingLists
import NIOCore
import NIOPosix
import Spool

/// Delivers what the spool holds: routes each recipient, writes into mailboxes here, sends to other hosts, retries, gives up
/// and reports.
///
/// One actor on one event loop: the scheduler, the connections to other hosts and all that is known of messages under way live
/// there, so that nothing hops or locks. A message leaves the spool only after the next holder acknowledged it, or after its failure was
/// reported or nobody wants to know. What does not fit in memory is read from the spool again when its time has come.
public actor DeliveryService {
    public nonisolated let eventLoop: any EventLoop
    public nonisolated var unownedExecutor: UnownedSerialExecutor { eventLoop.executor.asUnownedSerialExecutor() }

    nonisolated let spool: Spool
    nonisolated let directory: any Directory
    nonisolated let mailboxes: any MailboxWriter
    /// Mailing lists; `nil` where there are none.
    nonisolated let lists: (any ListDirectory)?
    /// Who signs return paths; `nil` where nobody does.
    nonisolated let returnPaths: ReturnPathSigner?
    nonisolated let hosts: any HostConnector
    nonisolated let recorder: any TraceRecorder
    nonisolated let clock: WallClock
    nonisolated let threads: NIOThreadPool
    nonisolated let logger: Logger
    /// Where is written down what the operator suspended; `nil` keeps it in memory alone.
    nonisolated let suspensionFile: SuspensionFile?

    var options: DeliveryOptions
    var scheduler: DeliveryScheduler
    var active: [QueueID: ActiveMessage] = [:]
    /// The messages of `active` in the order they came, those forgotten since too, from `oldest` on.
    var order: [QueueID] = []
    var oldest = 0
    /// Progress that the spool is told of at the end of this turn of the loop.
    var untold: [SpoolProgress] = []
    var idle: [DestinationID: [IdleConnection]] = [:]
    /// What was the matter with a destination last.
    var lastErrors: [Destination: String] = [:]
    var workers: [Int: Task<Void, Never>] = [:]
    var workerCount = 0
    var chores: [Chore] = []
    var choresBegun = 0
    var choresRunning = 0
    /// Files and commands that are written to, and what waits to be.
    var outletsInUse = 0
    var outletsWaiting: [CheckedContinuation<Void, Never>] = []
    var timer: Scheduled<Void>?
    var timerDue: Timestamp?
    var isPumpScheduled = false
    var isStopping = false
    var stopped: [CheckedContinuation<Void, Never>] = []
    var loading: Task<Void, Never>?
    /// While the spool's messages are taken up: which of them were announced as new too.
    var announced: (upTo: QueueID, ids: Set<QueueID>)?
    /// What tokens of mailing lists are sealed with, once it was needed.
    var listSeal: ListSeal?
    /// Messages whose reports could not be written, until the next try.
    var postponedReports: Set<QueueID> = []
    /// Messages whose envelopes cannot be read, and why.
    var unreadable: [QueueID: String] = [:]
    /// Messages whose envelopes the disk did not give when they were wanted last, why, and how often an attempt failed for that.
    var unreadNow: [QueueID: (reason: String, times: Int)] = [:]
    /// Failures to read that the log has not told of yet, and when it told last.
    var untoldReadFailures = 0
    var toldReadFailures: Timestamp?
    /// Messages that the operator deleted and that the spool has not forgotten yet.
    var deleting: Set<QueueID> = []
    /// Orders to give many messages up, by their numbers: those that go on, and the last that are over.
    public internal(set) var bounceOrders: [Int: BounceOrder] = [:]
    /// Who waits for a chore to end.
    var choreWaiters: [CheckedContinuation<Void, Never>] = []
    /// Whom lists asked to confirm something lately, and when.
    var questions: [String: Timestamp] = [:]
    /// Counts changes of the options, so that routes found before are looked at again.
    var epoch = 0

    /// What is to be done for a message beside attempts.
    enum Chore {
        case expire(EntryID, QueueID)
        case warn(EntryID, QueueID)
        case report(QueueID)
    }

    init(
        options: DeliveryOptions,
        spool: Spool,
        directory: any Directory,
        mailboxes: any MailboxWriter,
        lists: (any ListDirectory)? = nil,
        returnPaths: ReturnPathSigner? = nil,
        hosts: any HostConnector,
        recorder: any TraceRecorder,
        clock: WallClock,
        eventLoop: any EventLoop,
        threads: NIOThreadPool,
        logger: Logger,
        suspensionFile: SuspensionFile? = nil,
        seed: UInt64
    ) {
        self.options = options
        self.spool = spool
        self.directory = directory
        self.mailboxes = mailboxes
        self.lists = lists
        self.returnPaths = returnPaths
        self.hosts = hosts
        self.recorder = recorder
        self.clock = clock
        self.eventLoop = eventLoop
        self.threads = threads
        self.logger = logger
        self.suspensionFile = suspensionFile
        self.scheduler = DeliveryScheduler(options: options.scheduler, seed: seed)
        let rules = options.rules
        self.scheduler.setOwnLimits { rules.limits(of: $0) }
    }

    // MARK: Begin and end

    /// Begins: messages committed from now on are delivered, and those that the spool held before are taken up little by little.
    public func start() {
        takeUpSuspensions()
        spool.subscribe { [self] committed in
            eventLoop.execute { self.assumeIsolated { $0.accept(committed) } }
        }
        let ids = spool.ids()
        guard let last = ids.last else { return }
        // What was committed between the two steps is in both, and may be done before its id is taken up.
        announced = (upTo: last, [])
        loading = Task { await self.takeUp(ids) }
    }

    /// Ends: begins nothing new, lets what is in flight end within `stopGrace`, and leaves the rest queued.
    public func stop() async {
        guard !isStopping else { return }
        isStopping = true
        spool.subscribe { _ in }
        loading?.cancel()
        timer?.cancel()
        timer = nil
        closeIdleConnections()
        runChores()
        wakeChoreWaiters()
        defer { tellSpool() }
        guard !workers.isEmpty || choresRunning > 0 else { return }
        let grace = eventLoop.scheduleTask(in: TimeAmount(options.stopGrace)) {
            self.assumeIsolated { service in
                for worker in service.workers.values { worker.cancel() }
                service.giveUpWaiting()
            }
        }
        await withCheckedContinuation { stopped.append($0) }
        grace.cancel()
    }

    /// What is still in flight stays queued and is tried again by the next start: nobody acknowledged it.
    private func giveUpWaiting() {
        for continuation in stopped { continuation.resume() }
        stopped = []
    }

    /// Takes over changed options. Routes are found anew at each attempt, so they hold for what is queued already; what was held
    /// because outbound mail was held or caught is tried when it no longer is.
    public func reconfigure(_ options: DeliveryOptions) {
        let before = self.options.outbound
        let onDemandBefore = self.options.onDemand
        self.options = options
        scheduler.options = options.scheduler
        let rules = options.rules
        scheduler.setOwnLimits { rules.limits(of: $0) }
        epoch += 1
        schedulePump()
        guard before != options.outbound || onDemandBefore != options.onDemand else { return }
        let now = clock.now()
        if onDemandBefore != options.onDemand { scheduler.releaseAll(heldFor: .onDemand, now: now) }
        if options.outbound != .hold { scheduler.releaseAll(heldFor: .byConfiguration, now: now) }
        if options.outbound != .catchAll { scheduler.releaseAll(heldFor: .caught, now: now) }
        scheduler.flush(now: now) { $0 != .local }
        schedulePump()
    }

    /// A host connected to us: what waits for it is tried at once: RFC 5321 section 4.5.4.1.
    public nonisolated func hostAppeared(at address: IPAddress, named name: Domain? = nil) {
        eventLoop.execute {
            self.assumeIsolated { service in
                guard service.scheduler.hostAppeared(at: address, named: name, now: service.clock.now()) > 0 else {
                    return
                }
                service.schedulePump()
            }
        }
    }

    // MARK: Workers

    /// Begins a task that this actor owns: it is waited for, and cancelled, when delivery stops.
    func startWorker(_ body: @escaping @Sendable (isolated DeliveryService) async -> Void) {
        workerCount += 1
        let number = workerCount
        workers[number] = Task {
            await body(self)
            self.workerEnded(number)
        }
    }

    private func workerEnded(_ number: Int) {
        workers[number] = nil
        tellStopped()
        schedulePump()
    }

    func tellStopped() {
        guard isStopping, workers.isEmpty, choresRunning == 0 else { return }
        giveUpWaiting()
    }

    func record(_ id: QueueID, _ kind: TraceEvent.Kind, _ fields: KeyValuePairs<TraceField, String?>) {
        recorder.record(TraceEntry(queueID: id, time: clock.now(), event: TraceEvent(kind, fields)))
    }
}
