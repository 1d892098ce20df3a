import Admission
import InternetMessage
import Logging
import MailBytes
import MailEvents
import MailNames
import MailPolicy
import NIOCore
import SASL
import SMTPChannels
import SMTPProtocol
import Spool
import Synchronization

/// Takes messages in, whichever door they come through: judges, stamps, makes durable, and writes the trace.
public final class Reception: SMTPServerAuthority {
    /// What can be changed while the server runs.
    public struct Options: Sendable {
        /// Our name in Received fields and made-up Message-IDs.
        public var hostName: String
        /// How long a message is tried before it is given up: RFC 5321 section 4.5.4.1 says at least 4 days.
        public var messageLifetime: Duration
        /// Solicitation class keywords of what is not taken: RFC 3865.
        public var refusedSolicitations: [String]
        /// Octets and recipients that a message from this machine may have. SMTP sessions have limits of their own.
        public var messageSize = SMTPLimits().messageSize
        public var recipients = SMTPLimits().recipientsPerTransaction
        /// Whether what a submission says in From has to belong to its account.
        public var checksAuthors = true
        /// Senders whose mail goes to each recipient with a return path of its own.
        public var variablePaths = SenderList()

        public init(
            hostName: String,
            messageLifetime: Duration = .seconds(5 * 86_400),
            refusedSolicitations: [String] = []
        ) {
            self.hostName = hostName
            self.messageLifetime = messageLifetime
            self.refusedSolicitations = refusedSolicitations
        }
    }

    let admission: Admission
    let spool: Spool
    let recorder: any TraceRecorder
    let clock: WallClock
    let logger: Logger
    private let options: Mutex<Options>
    /// In a struct, since a bare closure in a generic box is wrapped once more with each access.
    private struct Hook: Sendable {
        let body: @Sendable (IPAddress, Domain?) -> Void
    }

    private let appeared = Mutex<Hook?>(nil)
    let noticing = Mutex<Noticing?>(nil)
    let queueAnswering = Mutex<QueueAnswering?>(nil)

    public init(
        options: Options,
        admission: Admission,
        spool: Spool,
        recorder: any TraceRecorder,
        clock: WallClock,
        logger: Logger
    ) {
        self.options = Mutex(options)
        self.admission = admission
        self.spool = spool
        self.recorder = recorder
        self.clock = clock
        self.logger = logger
    }

    /// Other options from now on.
    public func setOptions(_ options: Options) { self.options.withLock { $0 = options } }

    /// Who is told that a host connected: its waiting mail is tried at once.
    public func whenHostAppears(_ body: @escaping @Sendable (IPAddress, Domain?) -> Void) {
        appeared.withLock { $0 = Hook(body: body) }
    }

    func currentOptions() -> Options { options.withLock { $0 } }

    // MARK: Judgements

    public func judgeSender(
        _ transaction: SMTPTransaction,
        _ client: SMTPClientDescription,
        on loop: any EventLoop
    ) -> SMTPJudging {
        guard spool.accepts else {
            let verdict = Verdict("spool", .refuse(.storageFull), because: "the spool is full")
            return .now(judgement([verdict], "MAIL", transaction, nil, client))
        }
        if let refusal = paceRefusal(.message, "MAIL", transaction, nil, client) { return .now(refusal) }
        switch admission.judgeSender(transaction.reversePath, admissionClient(client), on: loop) {
        case .now(let verdicts):
            return .now(withPriority(judgement(verdicts, "MAIL", transaction, nil, client), transaction, client))
        case .later(let future):
            return .later(
                future.map {
                    self.withPriority(self.judgement($0, "MAIL", transaction, nil, client), transaction, client)
                }
            )
        }
    }

    public func judgeRecipient(
        _ recipient: EnvelopeRecipient,
        _ transaction: SMTPTransaction,
        _ client: SMTPClientDescription,
        on loop: any EventLoop
    ) -> SMTPJudging {
        if let refusal = paceRefusal(.recipient, "RCPT", transaction, recipient, client) { return .now(refusal) }
        if recipient.requiredOwnership != nil { return judgeOwner(recipient, transaction, client, on: loop) }
        switch admission.judgeRecipient(recipient.address, admissionClient(client), on: loop) {
        case .now(let verdicts): return .now(judgement(verdicts, "RCPT", transaction, recipient, client))
        case .later(let future):
            return .later(future.map { self.judgement($0, "RCPT", transaction, recipient, client) })
        }
    }

    func admissionClient(_ client: SMTPClientDescription) -> Admission.Client {
        // What LMTP brings is for mailboxes here: its clients have relayed it already.
        let peer = client.role == .delivery ? nil : client.peer
        return Admission.Client(
            peer: peer,
            account: client.role == .delivery ? nil : client.account,
            isSubmission: client.role == .submission,
            certificate: client.certificateFingerprint.flatMap { CertificateFingerprint(octets: $0) }
        )
    }

    /// What the session is told; a refusal goes to the trace.
    func judgement(
        _ verdicts: [Verdict],
        _ command: String,
        _ transaction: SMTPTransaction,
        _ recipient: EnvelopeRecipient?,
        _ client: SMTPClientDescription
    ) -> SMTPServerSession.Judgement {
        var told: SMTPReply?
        for verdict in verdicts {
            if case .acceptTelling(let reply) = verdict.decision { told = reply }
            guard case .refuse(let reply) = verdict.decision else { continue }
            record(
                nil,
                TraceEvent(
                    .refused,
                    [
                        .command: command, .sender: transaction.reversePath.description,
                        .recipient: recipient?.address.description, .peer: client.peer?.description, .helo: client.helo,
                        .account: client.account, .reply: reply.oneLine, .reason: verdict.line,
                    ]
                )
            )
            return .refused(reply)
        }
        return told.map { .acceptedTelling($0) } ?? .accepted
    }

    public func lookUp(_ lookup: SMTPLookup, _ client: SMTPClientDescription) async -> SMTPReply {
        await admission.lookUp(lookup, admissionClient(client))
    }

    public func smugglingRefused(
        _ reply: SMTPReply,
        _ transaction: SMTPTransaction?,
        _ client: SMTPClientDescription
    ) {
        let recipients = (transaction?.recipients ?? []).prefix(20).map {
            TraceEvent.Entry(.recipient, $0.address.description)
        }
        var event = TraceEvent(
            .smuggling,
            [
                .sender: transaction?.reversePath.description, .peer: client.peer?.description, .helo: client.helo,
                .account: client.account, .reply: reply.oneLine,
                .reason: "a bare CR or LF where only CR LF may end a line",
            ]
        )
        event.fields += recipients
        record(nil, event)
        logger.notice("\(event.sentence)")
    }

    /// Records what became of a transaction that a client may resume: RFC 1845.
    public func checkpointTold(_ transaction: SMTPTransaction, _ sentence: String) {
        var event = TraceEvent(.checkpoint, [.sender: transaction.reversePath.description, .reason: sentence])
        event.fields += transaction.recipients.prefix(20).map { TraceEvent.Entry(.recipient, $0.address.description) }
        record(nil, event)
    }

    public func clientAppeared(_ client: SMTPClientDescription) {
        guard client.role == .transfer, let peer = client.peer, let hook = appeared.withLock({ $0 }) else { return }
        hook.body(peer, client.helo.flatMap { try? Domain(parsing: $0) })
    }

    func record(_ id: QueueID?, _ event: TraceEvent) {
        recorder.record(TraceEntry(queueID: id, time: clock.now(), event: event))
    }
}
