import MailBytes
import MailNames
import SMTPProtocol

/// A server session on a connection of the simulated network, with no more than the session asks for.
final class ServerSide {
    /// What a host decides, and how it takes messages.
    struct Behaviour {
        var judgeRecipient: (EmailAddress) -> SMTPServerSession.Judgement = { _ in .accepted }
        /// Takes a message and answers sooner or later.
        var commit: (SMTPTransaction, [UInt8], @escaping (SMTPReply) -> Void) -> Void
        /// Whether EHLO is known here.
        var knowsExtensions = true
        /// Keywords that are not offered.
        var hidden: Set<String> = []
    }

    private enum Mode {
        case lines
        case content(DotUnstuffer)
        case chunk(left: Int, isKept: Bool)
        /// Something has to be decided first.
        case waiting
    }

    private var session: SMTPServerSession
    private let behaviour: Behaviour
    private let connection: SimulatedConnection
    private var mode = Mode.lines
    private var waiting: [UInt8] = []
    private var content: [UInt8] = []
    private(set) var isOver = false

    init(_ configuration: SMTPServerConfiguration, on connection: SimulatedConnection, _ behaviour: Behaviour) {
        session = SMTPServerSession(configuration: configuration)
        self.behaviour = behaviour
        self.connection = connection
        connection.received = { self.received($0) }
        connection.lost = { self.isOver = true }
        send(session.greeting)
    }

    private func send(_ reply: SMTPReply) {
        var lines = reply
        if !behaviour.hidden.isEmpty && reply.code == 250 && reply.lines.count > 1 {
            lines = SMTPReply(
                250,
                nil,
                lines: reply.lines.filter { line in
                    !behaviour.hidden.contains { line.hasPrefix($0) }
                }
            )
        }
        connection.send(lines.wire)
    }

    private func received(_ bytes: [UInt8]) {
        waiting += bytes
        proceed()
    }

    private func proceed() {
        while !isOver {
            switch mode {
            case .waiting: return
            case .lines:
                guard let end = waiting.firstIndex(of: 0x0A) else { return }
                var line = Array(waiting[..<end])
                if line.last == 0x0D { line.removeLast() }
                waiting.removeFirst(end + 1)
                if !behaviour.knowsExtensions && line.starts(with: Array("EHLO".utf8)) {
                    send(SMTPReply(502, nil, "what is that?"))
                } else {
                    perform(session.lineReceived(line.span))
                }
            case .content(var unstuffer):
                guard !waiting.isEmpty else { return }
                let bytes = waiting
                let outcome = unstuffer.consume(bytes.span) { piece in
                    switch piece {
                    case .bytes(let range): content += bytes[range]
                    case .lineEnd: content += [0x0D, 0x0A]
                    }
                }
                switch outcome {
                case .incomplete:
                    waiting = []
                    mode = .content(unstuffer)
                    return
                case .end(let next):
                    waiting.removeFirst(next)
                    mode = .lines
                    _ = session.contentReceived(content.count)
                    perform(session.contentEnded())
                case .bareNewline: perform(session.bareNewlineInContent())
                }
            case .chunk(let left, let isKept):
                let piece = Array(waiting.prefix(left))
                waiting.removeFirst(piece.count)
                if isKept {
                    if let refusal = session.chunkBytesReceived(piece.span) {
                        perform(refusal)
                        continue
                    }
                    content += piece
                }
                mode = .chunk(left: left - piece.count, isKept: isKept)
                guard left == piece.count else { return }
                mode = .lines
                perform(session.chunkReceived())
            }
        }
    }

    private func perform(_ action: SMTPServerSession.Action) {
        switch action {
        case .send(let reply): send(reply)
        case .sendEach(let replies): for reply in replies { send(reply) }
        case .sendAndClose(let reply), .refuseSmuggling(let reply):
            send(reply)
            isOver = true
            connection.close()
        case .askQueue: perform(session.queueAnswered(.noMailWaits))
        case .turnAround: preconditionFailure("nothing turns around here")
        case .judgeSender: perform(session.senderJudged(.accepted))
        case .recall: perform(session.recalled(.new))
        case .judgeRecipient(let recipient, _):
            perform(session.recipientJudged(behaviour.judgeRecipient(recipient.address)))
        case .lookUp: perform(session.lookedUp(.cannotVerify))
        case .judgeCredentials: perform(session.credentialsJudged(.rejected))
        case .findVerifier: perform(session.verifierFound(.unavailable))
        case .startTLS(let reply):
            send(reply)
            waiting = []
            session.tlsEstablished()
        case .receiveContent(let reply):
            content = []
            mode = .content(DotUnstuffer())
            send(reply)
        case .resumeContent: preconditionFailure("nothing is resumed here")
        case .receiveChunk(let size, let isKept): mode = .chunk(left: size, isKept: isKept)
        case .resolve: perform(session.urlResolved(octets: nil))
        case .commit(let transaction):
            let whole = content
            content = []
            mode = .waiting
            behaviour.commit(transaction, whole) { [self] reply in
                guard !isOver else { return }
                mode = .lines
                perform(session.committed(reply))
                proceed()
            }
        }
    }
}
