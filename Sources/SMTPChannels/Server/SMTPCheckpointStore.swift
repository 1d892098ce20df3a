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

    private let register: Mutex<CheckpointRegister<Content>>
    private let clock: WallClock

    public init(limits: SMTPCheckpointLimits = SMTPCheckpointLimits(), clock: WallClock = .system) {
        register = Mutex(CheckpointRegister(limits: limits))
        self.clock = clock
    }

    func begin(_ key: SMTPCheckpointKey, _ transaction: SMTPTransaction) -> CheckpointRegister<Content>.Answer {
        let now = clock.now()
        return register.withLock { $0.begin(key, transaction, now: now) }
    }

    func interrupted(
        _ ticket: SMTPCheckpointTicket,
        _ transaction: SMTPTransaction,
        _ received: CheckpointRegister<Content>.Received
    ) {
        let now = clock.now()
        register.withLock { $0.interrupted(ticket, transaction, received, now: now) }
    }

    func completed(_ ticket: SMTPCheckpointTicket, _ transaction: SMTPTransaction, _ reply: SMTPReply) {
        let now = clock.now()
        register.withLock { $0.completed(ticket, transaction, reply, now: now) }
    }

    func ended(_ ticket: SMTPCheckpointTicket) { register.withLock { $0.ended(ticket) } }
}
