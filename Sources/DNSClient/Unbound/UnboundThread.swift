import CUnbound
import Glibc
import MailBytes

/// What the resolver's thread does. No other thread touches anything of it.
final class UnboundThread {
    private let context: UnboundContext
    private let mailbox: LookupMailbox
    private let options: UnboundResolver.Options
    private let clock = ContinuousClock()
    /// Look-ups that libunbound has.
    private var asked: [LookupQuestion: UnboundLookup] = [:]
    /// Look-ups that wait for their turn.
    private var waiting: [LookupQuestion: UnboundLookup] = [:]
    /// Their order; those that were withdrawn are passed over.
    private var order = Backlog<UnboundLookup>()
    /// All look-ups, the earliest deadline first: each has the same time, so that the order is that of asking.
    private var deadlines = Backlog<UnboundLookup>()
    private var questionOfTicket: [UInt64: LookupQuestion] = [:]

    init(context: UnboundContext, mailbox: LookupMailbox, options: UnboundResolver.Options) {
        self.context = context
        self.mailbox = mailbox
        self.options = options
    }

    /// Serves until the mailbox is closed, then fails what waits and frees the context.
    func run() {
        while true {
            let (letters, isClosed) = mailbox.collect()
            for letter in letters {
                switch letter {
                case .ask(let waiter): ask(waiter)
                case .forget(let ticket): forget(ticket)
                }
            }
            if isClosed { break }
            expire()
            beginWaiting()
            waitForNews()
        }
        for lookup in Array(asked.values) + Array(waiting.values) { giveUp(lookup, .resolver("closed")) }
        context.free()
    }

    // MARK: Questions

    private func ask(_ waiter: LookupWaiter) {
        let question = waiter.question
        if let lookup = asked[question] ?? waiting[question] {
            lookup.waiters.append(waiter)
        } else {
            guard waiting.count < max(1, options.waitingLookups) else {
                waiter.fail(.resolver("too many look-ups wait already"))
                return
            }
            let lookup = UnboundLookup(waiter, deadline: clock.now.advanced(by: options.timeout)) {
                [unowned self] lookup, outcome in finish(lookup, outcome)
            }
            waiting[question] = lookup
            order.append(lookup)
            deadlines.append(lookup)
        }
        questionOfTicket[waiter.ticket] = question
    }

    private func forget(_ ticket: UInt64) {
        guard let question = questionOfTicket.removeValue(forKey: ticket),
            let lookup = asked[question] ?? waiting[question],
            let index = lookup.waiters.firstIndex(where: { $0.ticket == ticket })
        else { return }
        lookup.waiters.remove(at: index).fail(.resolver("nobody waits for the answer"))
        // Nobody wants it: libunbound need not go on.
        if lookup.waiters.isEmpty { giveUp(lookup, .resolver("nobody waits for the answer")) }
    }

    private func beginWaiting() {
        while asked.count < max(1, options.concurrentLookups), let lookup = order.first {
            order.removeFirst()
            guard !lookup.isFinished else { continue }
            waiting[lookup.question] = nil
            asked[lookup.question] = lookup
            let code = lookup.begin(context.pointer)
            if code != 0 { giveUp(lookup, .resolver(String(cString: ub_strerror(code)))) }
        }
    }

    private func giveUp(_ lookup: UnboundLookup, _ reason: DNSFailure.Reason) {
        lookup.cancel(context.pointer)
        finish(lookup, .failure(DNSFailure(reason, name: lookup.question.name)))
    }

    private func finish(_ lookup: UnboundLookup, _ outcome: LookupWaiter.Outcome) {
        lookup.isFinished = true
        let question = lookup.question
        if asked[question] === lookup { asked[question] = nil }
        if waiting[question] === lookup { waiting[question] = nil }
        for waiter in lookup.waiters {
            questionOfTicket[waiter.ticket] = nil
            waiter.resume(outcome)
        }
        lookup.waiters = []
    }

    // MARK: Time

    private func expire() {
        let now = clock.now
        while let lookup = deadlines.first, lookup.isFinished || lookup.deadline <= now {
            deadlines.removeFirst()
            if !lookup.isFinished { giveUp(lookup, .timedOut) }
        }
    }

    private func waitForNews() {
        var milliseconds: CInt = -1
        if let lookup = deadlines.first {
            let left = clock.now.duration(to: lookup.deadline)
            milliseconds = CInt(clamping: max(0, left.wholeMicroseconds / 1000 + 1))
        }
        var descriptors = [
            pollfd(fd: mailbox.wakeDescriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: ub_fd(context.pointer), events: Int16(POLLIN), revents: 0),
        ]
        _ = poll(&descriptors, nfds_t(descriptors.count), milliseconds)
        if descriptors[1].revents != 0 { ub_process(context.pointer) }
    }
}

/// A queue whose front is taken without moving the rest each time.
private struct Backlog<Element> {
    private var elements: [Element?] = []
    private var start = 0

    var first: Element? { start < elements.count ? elements[start] : nil }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func removeFirst() {
        elements[start] = nil
        start += 1
        guard start == elements.count || (start > 256 && start * 2 > elements.count) else { return }
        elements.removeFirst(start)
        start = 0
    }
}
