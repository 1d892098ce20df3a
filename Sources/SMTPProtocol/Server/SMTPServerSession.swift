import MailBytes
import MailNames
import SASL

/// The server's side of one SMTP session, without I/O: RFC 5321 section 3.
///
/// Each event gives one action. An action that asks for a judgement is answered by the matching event; until then no line
/// may be handed in.
public struct SMTPServerSession: ~Copyable, Sendable {
    /// What the channel does next.
    public enum Action: Sendable, Equatable {
        case send(SMTPReply)
        case sendAndClose(SMTPReply)
        /// One reply a recipient, none where there are no recipients: RFC 2033 sections 4.2 and 4.3.
        case sendEach([SMTPReply])
        /// Answered by `senderJudged(_:)`.
        case judgeSender(SMTPTransaction)
        /// A transaction with TRANSID: is it known? Answered by `recalled(_:)`. RFC 1845.
        case recall(SMTPTransaction)
        /// Answered by `recipientJudged(_:)`.
        case judgeRecipient(EnvelopeRecipient, SMTPTransaction)
        /// VRFY or EXPN. Answered by `lookedUp(_:)`.
        case lookUp(SMTPLookup)
        /// Answered by `credentialsJudged(_:)`.
        case judgeCredentials(SASLCredentials)
        /// Answered by `verifierFound(_:)`.
        case findVerifier(SCRAMIdentity)
        /// Send the reply in clear, drop what was received, start TLS: RFC 3207 section 6. Answered by `tlsEstablished()`;
        /// where there is no TLS after all, send 454 in its place and go on.
        case startTLS(SMTPReply)
        /// Send 354; what follows is content, to be taken apart by a `DotUnstuffer`.
        case receiveContent(SMTPReply)
        /// The same, and it goes behind what is here already: RFC 1845 section 3.
        case resumeContent(SMTPReply)
        /// That many octets follow. `isKept` is false where they belong to a message that was refused already.
        case receiveChunk(size: Int, isKept: Bool)
        /// All content is here. Answered by `committed(_:)`.
        case commit(SMTPTransaction)
        /// Fetch what the URL names as the account may. Answered by `urlResolved(octets:refusal:)`: RFC 4468.
        case resolve(url: String, account: String)
        /// Answered by `queueAnswered(_:)` or `turnedAround(_:)`.
        case askQueue(SMTPQueueRequest)
        /// Send the reply; from there on the client is the server, and the other way round.
        case turnAround(SMTPReply)
        /// Somebody tries to smuggle: send the reply, write it to the trace, and close.
        case refuseSmuggling(SMTPReply)
    }

    /// What policy says of a sender or recipient.
    public enum Judgement: Sendable, Equatable {
        case accepted
        /// Accepted, and the client is told this instead of a plain yes: 251 (RFC 5321 section 3.4).
        case acceptedTelling(SMTPReply)
        case refused(SMTPReply)
        /// The sender is accepted, its message with another priority than it asked for: RFC 6710 section 4.1.
        case acceptedWith(MessagePriority)
    }

    /// What became of a log-in.
    public enum CredentialsJudgement: Sendable, Equatable {
        case accepted(account: String)
        case rejected
        case unavailable
    }

    enum Phase: Sendable {
        /// No EHLO yet.
        case greeted
        case ready
        case judgingSender(SMTPTransaction)
        /// The sender is accepted, and told so unless the transaction is resumed.
        case recalling(SMTPTransaction, SMTPReply)
        case mail(SMTPTransaction)
        case judgingRecipient(EnvelopeRecipient, SMTPTransaction)
        case content(SMTPTransaction)
        case chunk(SMTPTransaction, size: Int, isLast: Bool)
        /// Octets of a chunk that is thrown away; what is answered then, and the transaction that lives on.
        case discarding(SMTPReply, SMTPTransaction?, told: Told)
        case chunked(SMTPTransaction)
        case resolving(SMTPTransaction, isLast: Bool)
        /// To whom the outcome is told one by one: nobody but where each recipient has a reply of its own.
        case committing([EnvelopeRecipient])
        case authenticating(SASLServerExchange)
        case findingVerifier(SASLServerExchange)
        case judgingCredentials(SASLServerExchange)
        case startingTLS
        case askingQueue
        case closed
    }

    public let configuration: SMTPServerConfiguration
    var phase = Phase.greeted
    /// What the client called itself, and whether with EHLO.
    public internal(set) var clientName: String?
    public internal(set) var isExtended = false
    public private(set) var isEncrypted: Bool
    /// The account that logged in.
    public internal(set) var account: String?
    /// What TLS contributes to a log-in.
    var connection = SASLConnection()
    /// The transaction in which somebody tried to smuggle, when there was one.
    public private(set) var smuggledTransaction: SMTPTransaction?
    /// Whether the host at the other end may speak for others with XCLIENT and XFORWARD.
    public var trustsPeer = false
    /// Whom it speaks for, and from whom it had what comes next.
    var presented: ClientAttributes?
    var forwarded: ClientAttributes?
    private var badCommands = 0
    private var idleCommands = 0
    private var deferrals = 0
    var failedAuthentications = 0
    private var transactions = 0
    private var chunksBareNewlines = BareNewlineFinder()
    /// Extensions that hold now, beside those of every session.
    private var offered: SMTPExtensions
    /// What time it is, as the channel said last: what asks for a time from now on is counted from here.
    public var now = Timestamp(seconds: 0)
    /// VRFY or EXPN waits for its answer.
    var isLookingUp = false
    /// How a transaction with TRANSID stands: RFC 1845.
    public internal(set) var checkpointState = CheckpointState.none

    /// A session whose TLS, where it is implicit, stands already.
    public init(configuration: SMTPServerConfiguration, isEncrypted: Bool = false) {
        self.configuration = configuration
        self.isEncrypted = isEncrypted
        self.offered = configuration.offered(isEncrypted: isEncrypted)
    }

    /// The greeting: RFC 5321 section 3.1.
    public var greeting: SMTPReply {
        SMTPReply(220, nil, "\(configuration.hostName) \(configuration.role == .delivery ? "LMTP" : "ESMTP") Martlet")
    }

    /// How long the next line may be.
    public var lineLimit: Int {
        if case .authenticating = phase { return configuration.limits.authenticationLine }
        return configuration.limits.commandLine
    }

    /// Whether content that came in chunks waits for its end; when it does not, what was gathered is forgotten.
    public var holdsContent: Bool {
        switch phase {
        case .content, .chunk, .chunked, .resolving, .committing: true
        case .mail(let transaction): transaction.resumedAt != nil
        case .discarding(_, let transaction, _): transaction?.isChunked ?? false
        default: false
        }
    }

    /// The transaction whose content is arriving.
    public var contentTransaction: SMTPTransaction? {
        switch phase {
        case .content(let transaction), .chunk(let transaction, _, _), .chunked(let transaction),
            .resolving(let transaction, _):
            transaction
        default: nil
        }
    }

    // MARK: Lines

    /// A line arrived, without its CR LF.
    public mutating func lineReceived(_ line: Span<UInt8>) -> Action {
        // Over the whole line first, and within AUTH too: a CR or LF in a line is somebody else's end of a line.
        var hasControls = false
        for index in 0..<line.count where line[index] < 0x20 && line[index] != .tab || line[index] == 0x7F {
            guard line[index] != .carriageReturn, line[index] != .lineFeed else {
                return refuseSmuggling(.bareNewlineInCommand)
            }
            hasControls = true
        }
        if case .authenticating(let exchange) = phase { return authenticationLine(line, exchange) }
        // A line in the place of a handshake: the client was told 454 (RFC 3207 section 4) and is where it was.
        if case .startingTLS = phase { phase = clientName == nil ? .greeted : .ready }
        if hasControls { return unreadable(line, .unrecognized) }
        do {
            return perform(try SMTPCommand.parse(line, offered: offered), line)
        } catch {
            return unreadable(line, reply(to: error, line))
        }
    }

    /// A line that could not be read. Behind a BDAT come octets of content (RFC 3030 section 2); where nobody knows how
    /// many, they cannot be told from commands, and the session ends.
    private mutating func unreadable(_ line: Span<UInt8>, _ reply: SMTPReply) -> Action {
        guard Self.announcesContent(line) else { return fault(reply) }
        phase = .closed
        return .sendAndClose(.chunkSyntax)
    }

    /// Whether a line, or the beginning of one that is too long, is a BDAT.
    public static func announcesContent(_ line: Span<UInt8>) -> Bool {
        line.matches("BDAT") && (line.count == 4 || !line[4].isASCIIAlphanumeric)
    }

    /// Ends the session, and keeps of which message it was.
    private mutating func refuseSmuggling(_ reply: SMTPReply) -> Action {
        smuggledTransaction = openTransaction
        phase = .closed
        return .refuseSmuggling(reply)
    }

    private var openTransaction: SMTPTransaction? {
        switch phase {
        case .mail(let transaction), .judgingSender(let transaction), .recalling(let transaction, _),
            .judgingRecipient(_, let transaction),
            .content(let transaction), .chunk(let transaction, _, _), .chunked(let transaction),
            .resolving(let transaction, _):
            transaction
        case .discarding(_, let transaction, _): transaction
        case .greeted, .ready, .committing, .authenticating, .findingVerifier, .judgingCredentials, .startingTLS,
            .askingQueue, .closed:
            nil
        }
    }

    /// A line was longer than `lineLimit`; it was thrown away.
    ///
    /// - Parameter announcesContent: whether `announcesContent(_:)` said so of its beginning.
    public mutating func lineTooLong(announcesContent: Bool = false) -> Action {
        if case .authenticating = phase {
            phase = .ready
            return fault(.authenticationTooLong)
        }
        guard !announcesContent else {
            phase = .closed
            return .sendAndClose(.chunkSyntax)
        }
        return fault(.lineTooLong)
    }

    /// A line longer than `lineLimit` had a CR or LF in it.
    public mutating func bareNewlineInLongLine() -> Action { refuseSmuggling(.bareNewlineInCommand) }

    private func reply(to error: SMTPSyntaxError, _ line: Span<UInt8>) -> SMTPReply {
        switch error.reason {
        // Not even how they are written is told to a host that may not use them.
        case _ where !trustsPeer && (line.matches("XCLIENT") || line.matches("XFORWARD")): .notListed
        case .unknownVerb: .unrecognized
        case .missingArgument: .missingArgument
        case .unexpectedArgument: .noArguments
        case .path: line.matches("RCPT") ? .recipientSyntax : .senderSyntax
        case .parameter:
            if line.matches("BDAT") {
                .chunkSyntax
            } else if line.matches("BURL") {
                .urlSyntax
            } else if line.matches("EHLO") || line.matches("HELO") || line.matches("LHLO") {
                .nameSyntax
            } else {
                .parameterSyntax
            }
        case .duplicateParameter: .parameterSyntax
        case .unknownParameter: .parameterUnknown
        case .internationalizedWithoutExtension: .internationalizedAddress
        }
    }

    /// A wrong command: answered, and counted against the client.
    mutating func fault(_ reply: SMTPReply) -> Action {
        badCommands += 1
        guard badCommands <= configuration.limits.badCommands else {
            phase = .closed
            return .sendAndClose(.tooManyErrors)
        }
        return .send(reply)
    }

    mutating func idle(_ reply: SMTPReply) -> Action {
        idleCommands += 1
        return idleCommands > configuration.limits.idleCommands ? fault(reply) : .send(reply)
    }

    /// Something was put off. Lists may have hundreds of such recipients, so these are counted apart.
    mutating func deferral(_ reply: SMTPReply) -> Action {
        deferrals += 1
        return deferrals > configuration.limits.deferredCommands ? fault(reply) : .send(reply)
    }

    private mutating func perform(_ command: SMTPCommand, _ line: Span<UInt8>) -> Action {
        switch command {
        case .mail(let parameters): return mail(parameters)
        case .recipient(let parameters): return recipient(parameters)
        case .data: return data()
        case .chunk(let size, let isLast): return chunk(size, isLast)
        case .hello(let name, let extended):
            // Each side sees at once that the other speaks another protocol: RFC 2033 section 4.1.
            return configuration.role == .delivery ? fault(.localHelloOnly) : hello(name, extended)
        case .extended(let command): return perform(command)
        case .reset:
            forgetTransaction()
            return idle(.ok)
        case .noop: return idle(.ok)
        case .verbose: return idle(.verboseOk)
        case .url(let url, let isLast): return self.url(url, isLast)
        case .quit:
            checkpointState = .none
            phase = .closed
            return .sendAndClose(.closing)
        case .verify(let text): return lookUp(SMTPLookup(.verify, argument: text))
        case .expand(let text): return lookUp(SMTPLookup(.expand, argument: text))
        case .help(let topic):
            let reply = help(topic)
            return reply.isPermanent ? fault(reply) : idle(reply)
        case .startTLS: return startTLS()
        case .authenticate(let mechanism, let response): return authenticate(mechanism, response, line)
        }
    }

    // MARK: Hello

    mutating func hello(_ name: String, _ extended: Bool) -> Action {
        forgetTransaction()
        // From here on the client speaks, and not the host that spoke for it: what it says of itself is not believed.
        if presented != nil { trustsPeer = false }
        phase = .ready
        let isAgain = clientName != nil
        clientName = name
        isExtended = extended
        let lines =
            extended ? ["\(configuration.hostName) greets you"] + extensions : [configuration.hostName]
        let reply = SMTPReply(250, nil, lines: lines)
        return isAgain ? idle(reply) : .send(reply)
    }

    /// The keywords of EHLO, in the state that the session is in.
    private var extensions: [String] {
        var offered = ["PIPELINING", "SIZE \(configuration.limits.messageSize.bytes)"]
        // After XCLIENT not: what is known of the client would be forgotten with the rest, and the proxy's rights be its own.
        if configuration.offersTLS && !isEncrypted && presented == nil { offered.append("STARTTLS") }
        let mechanisms = offeredMechanisms
        if !mechanisms.isEmpty { offered.append("AUTH " + mechanisms.joined(separator: " ")) }
        offered += ["ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8", "DSN", "CHUNKING", "BINARYMIME"]
        offered += configuration.offer.lines(of: self.offered, now: now)
        if self.offered.contains(.burl) { offered.append(BURLExtension.line(isAuthenticated: account != nil)) }
        var limits = "LIMITS RCPTMAX=\(configuration.limits.recipientsPerTransaction)"
        if configuration.limits.transactionsPerConnection > 0 {
            limits += " MAILMAX=\(configuration.limits.transactionsPerConnection)"
        }
        return offered + proxyKeywords + queueKeywords + [limits, "HELP"]
    }

    private mutating func forgetTransaction() {
        forwarded = nil
        checkpointState = .none
        chunksBareNewlines = BareNewlineFinder()
        switch phase {
        case .mail, .chunked: phase = .ready
        default: break
        }
    }

    // MARK: MAIL and RCPT

    mutating func mail(_ parameters: MailParameters, raisesNotice: Bool = false) -> Action {
        switch phase {
        case .ready: break
        case .greeted: return fault(.helloFirst)
        default: return fault(.nestedMail)
        }
        if configuration.role == .onDemand { return fault(.notOffered) }
        if configuration.role == .submission && account == nil { return fault(.authenticationRequired) }
        if parameters.hasParameters && !isExtended { return fault(.parameterUnknown) }
        let limits = configuration.limits
        if limits.transactionsPerConnection > 0 && transactions >= limits.transactionsPerConnection {
            phase = .closed
            return .sendAndClose(.tooManyTransactions)
        }
        if let size = parameters.declaredSize, size > limits.messageSize.bytes { return .send(.tooLarge) }
        if let requests = parameters.requests?.value,
            let refusal = requests.refusal(configuration.offer, envelopeID: parameters.envelopeID, now: now)
        {
            return refusal.isPermanent ? fault(refusal) : .send(refusal)
        }
        var transaction = SMTPTransaction(parameters, now: now)
        transaction.raisesNotice = raisesNotice
        if let said = forwarded { transaction.forwarded = ForwardedClient(said) }
        forwarded = nil
        chunksBareNewlines = BareNewlineFinder()
        checkpointState = .none
        phase = .judgingSender(transaction)
        return .judgeSender(transaction)
    }

    /// Policy has judged the sender.
    public mutating func senderJudged(_ judgement: Judgement) -> Action {
        guard case .judgingSender(var transaction) = phase else { return .send(.localError) }
        switch judgement {
        case .accepted, .acceptedTelling: return open(transaction, .senderOk)
        case .acceptedWith(let priority):
            transaction.terms.priority = priority
            return open(transaction, .priorityChanged(priority))
        case .refused(let reply):
            phase = .ready
            return refuse(reply)
        }
    }

    private mutating func recipient(_ parameters: RecipientParameters) -> Action {
        guard case .mail(let transaction) = phase else {
            if case .chunked = phase { return fault(.chunkingBegun) }
            return fault(clientName == nil ? .helloFirst : .mailFirst)
        }
        if parameters.hasParameters && !isExtended { return fault(.parameterUnknown) }
        let address = parameters.address ?? configuration.postmaster
        if parameters.isInternationalized && !transaction.isInternationalized {
            return fault(.internationalizedAddress)
        }
        if transaction.resumedAt != nil {
            // They are here already; who pipelines may name them once more. Others go in a transaction of their own.
            let isKnown = transaction.recipients.contains { $0.address == address }
            return isKnown ? .send(.recipientOk) : deferral(.resumedWithoutRecipient)
        }
        guard transaction.recipients.count < configuration.limits.recipientsPerTransaction else {
            return deferral(.tooManyRecipients)
        }
        let recipient = EnvelopeRecipient(
            address: address,
            notify: parameters.notify,
            originalRecipient: parameters.originalRecipient,
            requiredOwnership: parameters.requiredOwnership
        )
        phase = .judgingRecipient(recipient, transaction)
        return .judgeRecipient(recipient, transaction)
    }

    /// Policy has judged the recipient.
    public mutating func recipientJudged(_ judgement: Judgement) -> Action {
        guard case .judgingRecipient(let recipient, var transaction) = phase else { return .send(.localError) }
        // Held once, the list grows in place; held by the phase as well it would be copied for each recipient.
        phase = .closed
        switch judgement {
        case .accepted, .acceptedWith:
            transaction.recipients.append(recipient)
            phase = .mail(transaction)
            return .send(.recipientOk)
        case .acceptedTelling(let reply):
            transaction.recipients.append(recipient)
            phase = .mail(transaction)
            return .send(reply)
        case .refused(let reply):
            phase = .mail(transaction)
            return refuse(reply)
        }
    }

    /// A refusal by policy: counted like an error where it is final, so that guessing names ends.
    private mutating func refuse(_ reply: SMTPReply) -> Action {
        if reply.code == 421 {
            phase = .closed
            return .sendAndClose(reply)
        }
        return reply.isPermanent ? fault(reply) : deferral(reply)
    }

    // MARK: Content

    private mutating func data() -> Action {
        switch phase {
        case .mail(let transaction) where transaction.bodyType == .binaryMIME: return fault(.binaryNeedsChunks)
        case .mail(let transaction):
            guard !transaction.recipients.isEmpty else {
                // RFC 5321 section 3.3 allows 554 at once, which saves the content of pipelining clients.
                return idle(configuration.role == .delivery ? .recipientFirst : .noValidRecipients)
            }
            phase = .content(transaction)
            if let offset = transaction.resumedAt {
                return .resumeContent(CheckpointExtension.startContent(at: offset))
            }
            return .receiveContent(.startContent)
        case .chunked: return fault(.chunkingBegun)
        case .greeted: return fault(.helloFirst)
        default: return fault(.mailFirst)
        }
    }

    /// BDAT: RFC 3030 section 2. The octets follow whatever the answer is.
    private mutating func chunk(_ size: Int, _ isLast: Bool) -> Action {
        switch phase {
        case .mail(var transaction), .chunked(var transaction):
            guard !transaction.recipients.isEmpty else {
                return discard(size, .noValidRecipients, transaction, told: told(isLast, nil))
            }
            transaction.isChunked = true
            guard isWithinSize(transaction, size) else {
                checkpointState = .none
                return discard(size, .tooLarge, nil, told: told(isLast, transaction))
            }
            phase = .chunk(transaction, size: size, isLast: isLast)
            // What comes again of a message that is complete is of no use to anybody.
            let isKept = transaction.checkpoint?.completed == nil
            return size == 0 ? chunkReceived() : .receiveChunk(size: size, isKept: isKept)
        default:
            return discard(size, clientName == nil ? .helloFirst : .mailFirst, nil, told: told(isLast, nil))
        }
    }

    private mutating func discard(
        _ size: Int,
        _ reply: SMTPReply,
        _ transaction: SMTPTransaction?,
        told: Told
    ) -> Action {
        phase = .discarding(reply, transaction, told: told)
        return size == 0 ? chunkReceived() : .receiveChunk(size: size, isKept: false)
    }

    /// Octets of content arrived, of whichever kind.
    ///
    /// - Returns: whether they are to be kept: false once the message is larger than is taken here.
    public mutating func contentReceived(_ octets: Int) -> Bool {
        guard case .content(var transaction) = phase else { return true }
        transaction.contentSize += octets
        let fits = transaction.contentSize <= configuration.limits.messageSize.bytes
        phase = .content(transaction)
        return fits
    }

    /// Looks through a piece of a chunk for bare newlines, where BODY does not allow them.
    ///
    /// They are refused also where DATA has them normalised: that is for old programs, and those do not speak CHUNKING. Whoever
    /// does counts its octets, and says BODY=BINARYMIME when it means them as they are (RFC 3030 section 3).
    public mutating func chunkBytesReceived(_ bytes: Span<UInt8>) -> Action? {
        guard case .chunk(let transaction, _, _) = phase, transaction.bodyType != .binaryMIME,
            chunksBareNewlines.find(in: bytes)
        else { return nil }
        return refuseSmuggling(.bareNewlineInContent)
    }

    /// All octets of a chunk are here.
    public mutating func chunkReceived() -> Action {
        switch phase {
        case .chunk(var transaction, let size, let isLast):
            transaction.contentSize += size
            if isLast {
                if chunksBareNewlines.endsBare && transaction.bodyType != .binaryMIME {
                    return refuseSmuggling(.bareNewlineInContent)
                }
                return commit(transaction)
            }
            phase = .chunked(transaction)
            return .send(.chunkReceived(size))
        case .discarding(let reply, let transaction, let told):
            phase = transaction.map { .mail($0) } ?? (clientName == nil ? .greeted : .ready)
            return tell(told, fault(reply))
        default: return .send(.localError)
        }
    }

    /// The `DotUnstuffer` found the end of the content.
    public mutating func contentEnded() -> Action {
        guard case .content(let transaction) = phase else { return .send(.localError) }
        guard isWithinSize(transaction) else {
            checkpointState = .none
            phase = .ready
            return tell(told(true, transaction), .send(.tooLarge))
        }
        return commit(transaction)
    }

    mutating func commit(_ transaction: SMTPTransaction) -> Action {
        if transaction.hasCheckpoint, let told = repeatedReply(transaction) { return told }
        phase = .committing(configuration.role == .delivery ? transaction.recipients : [])
        return .commit(transaction)
    }

    /// The `DotUnstuffer` found a bare CR or LF.
    public mutating func bareNewlineInContent() -> Action { refuseSmuggling(.bareNewlineInContent) }

    /// The message is on stable storage, or was refused: what the client is told.
    public mutating func committed(_ reply: SMTPReply) -> Action {
        var told = Told.once
        if configuration.role == .delivery, case .committing(let recipients) = phase { told = .each(recipients) }
        phase = reply.code == 421 ? .closed : .ready
        if checkpointState == .open { checkpointState = reply.isPositive ? .complete : .none }
        transactions += 1
        idleCommands = 0
        deferrals = 0
        forwarded = nil
        // A host that brings mail may well have recipients refused now and then, on a connection that lives long.
        if reply.isPositive { badCommands = 0 }
        chunksBareNewlines = BareNewlineFinder()
        return reply.code == 421 ? .sendAndClose(reply) : tell(told, .send(reply))
    }

    // MARK: STARTTLS, RFC 3207

    private mutating func startTLS() -> Action {
        guard configuration.offersTLS, presented == nil else { return fault(.notOffered) }
        guard !isEncrypted else { return fault(.tlsActive) }
        switch phase {
        case .greeted, .ready: break
        default: return fault(.notInTransaction)
        }
        phase = .startingTLS
        return .startTLS(.startTLS)
    }

    /// The handshake is done: all that the client said before is forgotten, RFC 3207 section 4.2.
    ///
    /// - Parameter connection: what TLS contributes to a log-in.
    public mutating func tlsEstablished(_ connection: SASLConnection = SASLConnection()) {
        isEncrypted = true
        self.connection = connection
        offered = configuration.offered(isEncrypted: true)
        clientName = nil
        isExtended = false
        account = nil
        presented = nil
        forwarded = nil
        checkpointState = .none
        phase = .greeted
    }
}
