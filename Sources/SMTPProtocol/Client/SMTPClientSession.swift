import MailBytes
import MailNames
import SASL

/// The client's side of one SMTP session, without I/O: RFC 5321 section 3, with pipelining (RFC 2920).
///
/// EHLO first and HELO when that is all the other side has. Several transactions, one after the other.
public struct SMTPClientSession: ~Copyable, Sendable {
    /// What the channel does next.
    public enum Action: Sendable, Equatable {
        case wait
        /// Send these bytes. `isSecret` keeps them out of the record of the dialogue.
        case send([UInt8], isSecret: Bool)
        /// Start TLS, then `tlsEstablished()` or `tlsFailed()`.
        case startTLS
        /// Ready for `begin(_:)` or `quit()`.
        case ready
        /// Where in the content this offset is is to be found; with `isText` it counts every line's end as CR LF, and a line has to
        /// begin there. Answered by `located(_:)`; what is sent then begins there. RFC 1845 section 3.
        case locate(offset: Int, isText: Bool)
        /// Send the content with dot-stuffing and its end, then wait.
        case sendContent
        /// Send this line, then exactly the content's octets: RFC 3030.
        case sendChunk([UInt8])
        /// The transaction is over; ready for the next unless `isUsable` is false.
        case finished(SMTPTransactionResult)
        /// What was asked with `ask(_:)` is answered; ready for more.
        case answered(SMTPReply)
        /// The session is over.
        case failed(SMTPClientFailure)
        /// The server has answered QUIT.
        case close
    }

    /// How much TLS is asked of the next hop.
    public enum TLSPolicy: Sendable, Equatable {
        case off
        /// Where the server offers it.
        case opportunistic
        case required
        /// The connection began with it.
        case implicit
    }

    public struct Configuration: Sendable {
        /// Our name for EHLO.
        public var hostName: String
        public var tls: TLSPolicy
        public var credentials: PasswordCredentials?
        /// Chance for one log-in: see `SASLClientExchange`. Empty leaves SCRAM out.
        public var nonce: String
        /// Whether a server without REQUIRETLS is of no use: RFC 8689 section 4.2.1 step 5.
        public var needsRequireTLS: Bool
        /// Whether the password may be sent without TLS: to this machine itself alone.
        public var allowsClearTextPassword = false
        /// Whether TLS stands with anybody, whose certificate was not looked at: then the password is shown to nobody, and proved
        /// with SCRAM alone.
        public var isServerUnverified = false
        /// Whether LMTP is spoken: LHLO, and a reply for each recipient after the content (RFC 2033).
        public var speaksLMTP = false

        public init(
            hostName: String,
            tls: TLSPolicy,
            credentials: PasswordCredentials? = nil,
            nonce: String = "",
            needsRequireTLS: Bool = false
        ) {
            self.hostName = hostName
            self.tls = tls
            self.credentials = credentials
            self.nonce = nonce
            self.needsRequireTLS = needsRequireTLS
        }
    }

    /// What the next reply answers.
    enum Awaited: Sendable, Equatable {
        case greeting, ehlo, helo, startTLS, authentication, mail, recipient(Int), data, content, reset, quit
        /// The content, as far as one recipient goes: RFC 2033 section 4.2.
        case contentOf(Int)
        case question
    }

    struct Transaction: Sendable {
        var delivery: SMTPDelivery
        var outcomes: [SMTPRecipientOutcome?]
        /// What MAIL was answered, when it was refused.
        var refusal: SMTPReply?
        var usesChunks = false
        var passesNotifications = false
        /// Recipients below this place have had their reply to the content, where each has its own.
        var settled = 0
        /// Whether the recipients wait for what MAIL is answered.
        var isStepwise = false
        /// Whether the server is told TRANSID: RFC 1845.
        var usesCheckpoint = false
        /// The server wants it, and not on this connection.
        var isForAnotherConnection = false
        /// Octets of content that the server has already.
        var offset = 0

        var accepted: Int {
            outcomes.reduce(0) { count, outcome in
                if case .accepted = outcome { count + 1 } else { count }
            }
        }
    }

    let configuration: Configuration
    var awaited: [Awaited] = [.greeting]
    private var parser = SMTPReplyParser()
    var transaction: Transaction?
    var exchange: SASLClientExchange?
    /// What the TLS connection can be bound to.
    private(set) var bindings = ChannelBindings()
    public private(set) var extensions = SMTPServerExtensions()
    public private(set) var isEncrypted: Bool
    /// The server's first line, for the trace.
    public private(set) var banner = ""
    var transactions = 0
    /// Transactions whose MAIL the server took.
    private var taken = 0
    /// The domains of recipients named on this connection, where the server bounds them: RFC 9422.
    private var domains: Set<MailHost> = []
    /// What time it is, as the channel said last: what is left of times is counted from here.
    public var now = Timestamp(seconds: 0)
    /// The server still holds a transaction that came to nothing.
    private var needsReset = false
    /// The server said 421 or nonsense, or is gone.
    private var isOver = false

    /// A session that waits for the greeting.
    public init(configuration: Configuration) {
        self.configuration = configuration
        self.isEncrypted = configuration.tls == .implicit
    }

    /// Whether the server will take one more transaction on this connection.
    public var mayBegin: Bool {
        !isOver && awaited.isEmpty && transaction == nil && transactions < extensions.transactionsPerConnection ?? .max
    }

    /// What is being waited for: the channel's time-out by RFC 5321 section 4.5.3.2.
    public func patience(_ timeouts: SMTPTimeouts) -> Duration {
        switch awaited.first {
        case .greeting, .ehlo, .helo, .startTLS, .authentication, nil: timeouts.greeting
        case .mail, .reset: timeouts.mail
        case .recipient: timeouts.recipient
        case .data: timeouts.dataStart
        case .content, .contentOf, .question: timeouts.contentEnd
        case .quit: timeouts.quit
        }
    }

    // MARK: Events

    /// A line arrived, without its CR LF.
    public mutating func lineReceived(_ line: Span<UInt8>) -> Action {
        let action = take(line)
        if case .failed = action { isOver = true }
        return action
    }

    private mutating func take(_ line: Span<UInt8>) -> Action {
        do {
            guard let reply = try parser.lineReceived(line) else { return .wait }
            return replyReceived(reply)
        } catch {
            let shown = line.text(0..<min(80, line.count))
            return .failed(
                .connection(.protocolError, "the server answered with something else than a reply: \(shown)")
            )
        }
    }

    private mutating func replyReceived(_ reply: SMTPReply) -> Action {
        guard let what = awaited.first else {
            return .failed(SMTPClientFailure(.connectionLost, reply))
        }
        awaited.removeFirst()
        switch what {
        case .greeting: return greeted(reply)
        case .ehlo: return ehloAnswered(reply)
        case .helo: return heloAnswered(reply)
        case .startTLS: return startTLSAnswered(reply)
        case .authentication: return authenticationAnswered(reply)
        case .quit: return .close
        case .question: return .answered(reply)
        case .reset:
            if reply.code == 421 { return lost(SMTPClientFailure(.connectionLost, reply)) }
            guard let transaction else { return .ready }
            guard awaited.isEmpty else { return .wait }
            needsReset = false
            awaited = [.mail]
            return .send(mailCommand(transaction), isSecret: false)
        case .mail, .recipient, .data, .content, .contentOf: return transactionAnswered(what, reply)
        }
    }

    // MARK: Beginning

    private mutating func greeted(_ reply: SMTPReply) -> Action {
        banner = reply.oneLine
        guard reply.code == 220 else {
            let never = reply.code == 521 || reply.code == 554
            return .failed(SMTPClientFailure(never ? .takesNoMail : .refused, reply))
        }
        return ehlo()
    }

    private mutating func ehlo() -> Action {
        awaited = [.ehlo]
        return line((configuration.speaksLMTP ? "LHLO " : "EHLO ") + configuration.hostName)
    }

    private mutating func ehloAnswered(_ reply: SMTPReply) -> Action {
        guard reply.code == 250 else {
            if reply.code == 521 { return .failed(SMTPClientFailure(.takesNoMail, reply)) }
            guard reply.isPermanent, !configuration.speaksLMTP, configuration.tls != .required || isEncrypted,
                configuration.credentials == nil
            else {
                return .failed(SMTPClientFailure(.refused, reply))
            }
            // RFC 5321 section 3.2: a server that does not know EHLO is asked with HELO.
            awaited = [.helo]
            return line("HELO \(configuration.hostName)")
        }
        extensions = SMTPServerExtensions(reply)
        if !isEncrypted && configuration.tls != .off {
            if extensions.startTLS {
                awaited = [.startTLS]
                return line("STARTTLS")
            }
            if configuration.tls == .required { return .failed(Self.tlsMissing) }
        }
        if configuration.needsRequireTLS && !(isEncrypted && extensions.requireTLS) {
            return .failed(SMTPClientFailure(.tlsRequired, .requireTLSNeeded))
        }
        return authenticate()
    }

    private mutating func heloAnswered(_ reply: SMTPReply) -> Action {
        extensions = SMTPServerExtensions()
        return reply.code == 250 ? .ready : .failed(SMTPClientFailure(.refused, reply))
    }

    private static let tlsMissing = SMTPClientFailure(
        .tlsRequired,
        SMTPReply(450, EnhancedStatus(4, 7, 10), "TLS is required for this next hop, and it does not offer it")
    )

    private mutating func startTLSAnswered(_ reply: SMTPReply) -> Action {
        if reply.code == 220 { return .startTLS }
        if reply.code == 421 { return .failed(SMTPClientFailure(.connectionLost, reply)) }
        if configuration.tls == .required { return .failed(SMTPClientFailure(.tlsRequired, reply)) }
        return authenticate()
    }

    /// The handshake is done: what the server offered before is forgotten, RFC 3207 section 4.2.
    ///
    /// - Parameter bindings: what the connection can be bound to.
    public mutating func tlsEstablished(_ bindings: ChannelBindings = ChannelBindings()) -> Action {
        isEncrypted = true
        self.bindings = bindings
        extensions = SMTPServerExtensions()
        parser = SMTPReplyParser()
        if configuration.tls == .implicit { return .wait }
        return ehlo()
    }

    // MARK: Transactions

    /// Begins a transaction. Only when `mayBegin`.
    public mutating func begin(_ delivery: SMTPDelivery) -> Action {
        var transaction = Transaction(
            delivery: delivery,
            outcomes: Array(repeating: nil, count: delivery.recipients.count)
        )
        if let refusal = unsuitable(delivery) {
            return .finished(
                SMTPTransactionResult(
                    outcomes: delivery.recipients.map { _ in .failed(refusal) },
                    passedNotifications: false
                )
            )
        }
        transaction.usesChunks = delivery.bodyType == .binaryMIME
        transaction.passesNotifications = extensions.deliveryNotification
        choose(&transaction)
        guard transaction.outcomes.contains(where: { $0 == nil }) else {
            // A server that takes no more domains takes no more of this kind of mail on this connection.
            if transaction.outcomes.contains(.notTried) { transactions = .max }
            return .finished(
                SMTPTransactionResult(outcomes: transaction.outcomes.compactMap(\.self), passedNotifications: false)
            )
        }
        transactions += 1
        nameTransaction(&transaction)
        self.transaction = transaction
        var bytes: [UInt8] = needsReset ? Array("RSET\r\n".utf8) : []
        awaited = needsReset ? [.reset] : [.mail]
        if !extensions.pipelining || transaction.isStepwise {
            return .send(needsReset ? bytes : mailCommand(transaction), isSecret: false)
        }
        if needsReset { awaited.append(.mail) }
        needsReset = false
        bytes += mailCommand(transaction)
        for index in delivery.recipients.indices where transaction.outcomes[index] == nil {
            bytes += recipientCommand(delivery.recipients[index], delivery)
            awaited.append(.recipient(index))
        }
        if !transaction.usesChunks && !delivery.isProbe {
            bytes.append("DATA\r\n")
            awaited.append(.data)
        }
        return .send(bytes, isSecret: false)
    }

    /// Gives those recipients an outcome that are not named in this transaction: what the server may not be asked, and what
    /// LIMITS leaves no place for (RFC 9422).
    private mutating func choose(_ transaction: inout Transaction) {
        var left = extensions.recipientsPerTransaction ?? .max
        for (index, recipient) in transaction.delivery.recipients.enumerated() {
            if let refusal = extensions.refusal(of: recipient) {
                transaction.outcomes[index] = .failed(refusal)
                continue
            }
            guard left > 0 else {
                transaction.outcomes[index] = .notTried
                continue
            }
            if let limit = extensions.recipientDomainsPerConnection, !domains.contains(recipient.address.host) {
                guard domains.count < limit else {
                    transaction.outcomes[index] = .notTried
                    continue
                }
                domains.insert(recipient.address.host)
            }
            left -= 1
        }
    }

    /// Why the server cannot take the message at all; statuses by RFC 5248 and the extensions' own texts.
    private func unsuitable(_ delivery: SMTPDelivery) -> SMTPReply? {
        let isReport = delivery.reversePath == .null
        if let refusal = extensions.refusal(of: delivery.terms, isReport: isReport, isEncrypted: isEncrypted, now: now)
        {
            return refusal
        }
        if let limit = extensions.size, limit > 0, delivery.size > limit {
            return SMTPReply(
                552,
                EnhancedStatus(5, 3, 4),
                "the message has \(delivery.size) octets, the next hop takes \(limit)"
            )
        }
        if Self.needsUTF8(delivery) && !extensions.smtpUTF8 {
            return SMTPReply(
                553,
                EnhancedStatus(5, 6, 7),
                "the message needs SMTPUTF8, which the next hop does not offer"
            )
        }
        // Conversion required but not supported: RFC 3463 section 3.7. To recode a message would break its signatures.
        if delivery.bodyType == .binaryMIME && !(extensions.binaryMIME && extensions.chunking) {
            return SMTPReply(
                554,
                EnhancedStatus(5, 6, 3),
                "the message needs BINARYMIME, which the next hop does not offer"
            )
        }
        if delivery.bodyType == .eightBitMIME && delivery.hasEightBitContent && !extensions.eightBitMIME {
            return SMTPReply(
                554,
                EnhancedStatus(5, 6, 3),
                "the message needs 8BITMIME, which the next hop does not offer"
            )
        }
        return nil
    }

    private mutating func transactionAnswered(_ what: Awaited, _ reply: SMTPReply) -> Action {
        guard var transaction else { return .failed(.connection(.protocolError, "a reply that nothing asked for")) }
        if reply.code == 421 { return lost(SMTPClientFailure(.connectionLost, reply)) }
        switch what {
        case .mail:
            if reply.code == 355 && transaction.usesCheckpoint { return resumptionOffered(reply) }
            if reply.code / 100 == 2 { taken += 1 } else { transaction.refusal = reply }
            // Not a word about this message: OpenSMTPD says so when a connection has carried as many as it may.
            if reply.saysTooMany && taken > 0 {
                transaction.isForAnotherConnection = true
                transactions = .max
            }
        case .recipient(let index):
            transaction.outcomes[index] = outcome(of: reply, in: transaction)
        case .data:
            self.transaction = transaction
            return dataAnswered(reply)
        case .content:
            for (index, outcome) in transaction.outcomes.enumerated() {
                if case .accepted = outcome { transaction.outcomes[index] = Self.outcome(of: reply) }
            }
            self.transaction = transaction
            return finish()
        case .contentOf(let index):
            transaction.outcomes[index] = Self.outcome(of: reply)
            transaction.settled = index + 1
            self.transaction = transaction
            return awaited.isEmpty ? finish() : .wait
        default: break
        }
        self.transaction = transaction
        return awaited.isEmpty ? proceed(after: what) : .wait
    }

    private func outcome(of reply: SMTPReply, in transaction: Transaction) -> SMTPRecipientOutcome {
        if transaction.isForAnotherConnection { return .notTried }
        if let refusal = transaction.refusal { return Self.outcome(of: refusal) }
        // Too many recipients, said as RFC 5321 section 4.5.3.1.10 asks, as RFC 821 had it, or by the status.
        if (reply.code == 452 || reply.code == 552 || reply.saysTooMany) && transaction.accepted > 0 {
            return .notTried
        }
        return Self.outcome(of: reply)
    }

    private static func outcome(of reply: SMTPReply) -> SMTPRecipientOutcome {
        switch reply.code / 100 {
        case 2: .accepted(reply)
        case 5: .failed(reply)
        case 4: .deferred(reply)
        // Nobody took responsibility: 354 in the place of 250 is a server out of step, and not a delivery.
        default: .deferred(unexpected(reply))
        }
    }

    /// All commands so far are answered: without pipelining the next one goes out.
    private mutating func proceed(after what: Awaited) -> Action {
        guard let transaction else { return .ready }
        if let refusal = transaction.refusal {
            refuseUndecided(refusal)
            return finish()
        }
        let next: Int
        switch what {
        case .mail: next = 0
        case .recipient(let index): next = index + 1
        default: return .wait
        }
        if !extensions.pipelining,
            let next = transaction.outcomes.indices.first(where: { $0 >= next && transaction.outcomes[$0] == nil })
        {
            awaited = [.recipient(next)]
            let delivery = transaction.delivery
            return .send(recipientCommand(delivery.recipients[next], delivery), isSecret: false)
        }
        if case .mail = what, transaction.isStepwise { return nameRecipients() }
        guard transaction.accepted > 0, !transaction.delivery.isProbe else { return abort() }
        if transaction.usesCheckpoint, transaction.accepted < transaction.outcomes.count {
            return beginWithoutCheckpoint()
        }
        if transaction.usesChunks {
            awaited = contentReplies
            return .sendChunk(Array("BDAT \(transaction.delivery.size) LAST\r\n".utf8))
        }
        awaited = [.data]
        return line("DATA")
    }

    /// The refusal of MAIL is one for each recipient that was named, or would have been.
    private mutating func refuseUndecided(_ refusal: SMTPReply) {
        for index in transaction?.outcomes.indices ?? 0..<0 {
            switch transaction?.outcomes[index] {
            case .failed, .notTried: continue
            default:
                let isForAnother = transaction?.isForAnotherConnection == true
                transaction?.outcomes[index] = isForAnother ? .notTried : Self.outcome(of: refusal)
            }
        }
    }

    private mutating func dataAnswered(_ reply: SMTPReply) -> Action {
        let accepted = transaction?.accepted ?? 0
        if reply.code == 354 {
            if let refusal = transaction?.refusal {
                refuseUndecided(refusal)
            }
            if accepted > 0 && transaction?.refusal == nil {
                awaited = contentReplies
                return .sendContent
            }
            if configuration.speaksLMTP {
                return .failed(.connection(.protocolError, "the server wants content for nobody: \(reply.oneLine)"))
            }
            // Nobody was accepted, but the server waits for content: RFC 2920 section 3.1 has it end at once.
            awaited = [.content]
            return line(".")
        }
        // A refusal of DATA is one of the message, for those who were accepted.
        let verdict: SMTPRecipientOutcome =
            reply.isPositive ? .deferred(Self.unexpected(reply)) : Self.outcome(of: reply)
        for (index, outcome) in (transaction?.outcomes ?? []).enumerated() {
            if case .accepted = outcome { transaction?.outcomes[index] = verdict }
        }
        return abort()
    }

    /// The replies that follow the content: one, or with LMTP one for each recipient that was accepted.
    var contentReplies: [Awaited] {
        guard configuration.speaksLMTP, let transaction else { return [.content] }
        return transaction.outcomes.indices.compactMap { index in
            if case .accepted = transaction.outcomes[index] { .contentOf(index) } else { nil }
        }
    }

    static func unexpected(_ reply: SMTPReply) -> SMTPReply {
        SMTPReply(451, EnhancedStatus(4, 5, 0), "unexpected answer: \(reply.oneLine)")
    }

    /// No recipient was taken: the transaction is reset before the next.
    mutating func abort() -> Action {
        needsReset = true
        return finish()
    }

    private mutating func finish() -> Action {
        guard var transaction else { return .ready }
        self.transaction = nil
        // A refused sender says nothing of the recipients that were asked about.
        if transaction.delivery.isProbe, let refusal = transaction.refusal {
            transaction.outcomes = transaction.outcomes.map { _ in .deferred(refusal) }
        }
        let unanswered = SMTPRecipientOutcome.deferred(
            SMTPReply(451, EnhancedStatus(4, 5, 0), "the transaction broke off")
        )
        return .finished(
            SMTPTransactionResult(
                outcomes: transaction.outcomes.map { $0 ?? unanswered },
                passedNotifications: transaction.passesNotifications,
                owesRelayNotice: extensions.owesRelayNotice(for: transaction.delivery.terms)
            )
        )
    }

    /// Asks something with a command of its own, such as ETRN. Only when `mayBegin`.
    public mutating func ask(_ command: String) -> Action {
        awaited = [.question]
        return line(command)
    }

    /// Ends the session.
    public mutating func quit() -> Action {
        awaited = [.quit]
        return line("QUIT")
    }

    /// The connection is gone, or nobody answered in time: what is open is deferred.
    public mutating func lost(_ failure: SMTPClientFailure) -> Action {
        isOver = true
        guard var transaction else { return .failed(failure) }
        for (index, outcome) in transaction.outcomes.enumerated() {
            switch outcome {
            case .failed, .deferred, .notTried: continue
            // RFC 2033 section 5: the replies that arrived hold.
            case .accepted where index < transaction.settled: continue
            // Without the final reply nobody has taken responsibility.
            case .accepted, nil: transaction.outcomes[index] = .deferred(failure.reply)
            }
        }
        self.transaction = transaction
        return finish()
    }

    func line(_ text: String) -> Action { .send(Array((text + "\r\n").utf8), isSecret: false) }
}

extension SMTPReply {
    /// Too many recipients or messages, for now: RFC 3463 section 3.6.
    fileprivate var saysTooMany: Bool {
        code / 100 == 4 && status.map { $0.subject == 5 && $0.detail == 3 } == true
    }
}
