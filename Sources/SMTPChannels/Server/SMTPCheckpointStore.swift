import MailBytes
import MailEvents
import NIOCore
import SMTPProtocol
import Synchronization

/// The transactions that clients may resume, of all listeners: RFC 1845 section 3.
///
/// Small content lies in memory, and of large content what lies in the spool as its upload. Both have bounds, see
/// `SMTPCheckpointLimits`.
///
/// Deviation: RFC 1845 section 3 wants the state in non-volatile storage. Here a restart forgets it, and clients send such messages
/// from their beginning; a message whose final reply was lost just before the restart may come twice, as without the extension.
public final class SMTPCheckpointStore: Sendable {
    /// Content as far as it was received.
    struct Content: Sendable {
        var body: ByteBuffer?
        var upload: (any SMTPContentUpload)?
        /// Whether what was uploaded ends where a line does.
        var uploadEndsLine: Bool
    }

    private struct State: ~Copyable, Sendable {
        var register: CheckpointRegister<Content>
        var isTimed = false
    }

    private let state: Mutex<State>
    private let clock: WallClock
    private let told: @Sendable (SMTPTransaction, String) -> Void

    /// - Parameter told: hears what became of transactions that went otherwise than their clients may think.
    public init(
        limits: SMTPCheckpointLimits = SMTPCheckpointLimits(),
        clock: WallClock = .system,
        told: @escaping @Sendable (SMTPTransaction, String) -> Void = { _, _ in }
    ) {
        state = Mutex(State(register: CheckpointRegister(limits: limits)))
        self.clock = clock
        self.told = told
    }

    /// What is kept now.
    public var kept: SMTPCheckpointSize { state.withLock { $0.register.kept } }

    /// Forgets everything: the configuration by which senders and recipients were judged has changed.
    public func removeAll() { state.withLock { $0.register.removeAll() } }

    func begin(_ ticket: SMTPCheckpointTicket, _ transaction: SMTPTransaction) -> CheckpointRegister<Content>.Answer {
        let now = clock.now()
        let answer = state.withLock { $0.register.begin(ticket, transaction, now: now) }
        switch answer {
        case .inUse(let holder):
            told(transaction, "another connection had the transaction, and was ended")
            holder.giveWay()
        case .completed: told(transaction, "the message was here already, its reply is told again")
        case .new, .interrupted: break
        }
        return answer
    }

    func interrupted(
        _ ticket: SMTPCheckpointTicket,
        _ transaction: SMTPTransaction,
        _ received: CheckpointRegister<Content>.Received,
        on loop: any EventLoop
    ) {
        let now = clock.now()
        gaveWay(state.withLock { $0.register.interrupted(ticket, transaction, received, now: now) })
        expireLater(on: loop)
    }

    func completed(
        _ ticket: SMTPCheckpointTicket,
        _ transaction: SMTPTransaction,
        _ reply: SMTPReply,
        on loop: any EventLoop
    ) {
        let now = clock.now()
        gaveWay(state.withLock { $0.register.completed(ticket, transaction, reply, now: now) })
        expireLater(on: loop)
    }

    func ended(_ ticket: SMTPCheckpointTicket) { state.withLock { $0.register.ended(ticket) } }

    func lost(_ ticket: SMTPCheckpointTicket) { state.withLock { $0.register.lost(ticket) } }

    private func gaveWay(_ transactions: [SMTPTransaction]) {
        for transaction in transactions { told(transaction, "given up, since too much was kept") }
    }

    /// There is one timer, begun when something is kept and begun again while something is.
    private func expireLater(on loop: any EventLoop) {
        let now = clock.now()
        let delay = state.withLock { state -> Duration? in
            guard !state.isTimed, let next = state.register.nextExpiry else { return nil }
            state.isTimed = true
            return max(.seconds(1), next - now)
        }
        guard let delay else { return }
        loop.scheduleTask(in: TimeAmount(delay)) { [weak self] in self?.expire(on: loop) }
    }

    private func expire(on loop: any EventLoop) {
        let now = clock.now()
        state.withLock { state in
            state.isTimed = false
            state.register.expire(now)
        }
        expireLater(on: loop)
    }
}
