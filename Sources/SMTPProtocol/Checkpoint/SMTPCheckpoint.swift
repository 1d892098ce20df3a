import MailNames

/// What a transaction with TRANSID is resumed by, and how far it had come when it was: RFC 1845 section 3.
public struct SMTPCheckpoint: Hashable, Sendable {
    public let identifier: TransactionIdentifier
    /// What MAIL asked for as it was said, without the times that run down.
    private let said: MailRequests
    /// Octets of content that were here when it was resumed; `nil` where it was not.
    public internal(set) var offset: Int?
    /// What the client was told, where the whole message is here already and only that reply was lost.
    var completed: SMTPReply?

    init(_ identifier: TransactionIdentifier, _ requests: MailRequests) {
        self.identifier = identifier
        var said = requests
        said.deliverBy?.seconds = 0
        said.tracking?.seconds = nil
        self.said = said
    }

    /// Whether both were begun by the same MAIL.
    fileprivate func hasSameOrigin(as other: SMTPCheckpoint) -> Bool {
        identifier == other.identifier && said == other.said
    }
}

extension SMTPTransaction {
    /// Whether a client that begins this transaction means the other one, which broke off: its MAIL is the same, RFC 1845 section 3.
    func resumes(_ other: SMTPTransaction) -> Bool {
        guard let checkpoint, let earlier = other.checkpoint, checkpoint.hasSameOrigin(as: earlier) else {
            return false
        }
        return reversePath == other.reversePath && bodyType == other.bodyType && declaredSize == other.declaredSize
            && isInternationalized == other.isInternationalized && returnContent == other.returnContent
            && envelopeID == other.envelopeID && raisesNotice == other.raisesNotice
    }
}

/// Whose transaction it is: nobody else resumes it.
///
/// RFC 1845 section 2 item 4 tells transactions apart by TRANSID and the name in EHLO. Both can be said by anybody, so what the
/// client has proved counts too: its account, or else the address that it connects from, and whether TLS stands.
public struct SMTPCheckpointKey: Hashable, Sendable {
    /// What the client has proved of itself.
    public enum Origin: Hashable, Sendable {
        case account(String)
        case address(IPAddress)
    }

    public let identifier: TransactionIdentifier
    public let clientName: String
    public let origin: Origin
    public let isEncrypted: Bool
    public let role: SMTPServerConfiguration.Role

    public init(
        _ identifier: TransactionIdentifier,
        clientName: String,
        origin: Origin,
        isEncrypted: Bool,
        role: SMTPServerConfiguration.Role
    ) {
        self.identifier = identifier
        self.clientName = clientName.lowercased()
        self.origin = origin
        self.isEncrypted = isEncrypted
        self.role = role
    }
}
