import DeliveryScheduler
import Directory
import MailBytes
import MailEvents
import MailNames
import NIOCore

/// A message that is being worked on: its envelope and how far each address that it goes to has come.
///
/// Lives on the delivery's event loop, owned by the actor.
final class ActiveMessage {
    let id: QueueID
    let envelope: Envelope
    /// Octets of content.
    let size: Int
    /// Where the operator sent it instead of its domains' hosts.
    var override: RelayHost?
    var isHeld: Bool
    /// What the spool knows of each recipient and of addresses that aliases led to.
    var progress: [UInt32: Progress]
    /// The addresses it goes to, once they were found out.
    var targets: [Target] = []
    /// Where what is among them; `nil` where they are few.
    var crowd: Crowd?
    /// All before it are done.
    var firstOpen = 0
    /// When that was.
    var resolved: Timestamp?
    /// The content, read together with the envelope, until the attempt that it was read for is over.
    var readAhead: ByteBuffer?
    /// Attempts under way, and reports being written.
    var users = 0
    /// What is to be reported when no attempt is under way.
    var items: [ReportItem] = []
    /// The addresses whose delay was told.
    var warned: Set<UInt32> = []
    /// The addresses of whom it was told that the moment has passed that the sender named.
    var askedWarned: Set<UInt32> = []
    /// The recipients of whom it is being told that an alias leads on from them. When that is durable, `progress` has it.
    var toldExpanded: Set<Int> = []
    /// Whether its items wait for another try at writing the report.
    var isReportPostponed = false
    /// Of which options the routes were found.
    var epoch = 0
    /// The operator deleted it: nothing more is reported or tried.
    var isDeleted = false
    /// The operator gave it up: what is being tried fails for good when it fails.
    var isGivenUp = false

    /// Whether the operator wants nothing more to be written or sent of it.
    var isTakenBack: Bool { isHeld || isDeleted }

    enum Progress: Hashable {
        case waiting(attempts: Int, nextAttempt: Timestamp, lastError: String?)
        case finished
    }

    init(
        id: QueueID,
        envelope: Envelope,
        size: Int,
        override: RelayHost? = nil,
        isHeld: Bool = false,
        progress: [UInt32: Progress] = [:]
    ) {
        self.id = id
        self.envelope = envelope
        self.size = size
        self.override = override
        self.isHeld = isHeld
        self.progress = progress
    }

    /// An address that the message goes to.
    struct Target {
        enum State {
            case waiting
            /// It is being tried.
            case inFlight
            /// It failed, or was delivered to a sender's wish to know, and that is being reported.
            case reporting
            case done
        }

        /// The place of the recipient in the envelope.
        var recipient: Int
        /// Its number in the spool's progress: the recipient's place, or for what an alias leads to a number made of the address.
        var key: UInt32
        var address: EmailAddress
        /// The mailbox's owner, for an address that is ours.
        var account: AccountID?
        /// The mailing list that the address is of.
        var list: ListTarget?
        /// The file or command that the address, an alias, leads to.
        var outlet: AliasTarget?
        /// Whether it was reached through an alias.
        var isExpanded: Bool
        var route: Route
        var state: State = .waiting
        var lastFailure: DeliveryFailure?
        /// Of several entries of the message for one destination, the one in which its next attempt waits.
        var waitsIn: EntryID?
    }

    /// The number of an address that an alias led to. Numbers of recipients are smaller.
    ///
    /// Two addresses of one message share a number with a chance of one to two thousand millions.
    static func key(of address: EmailAddress, recipient: Int) -> UInt32 {
        key(of: address.description, recipient: recipient)
    }

    static func key(of name: String, recipient: Int) -> UInt32 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ UInt64(recipient)
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return UInt32(truncatingIfNeeded: hash >> 33) | 0x8000_0000
    }

    /// The number under which the spool remembers that it was told that an alias leads on from a recipient: told once, RFC 3461 section
    /// 5.2.7.3, also over a restart. No address has such a name.
    static func expandedTold(_ recipient: Int) -> UInt32 { key(of: "\0expanded", recipient: recipient) }

    /// Whether every address is done.
    var isDone: Bool {
        guard resolved != nil else { return false }
        while firstOpen < targets.count, targets[firstOpen].state == .done { firstOpen += 1 }
        return firstOpen == targets.count
    }

    var attempts: Int {
        var most = 0
        for case .waiting(let attempts, _, _) in progress.values { most = max(most, attempts) }
        return most
    }

    func notify(_ target: Target) -> DeliveryNotify? { envelope.recipients[target.recipient].notify }
}
