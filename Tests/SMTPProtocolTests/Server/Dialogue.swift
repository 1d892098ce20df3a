import MailBytes
import MailNames
import SASL

@testable import SMTPProtocol

/// A server session with a framing and a policy around it, in memory: bytes in, replies out.
///
/// Recipients whose local part begins with `no` are refused, those with `later` deferred, senders with `bad` refused,
/// and addresses in `refusals` are answered as is said there.
struct Dialogue: ~Copyable {
    var session: SMTPServerSession
    private(set) var output = ""
    /// All replies as they go on the wire.
    private(set) var wire: [UInt8] = []
    /// Whether what comes between STARTTLS and `handshake()` is dropped, as a channel does.
    var waitsForTLS = false
    private(set) var awaitsTLS = false
    var refusals: [String: SMTPReply] = [:]
    /// What VRFY and EXPN are answered; 252 for others.
    var names: [String: SMTPReply] = [:]
    private(set) var lookups: [SMTPLookup] = []
    var password = "secret"
    /// What SCRAM users are challenged with; `nil` where the directory is down.
    var challenge: SCRAMChallenge?
    /// What TLS contributes to log-ins.
    var connection = SASLConnection()
    private(set) var stored: [(SMTPTransaction, [UInt8])] = []
    private(set) var isClosed = false
    private(set) var smuggled = false
    /// The content so far.
    private(set) var content: [UInt8] = []
    /// What was known of transactions with TRANSID, in the order of their MAILs; then nothing is.
    var recollections: [(SMTPServerSession.Recollection, [UInt8])] = []
    private var line: [UInt8] = []
    private var unstuffer: DotUnstuffer?
    private var chunk: (left: Int, isKept: Bool)?

    init(_ configuration: SMTPServerConfiguration, isEncrypted: Bool = false) {
        session = SMTPServerSession(configuration: configuration, isEncrypted: isEncrypted)
    }

    /// The replies' codes, or codes with statuses, since the last call.
    mutating func heard() -> String {
        defer { output = "" }
        return output
    }

    mutating func say(_ text: String) -> String {
        receive(Array((text + "\r\n").utf8))
        return heard()
    }

    mutating func greet() { answer(session.greeting) }

    /// TLS stands now; `false` when nobody asked for it.
    mutating func handshake() -> Bool {
        guard awaitsTLS else { return false }
        awaitsTLS = false
        session.tlsEstablished(connection)
        return true
    }

    mutating func receive(_ bytes: [UInt8]) {
        var index = 0
        while index < bytes.count && !isClosed && !awaitsTLS {
            if let (left, isKept) = chunk {
                let count = min(left, bytes.count - index)
                let piece = Array(bytes[index..<(index + count)])
                index += count
                if isKept {
                    if let refusal = session.chunkBytesReceived(piece.span) {
                        perform(refusal)
                        continue
                    }
                    content += piece
                }
                chunk = left == count ? nil : (left - count, isKept)
                if left == count { perform(session.chunkReceived()) }
            } else if unstuffer != nil {
                index = takeContent(bytes, index)
            } else if bytes[index] == .lineFeed && line.last == .carriageReturn {
                index += 1
                let whole = Array(line.dropLast())
                line = []
                let isTooLong = whole.count > session.lineLimit
                let announces = SMTPServerSession.announcesContent(whole.span)
                perform(
                    isTooLong ? session.lineTooLong(announcesContent: announces) : session.lineReceived(whole.span)
                )
            } else {
                line.append(bytes[index])
                index += 1
            }
        }
    }

    private mutating func takeContent(_ bytes: [UInt8], _ start: Int) -> Int {
        guard var unstuffer else { return start }
        var gathered: [UInt8] = []
        let outcome = unstuffer.consume(bytes.span, from: start) { piece in
            switch piece {
            case .bytes(let range): gathered += bytes[range]
            case .lineEnd: gathered += [13, 10]
            }
        }
        if session.contentReceived(gathered.count) { content += gathered }
        switch outcome {
        case .incomplete:
            self.unstuffer = unstuffer
            return bytes.count
        case .end(let next):
            self.unstuffer = nil
            perform(session.contentEnded())
            return next
        case .bareNewline:
            self.unstuffer = nil
            perform(session.bareNewlineInContent())
            return bytes.count
        }
    }

    private mutating func perform(_ action: SMTPServerSession.Action) {
        switch action {
        case .send(let reply):
            answer(reply)
            if !session.holdsContent { content = [] }
        case .sendEach(let replies):
            for reply in replies { answer(reply) }
            content = []
        case .sendAndClose(let reply):
            answer(reply)
            isClosed = true
        case .refuseSmuggling(let reply):
            answer(reply)
            isClosed = true
            smuggled = true
        case .judgeSender(let transaction):
            perform(session.senderJudged(judge(transaction.reversePath.address, 5, 1, 8)))
        case .recall:
            let (recollection, earlier) = recollections.isEmpty ? (.new, []) : recollections.removeFirst()
            content = earlier
            perform(session.recalled(recollection))
        case .judgeRecipient(let recipient, _):
            perform(session.recipientJudged(judge(recipient.address, 5, 1, 1)))
        case .judgeCredentials(let credentials):
            let isRight =
                switch credentials {
                case .password(let given): given.password == Password(password)
                case .proof(let proof): proof.outcome == .right
                case .token(let bearer): bearer.token == BearerToken(password)
                case .certificate: true
                }
            let account = credentials.claimedIdentity ?? "somebody"
            perform(session.credentialsJudged(isRight ? .accepted(account: account) : .rejected))
        case .findVerifier:
            perform(session.verifierFound(challenge.map { .found($0) } ?? .unavailable))
        case .lookUp(let lookup):
            lookups.append(lookup)
            perform(session.lookedUp(names[lookup.text] ?? .cannotVerify))
        case .askQueue(let request):
            switch request {
            case .start(let node):
                perform(session.queueAnswered(.queueStarted("\(node)", pending: "\(node)".hasPrefix("empty") ? 0 : 14)))
            case .turnAround(let domains):
                let isEmpty = domains.contains { $0.ascii.hasPrefix("empty") }
                perform(isEmpty ? session.queueAnswered(.noMailWaits) : session.turnedAround(.turningAround))
            }
        case .turnAround(let reply):
            answer(reply)
            isClosed = true
        case .startTLS(let reply):
            answer(reply)
            line = []
            awaitsTLS = true
            if !waitsForTLS { _ = handshake() }
        case .receiveContent(let reply):
            answer(reply)
            content = []
            unstuffer = DotUnstuffer(session.configuration.bareNewlines)
        case .resumeContent(let reply):
            answer(reply)
            unstuffer = DotUnstuffer(session.configuration.bareNewlines)
        case .receiveChunk(let size, let isKept): chunk = (size, isKept)
        case .resolve: perform(session.urlResolved(octets: nil))
        case .commit(let transaction):
            stored.append((transaction, content))
            content = []
            perform(session.committed(.queued("0000000000001")))
        }
    }

    private func judge(
        _ address: EmailAddress?,
        _ category: UInt8,
        _ subject: UInt16,
        _ detail: UInt16
    ) -> SMTPServerSession.Judgement {
        let name = address.map { "\($0)" } ?? ""
        if let refusal = refusals[name] { return .refused(refusal) }
        if name.hasPrefix("no") || name.hasPrefix("bad") {
            return .refused(SMTPReply(550, EnhancedStatus(category, subject, detail), "refused"))
        }
        if name.hasPrefix("later") { return .refused(SMTPReply(451, EnhancedStatus(4, 7, 1), "later")) }
        return .accepted
    }

    private mutating func answer(_ reply: SMTPReply) {
        let one = reply.status.map { "\(reply.code) \($0)" } ?? "\(reply.code)"
        wire += reply.wire
        output += (output.isEmpty ? "" : ", ") + one
    }
}

extension SMTPServerConfiguration {
    static func sample(
        _ role: Role = .transfer,
        change: (inout SMTPServerConfiguration) -> Void = { _ in }
    ) throws -> SMTPServerConfiguration {
        var configuration = SMTPServerConfiguration(
            hostName: "mx.example.com",
            role: role,
            offersTLS: true,
            mechanisms: role == .submission ? ["PLAIN", "LOGIN"] : [],
            postmaster: try EmailAddress(parsing: "postmaster@mx.example.com")
        )
        change(&configuration)
        return configuration
    }
}
