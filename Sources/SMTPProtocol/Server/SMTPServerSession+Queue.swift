import MailNames

/// ETRN (RFC 1985), ATRN (RFC 2645) and TURN (RFC 821): clients that want what waits here.
extension SMTPServerSession {
    var queueKeywords: [String] {
        if configuration.role == .onDemand { return ["ATRN"] }
        return (configuration.raisesNotices ? ["SOML", "SAML"] : []) + (configuration.startsQueues ? ["ETRN"] : [])
            + (mayTurn ? ["TURN"] : [])
    }

    /// TURN names nobody: who is at the other end must be known, and nobody else may listen.
    private var mayTurn: Bool { configuration.offersTurn && isEncrypted && account != nil }

    mutating func startQueue(_ node: QueueNode) -> Action {
        guard configuration.startsQueues else { return fault(.notOffered) }
        return askQueue(.start(node))
    }

    mutating func turnAround(_ domains: [Domain]) -> Action {
        guard configuration.role == .onDemand else { return fault(.notOffered) }
        guard account != nil else { return fault(.authenticationRequired) }
        return askQueue(.turnAround(domains))
    }

    mutating func turn() -> Action {
        guard mayTurn else { return fault(.notOffered) }
        return askQueue(.turnAround([]))
    }

    private mutating func askQueue(_ request: SMTPQueueRequest) -> Action {
        switch phase {
        case .ready: break
        case .greeted: return fault(.helloFirst)
        default: return fault(.notInTransaction)
        }
        phase = .askingQueue
        return .askQueue(request)
    }

    /// The request is done, or refused: what the client is told.
    public mutating func queueAnswered(_ reply: SMTPReply) -> Action {
        guard case .askingQueue = phase else { return .send(.localError) }
        phase = .ready
        return reply.isPermanent ? fault(reply) : idle(reply)
    }

    /// The connection turns around with this reply: this session is over.
    public mutating func turnedAround(_ reply: SMTPReply) -> Action {
        guard case .askingQueue = phase else { return .send(.localError) }
        phase = .closed
        return .turnAround(reply)
    }
}

extension SMTPReply {
    /// RFC 1985 section 5.1.
    public static func queueStarted(_ node: String, pending: Int) -> SMTPReply {
        let status = EnhancedStatus(2, 0, 0)
        return pending == 0
            ? SMTPReply(251, status, "OK, no messages waiting for node \(node)")
            : SMTPReply(253, status, "OK, \(pending) pending messages for node \(node) started")
    }
    public static func queueNotStarted(_ node: String) -> SMTPReply {
        SMTPReply(458, EnhancedStatus(4, 3, 0), "Unable to queue messages for node \(node)")
    }
    public static func nodeNotAllowed(_ node: String, _ reason: String) -> SMTPReply {
        SMTPReply(459, EnhancedStatus(4, 7, 1), "Node \(node) not allowed: \(reason)")
    }
    /// RFC 2645 sections 5.2.1 and 7.
    public static let turningAround = SMTPReply(250, EnhancedStatus(2, 0, 0), "OK now reversing the connection")
    public static let noMailWaits = SMTPReply(453, EnhancedStatus(4, 2, 0), "You have no mail")
    public static let domainsNotYours = SMTPReply(450, EnhancedStatus(4, 7, 1), "ATRN request refused")
}
