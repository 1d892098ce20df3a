import MailNames
import SMTPProtocol

/// Why a recipient was not reached: for now, or for good, as its status says.
struct DeliveryFailure: Error, Hashable, Sendable {
    /// Class 4 or 5: RFC 3463.
    var status: EnhancedStatus
    /// One line for the operator and for the report.
    var text: String
    /// The reply that says so; `nil` when no host said anything.
    var reply: SMTPReply?
    /// The host that said so, or that could not be reached.
    var host: String?

    init(_ status: EnhancedStatus, _ text: String, reply: SMTPReply? = nil, host: String? = nil) {
        self.status = status
        self.text = text
        self.reply = reply
        self.host = host
    }

    static let givenUp = DeliveryFailure(.administrative, "The operator of this mail server gave the message up")

    var isPermanent: Bool { status.category == 5 }

    /// A failure as a host's reply tells it.
    ///
    /// 251 and 551 name another address (RFC 5321 section 3.4); we tell the sender and do not follow it.
    init(reply: SMTPReply, host: String) {
        let category: UInt8 = reply.isPermanent ? 5 : 4
        let said = reply.status.flatMap { $0.category == category ? $0 : nil }
        self.init(
            said ?? Self.status(for: reply.code),
            "\(host) said: \(reply.oneLine)",
            reply: reply,
            host: host
        )
    }

    /// The status that a reply without one stands for: RFC 5248 and the meaning of the codes in RFC 5321 section 4.2.3.
    private static func status(for code: Int) -> EnhancedStatus {
        switch code {
        case 421: EnhancedStatus(4, 4, 2)
        case 450: EnhancedStatus(4, 2, 0)
        case 452: EnhancedStatus(4, 3, 1)
        case 521, 556: EnhancedStatus(5, 3, 2)
        case 530, 535, 538: EnhancedStatus(5, 7, 0)
        case 550: EnhancedStatus(5, 1, 1)
        case 551: EnhancedStatus(5, 1, 6)
        case 552: EnhancedStatus(5, 2, 2)
        case 553: EnhancedStatus(5, 1, 3)
        case 500...599: EnhancedStatus(5, 0, 0)
        default: EnhancedStatus(4, 0, 0)
        }
    }
}

/// What came of one attempt for one recipient.
enum DeliveryOutcome: Sendable {
    /// It is in a mailbox here.
    case delivered
    /// Another host is responsible for it now.
    ///
    /// - Parameter keepsNotifyPromise: the host reports success itself, as NOTIFY asks: RFC 3461 section 5.2.
    case relayed(host: String, reply: SMTPReply?, keepsNotifyPromise: Bool)
    /// A new message here stands for it, which reports what becomes of it.
    case passedOn
    /// It waits until somebody lets it go on, for this reason.
    case held(String)
    /// Why it waits when the operator held it while it was about to go.
    static let operatorsWord = "the operator said so"
    static let heldByOperator = DeliveryOutcome.held(operatorsWord)
    /// The same as `relayed`, and the sender is told so unless NOTIFY is NEVER: RFC 2852 section 4.1.4.
    case relayedWithNotice(host: String, reply: SMTPReply?)
    /// It is tried again, or given up, as the failure's status says.
    case failed(DeliveryFailure)
}
