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
/// client has proved counts too: the address that it connects from, its account, its certificate, and its TLS. All that the
/// Received field says of it is the same for that.
public struct SMTPCheckpointKey: Hashable, Sendable {
    public let identifier: TransactionIdentifier
    public let clientName: String
    public let peer: IPAddress
    public let account: String?
    public let certificateFingerprint: [UInt8]?
    /// The version; `nil` in clear.
    public let tls: String?
    public let role: SMTPServerConfiguration.Role

    public init(
        _ identifier: TransactionIdentifier,
        clientName: String,
        peer: IPAddress,
        account: String? = nil,
        certificateFingerprint: [UInt8]? = nil,
        tls: String? = nil,
        role: SMTPServerConfiguration.Role
    ) {
        self.identifier = identifier
        self.clientName = clientName.lowercased()
        self.peer = peer
        self.account = account
        self.certificateFingerprint = certificateFingerprint
        self.tls = tls
        self.role = role
    }

    /// What one customer has: an IPv4 address, or an IPv6 /64.
    var client: IPAddress { peer.prefix(peer.isIPv4 ? 32 : 64) }
}

/// The right of one connection to say what became of a transaction.
public final class SMTPCheckpointTicket: Sendable {
    public let key: SMTPCheckpointKey
    /// Ends the connection, from any thread: called when the client asks for the transaction on another, having given this one up.
    public let giveWay: @Sendable () -> Void

    public init(_ key: SMTPCheckpointKey, giveWay: @escaping @Sendable () -> Void = {}) {
        self.key = key
        self.giveWay = giveWay
    }
}
