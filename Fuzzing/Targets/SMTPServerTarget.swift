import MailBytes
import MailNames
import SASL
import SMTPProtocol

/// Says the input to a server session: replies are well formed, and neither they nor the messages depend on where the input was
/// cut; nothing is committed that was not ended as RFC 5321 section 4.1.1.4 or RFC 3030 have it.
func fuzzSMTPServer(_ input: [UInt8]) {
    let cuts = Cuts(input)
    guard var whole = SMTPServerStory(), var cut = SMTPServerStory() else { return }
    whole.hear(cuts.bytes)
    for piece in cuts.pieces { cut.hear(piece) }
    holds(whole.said == cut.said, "replies do not depend on cuts")
    holds(whole.messages == cut.messages, "messages do not depend on cuts")
    for message in whole.messages where !message.isChunked {
        holds(BareNewlines.isFree(message.content), "no bare newline came in by DATA")
    }
}

/// Whether every CR is followed by LF, and every LF preceded by CR.
enum BareNewlines {
    static func isFree(_ content: [UInt8]) -> Bool {
        for (index, byte) in content.enumerated() {
            if byte == 0x0A, index == 0 || content[index - 1] != 0x0D { return false }
            if byte == 0x0D, index + 1 == content.count || content[index + 1] != 0x0A { return false }
        }
        return true
    }
}

/// One session and what it said.
struct SMTPServerStory: ~Copyable {
    struct Message: Equatable {
        var transaction: SMTPTransaction
        var content: [UInt8]
        var isChunked: Bool { transaction.isChunked }
    }

    private enum Mode {
        case lines
        case content(DotUnstuffer)
        case chunk(left: Int, isKept: Bool)
        case over
    }

    private(set) var said: [SMTPReply] = []
    private(set) var messages: [Message] = []
    private var session: SMTPServerSession
    private var reader = LineReader()
    private var mode = Mode.lines
    private var content: [UInt8] = []

    init?() {
        guard let postmaster = try? EmailAddress(parsing: "postmaster@server.example") else { return nil }
        var limits = SMTPLimits()
        limits.messageSize = ByteCount(bytes: 2000)
        limits.recipientsPerTransaction = 5
        session = SMTPServerSession(
            configuration: SMTPServerConfiguration(
                hostName: "server.example",
                role: .transfer,
                offersTLS: true,
                allowsClearTextAuthentication: true,
                mechanisms: SASLServerExchange.mechanisms.map(\.text),
                limits: limits,
                postmaster: postmaster,
                offer: SMTPServiceOffer([
                    .deliverBy, .priority, .requiredOwnership, .requireTLS, .noSoliciting, .tracking, .verbose,
                    .checkpoint,
                ])
            )
        )
    }

    private static func isAlice(_ credentials: SASLCredentials) -> Bool {
        if case .proof(let proof) = credentials { holds(proof.outcome != .right, "nobody knows a decoy's password") }
        guard case .password(let credentials) = credentials else { return false }
        return credentials.authenticationIdentity == "alice"
    }

    mutating func hear(_ bytes: [UInt8]) {
        reader.append(bytes)
        while true {
            switch mode {
            case .over: return
            case .lines:
                guard let line = reader.next(limit: session.lineLimit) else { return }
                switch line {
                case .line(let bytes): perform(session.lineReceived(bytes.span))
                case .tooLong: perform(session.lineTooLong())
                }
            case .content(var unstuffer):
                let bytes = reader.takeRest()
                guard !bytes.isEmpty else { return }
                let before = content.count
                let outcome = unstuffer.consume(bytes.span) { piece in
                    switch piece {
                    case .bytes(let range): content += bytes[range]
                    case .lineEnd: content += [0x0D, 0x0A]
                    }
                }
                if !session.contentReceived(content.count - before) { content.removeSubrange(before...) }
                switch outcome {
                case .incomplete: mode = .content(unstuffer)
                case .end(let next):
                    reader.append(Array(bytes[next...]))
                    mode = .lines
                    perform(session.contentEnded())
                case .bareNewline: perform(session.bareNewlineInContent())
                }
            case .chunk(let left, let isKept):
                let piece = reader.takeRest(atMost: left)
                guard !piece.isEmpty || left == 0 else { return }
                if isKept {
                    if let refusal = session.chunkBytesReceived(piece.span) {
                        perform(refusal)
                        continue
                    }
                    content += piece
                }
                mode = .chunk(left: left - piece.count, isKept: isKept)
                guard left == piece.count else { continue }
                mode = .lines
                perform(session.chunkReceived())
            }
        }
    }

    private mutating func perform(_ action: SMTPServerSession.Action) {
        switch action {
        case .send(let reply): say(reply)
        case .sendEach(let replies): for reply in replies { say(reply) }
        case .sendAndClose(let reply), .refuseSmuggling(let reply):
            say(reply)
            mode = .over
        case .askQueue: perform(session.queueAnswered(.noMailWaits))
        case .turnAround(let reply):
            say(reply)
            mode = .over
        case .judgeSender(let transaction):
            let isRefused = transaction.reversePath.description.hasPrefix("<x")
            perform(session.senderJudged(isRefused ? .refused(.senderSyntax) : .accepted))
        case .recall(let transaction):
            // As if the last message had broken off, or had been taken and nobody told: whatever the client says then, the content
            // is one that DATA and BDAT can have brought.
            guard let last = messages.last?.transaction, last.checkpoint != nil, transaction.checkpoint != nil else {
                return perform(session.recalled(.new))
            }
            content = Array("begun\r\n".utf8)
            let earlier = last.kept(at: content.count)
            let isComplete = transaction.isInternationalized
            perform(session.recalled(isComplete ? .completed(earlier, .ok) : .interrupted(earlier)))
        case .judgeRecipient(let recipient, let transaction):
            holds(transaction.recipients.count < 5, "no more recipients than the limit")
            let isRefused = recipient.address.description.hasPrefix("x")
            perform(session.recipientJudged(isRefused ? .refused(.recipientSyntax) : .accepted))
        case .lookUp(let lookup):
            perform(session.lookedUp(lookup.text.hasPrefix("x") ? .recipientSyntax : .cannotVerify))
        case .judgeCredentials(let credentials):
            perform(session.credentialsJudged(Self.isAlice(credentials) ? .accepted(account: "alice") : .rejected))
        case .findVerifier(let identity):
            let verifier = SCRAMVerifier.decoy(for: identity.user, secret: [1], hash: identity.hash)
            perform(session.verifierFound(.found(SCRAMChallenge(verifier: verifier, nonce: "server"))))
        case .startTLS(let reply):
            say(reply)
            // What was said before the handshake is not heard, wherever it was cut: so this story ends here.
            mode = .over
        case .receiveContent(let reply):
            say(reply)
            content = []
            mode = .content(DotUnstuffer())
        case .resumeContent(let reply):
            say(reply)
            mode = .content(DotUnstuffer())
        case .receiveChunk(let size, let isKept):
            mode = .chunk(left: size, isKept: isKept)
            if !session.holdsContent { content = [] }
        case .resolve: perform(session.urlResolved(octets: nil))
        case .commit(let transaction):
            holds(!transaction.recipients.isEmpty, "a message has recipients")
            holds(content.count <= 2000, "no message is larger than the limit")
            messages.append(Message(transaction: transaction, content: content))
            content = []
            perform(session.committed(.ok))
        }
        if !session.holdsContent { content = [] }
    }

    private mutating func say(_ reply: SMTPReply) {
        checkReply(reply)
        said.append(reply)
    }
}

/// A reply as RFC 5321 section 4.2 has it.
func checkReply(_ reply: SMTPReply) {
    holds((200..<600).contains(reply.code), "a reply has a code: \(reply.code)")
    let lines = reply.wire.split(separator: 0x0A, omittingEmptySubsequences: false)
    holds(lines.last?.isEmpty == true, "a reply ends in CR LF")
    for line in lines.dropLast() {
        holds(line.last == 0x0D, "each line of a reply ends in CR LF")
        holds(!line.dropLast().contains(0x0D), "no bare CR in a reply")
        holds(line.count <= 511, "a line of a reply has at most 512 octets")
    }
}
