import MailNames
import NIOCore
import SASL
import SMTPProtocol

/// Who judges what clients ask, and takes the messages. Called on the connection's event loop.
public protocol SMTPServerAuthority: AnyObject, Sendable {
    func judgeSender(
        _ transaction: SMTPTransaction,
        _ client: SMTPClientDescription,
        on loop: any EventLoop
    ) -> SMTPJudging
    func judgeRecipient(
        _ recipient: EnvelopeRecipient,
        _ transaction: SMTPTransaction,
        _ client: SMTPClientDescription,
        on loop: any EventLoop
    ) -> SMTPJudging
    func judgeCredentials(
        _ credentials: SASLCredentials,
        _ client: SMTPClientDescription
    ) async -> SMTPServerSession.CredentialsJudgement
    /// What a SCRAM exchange is challenged with; a decoy where there is no such user, `nil` when it cannot be told now.
    func scramChallenge(for identity: SCRAMIdentity, _ client: SMTPClientDescription) async -> SCRAMChallenge?
    /// Answers VRFY and EXPN.
    func lookUp(_ lookup: SMTPLookup, _ client: SMTPClientDescription) async -> SMTPReply
    /// Makes the message durable, then says on the loop what the client is told.
    func commit(
        _ transaction: SMTPTransaction,
        _ content: SMTPReceivedContent,
        _ client: SMTPClientDescription,
        on loop: any EventLoop,
        then: @escaping @Sendable (SMTPReply) -> Void
    )
    /// The content is larger than memory takes: where it goes from here on.
    func upload(
        _ transaction: SMTPTransaction,
        _ client: SMTPClientDescription,
        on loop: any EventLoop
    ) -> any SMTPContentUpload
    /// Somebody tried to smuggle and was refused.
    func smugglingRefused(_ reply: SMTPReply, _ transaction: SMTPTransaction?, _ client: SMTPClientDescription)
    /// A client wants what waits for domains to be sent, or to come over its own connection.
    func answer(
        _ request: SMTPQueueRequest,
        _ client: SMTPClientDescription,
        on loop: any EventLoop
    ) -> EventLoopFuture<SMTPQueueAnswer>
    /// A client said EHLO or HELO.
    func clientAppeared(_ client: SMTPClientDescription)
}

extension SMTPServerAuthority {
    /// An authority without stored secrets; its listeners offer no SCRAM.
    public func scramChallenge(
        for identity: SCRAMIdentity,
        _ client: SMTPClientDescription
    ) async -> SCRAMChallenge? { nil }

    /// Names are told to nobody.
    public func lookUp(_ lookup: SMTPLookup, _ client: SMTPClientDescription) async -> SMTPReply { .cannotVerify }

    /// Nothing of the kind is done here.
    public func answer(
        _ request: SMTPQueueRequest,
        _ client: SMTPClientDescription,
        on loop: any EventLoop
    ) -> EventLoopFuture<SMTPQueueAnswer> { loop.makeSucceededFuture(.reply(.notOffered)) }
}

/// What becomes of a request about the queue.
public enum SMTPQueueAnswer: Sendable {
    case reply(SMTPReply)
    /// The reply is sent; then the channel is somebody else's, who is told on its loop.
    case turnAround(SMTPReply, @Sendable (any Channel) -> Void)
}

/// An answer at once, or later.
public enum SMTPJudging: Sendable {
    case now(SMTPServerSession.Judgement)
    case later(EventLoopFuture<SMTPServerSession.Judgement>)
}

/// What is known of the other side.
public struct SMTPClientDescription: Sendable {
    public var peer: IPAddress?
    public var helo: String?
    public var account: String?
    /// `TLSv1.3`; `nil` in clear.
    public var tls: String?
    public var role: SMTPServerConfiguration.Role
    public var isExtended: Bool
    /// The SHA-256 of the certificate that its TLS handshake proved to be its own; 32 octets.
    public var certificateFingerprint: [UInt8]?

    public init(
        peer: IPAddress?,
        helo: String?,
        account: String?,
        tls: String?,
        role: SMTPServerConfiguration.Role,
        isExtended: Bool
    ) {
        self.peer = peer
        self.helo = helo
        self.account = account
        self.tls = tls
        self.role = role
        self.isExtended = isExtended
    }

    /// The keyword for the Received field: RFC 3848, RFC 6531 section 4.3.
    public func transmissionType(isInternationalized: Bool) -> String {
        guard isExtended else { return "SMTP" }
        let isLocal = role == .delivery
        return (isInternationalized ? (isLocal ? "UTF8LMTP" : "UTF8SMTP") : isLocal ? "LMTP" : "ESMTP")
            + (tls == nil ? "" : "S") + (account == nil ? "" : "A")
    }
}

/// The content of a message as it arrived, dots taken out.
public enum SMTPReceivedContent: Sendable {
    case buffer(ByteBuffer)
    case upload(any SMTPContentUpload)
}

/// Takes the content of a large message piece by piece.
public protocol SMTPContentUpload: Sendable {
    /// - Returns: whether more may come at once; false asks to wait for `resume`, called on the connection's loop.
    func append(_ buffer: ByteBuffer, resume: @escaping @Sendable () -> Void) -> Bool
    /// The content goes on over another connection, whose loop this is, after the first one was lost: RFC 1845. Who asked to be
    /// told that more may come is not told any more.
    func move(to loop: any EventLoop)
    /// The message will not come to its end.
    func abandon()
}
