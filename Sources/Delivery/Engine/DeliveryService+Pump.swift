import DeliveryScheduler
import MailBytes
import MailEvents
import NIOCore

/// What drives the scheduler: due events, new work, and the timer for the next of them.
extension DeliveryService {
    /// Has `pump` run once after what goes on now.
    func schedulePump() {
        guard !isPumpScheduled, !isStopping else { return }
        isPumpScheduled = true
        eventLoop.execute { self.assumeIsolated { $0.pump() } }
    }

    private func pump() {
        isPumpScheduled = false
        guard !isStopping else { return }
        let now = clock.now()
        // What is due waits in the scheduler while there is enough to do.
        if chores.count - choresBegun < 1000 {
            for event in scheduler.poll(now: now) {
                switch event {
                case .expired(let entry, let message): chores.append(.expire(entry, message))
                case .delayed(let entry, let message): chores.append(.warn(entry, message))
                }
            }
        }
        while let work = scheduler.nextWork(now: now) {
            switch work {
            case .connect(let destination): startWorker { await $0.serve(destination) }
            case .reuse(let destination): resumeIdle(destination, .goOn)
            case .closeIdle(let destination): resumeIdle(destination, .makeRoom)
            }
        }
        runChores()
        armTimer(now)
    }

    private func armTimer(_ now: Timestamp) {
        guard let wake = scheduler.nextWake else { return }
        if let due = timerDue, due <= wake, due > now { return }
        timer?.cancel()
        timerDue = wake
        // Not longer than a minute: the wall clock may be set.
        let delay = min(max((wake - now).wholeMicroseconds, 1000), 60_000_000)
        timer = eventLoop.scheduleTask(in: .microseconds(delay)) {
            self.assumeIsolated { service in
                service.timerDue = nil
                service.schedulePump()
            }
        }
    }

    /// A new connection or worker for a destination.
    private func serve(_ id: DestinationID) async {
        switch scheduler.destination(id) {
        case .local: await serveLocal(id)
        case .unrouted: await serveUnrouted(id)
        case .domain, .literal, .relay, .lmtp: await serveRemote(id)
        case nil: break
        }
    }

    // MARK: Chores

    func add(_ chore: Chore) {
        chores.append(chore)
        runChores()
    }

    /// Begins what is to be done, sixteen at a time.
    func runChores() {
        while choresBegun < chores.count, choresRunning < 16 {
            let chore = chores[choresBegun]
            choresBegun += 1
            // What was delivered while we stop is told all the same: until then it counts as undelivered.
            if isStopping { guard case .report = chore else { continue } }
            choresRunning += 1
            Task {
                await self.perform(chore)
                self.choreEnded()
            }
        }
        if choresBegun == chores.count {
            chores.removeAll(keepingCapacity: chores.count < 2000)
            choresBegun = 0
        }
    }

    private func choreEnded() {
        choresRunning -= 1
        if !choreWaiters.isEmpty { wakeChoreWaiters() }
        if isStopping { runChores() }
        tellStopped()
        schedulePump()
    }

    private func perform(_ chore: Chore) async {
        switch chore {
        case .expire(let entry, let message): await expire(entry, message)
        case .warn(let entry, let message): await warn(entry, message)
        case .report(let message): await report(message)
        }
    }
}
