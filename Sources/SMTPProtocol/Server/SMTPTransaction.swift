import MailBytes
import MailNames

/// What a client has said of one message so far.
public struct SMTPTransaction: Sendable, Equatable {
    public var reversePath: ReversePath
    public var recipients: [EnvelopeRecipient] = []
    public var bodyType: BodyType
    public var isInternationalized: Bool
    public var returnContent: ReturnContent?
    public var envelopeID: String?
    /// SIZE as declared: RFC 1870.
    public var declaredSize: Int?
    /// Whether the content came in chunks: RFC 3030.
    public var isChunked = false
    /// Octets of content so far.
    public var contentSize = 0
    private var rare: Boxed<RarelySaid>?
    /// Whether those who are logged in are to hear of it: SOML and SAML.
    public var raisesNotice = false
    /// From whom the host before us had it, as it says.
    public var forwarded: ForwardedClient?

    /// What few transactions have.
    private struct RarelySaid: Hashable {
        var terms = DeliveryTerms.plain
        var checkpoint: SMTPCheckpoint?
    }

    private var rarelySaid: RarelySaid {
        get { rare?.value ?? RarelySaid() }
        set { rare = newValue == RarelySaid() ? nil : Boxed(newValue) }
    }

    /// What was asked for beyond the plain envelope.
    public var terms: DeliveryTerms {
        get { rare?.value.terms ?? .plain }
        set { rarelySaid.terms = newValue }
    }

    /// Whether nothing was that `terms` could tell.
    public var hasPlainTerms: Bool { rare.map { $0.value.terms == .plain } ?? true }

    /// What it is resumed by where its connection is lost: RFC 1845. `nil` where the client gave it no TRANSID.
    public internal(set) var checkpoint: SMTPCheckpoint? {
        get { rare?.value.checkpoint }
        set { rarelySaid.checkpoint = newValue }
    }

    /// The octet at which its content goes on; `nil` where it is not one that broke off.
    var resumedAt: Int? { rare?.value.checkpoint?.offset }

    /// Whether the client gave it a TRANSID.
    var hasCheckpoint: Bool { rare.map { $0.value.checkpoint != nil } ?? false }

    /// - Parameter now: when MAIL arrived, for what asks for a time from then on.
    init(_ parameters: MailParameters, now: Timestamp = Timestamp(seconds: 0)) {
        self.reversePath = parameters.reversePath
        self.bodyType = parameters.bodyType
        self.isInternationalized = parameters.isInternationalized
        self.returnContent = parameters.returnContent
        self.envelopeID = parameters.envelopeID
        self.declaredSize = parameters.declaredSize
        if let requests = parameters.requests?.value {
            self.terms = requests.terms(now: now)
            if let identifier = requests.transaction { self.checkpoint = SMTPCheckpoint(identifier, requests) }
        }
    }
}
