import Foundation
import Glibc
import MailBytes
import MailNames
import Martlet
import SMTPProtocol

/// `sendmail -bs`: SMTP on standard input and output, for programs of this machine. Messages go to the server over one of its
/// sockets, and are acknowledged when it has them.
struct SMTPOnStandardStreams: ~Copyable {
    private let door: SubmissionDoor
    private var session: SMTPServerSession
    private var input = InputLines(descriptor: 0)
    private var content: [UInt8] = []

    static func run(through door: SubmissionDoor) throws {
        var streams = try SMTPOnStandardStreams(door)
        try streams.converse()
    }

    private init(_ door: SubmissionDoor) throws {
        self.door = door
        let host = ProcessInfo.processInfo.hostName
        let domain = try Domain(parsing: host.contains(".") ? host : "localhost")
        var limits = SMTPLimits()
        limits.messageSize = ByteCount(bytes: AdministrationRequest.Submission.contentLimit)
        session = SMTPServerSession(
            configuration: SMTPServerConfiguration(
                hostName: domain.ascii,
                role: .transfer,
                offersTLS: false,
                limits: limits,
                postmaster: EmailAddress(localPart: try LocalPart(text: "postmaster"), host: .domain(domain))
            )
        )
    }

    private mutating func converse() throws {
        Self.write(session.greeting)
        while let piece = input.next() {
            var action: SMTPServerSession.Action?
            if piece.beginsLine && (piece.endsLine || piece.octets.count < InputLines.pieceLimit) {
                let line = Array(piece.line)
                action = line.count > session.lineLimit ? session.lineTooLong() : session.lineReceived(line.span)
            } else if piece.endsLine {
                action = session.lineTooLong()
            }
            while let now = action {
                guard try perform(now, next: &action) else { return }
            }
        }
    }

    /// Carries an action out.
    ///
    /// - Parameter next: what follows from it; `nil` when the next line does.
    /// - Returns: whether the session goes on.
    private mutating func perform(
        _ action: SMTPServerSession.Action,
        next: inout SMTPServerSession.Action?
    ) throws -> Bool {
        next = nil
        switch action {
        case .send(let reply): Self.write(reply)
        case .sendEach(let replies): for reply in replies { Self.write(reply) }
        case .sendAndClose(let reply), .refuseSmuggling(let reply), .startTLS(let reply):
            Self.write(reply)
            return false
        case .judgeSender: next = session.senderJudged(.accepted)
        case .recall: next = session.recalled(.new)
        case .judgeRecipient: next = session.recipientJudged(.accepted)
        case .judgeCredentials: next = session.credentialsJudged(.unavailable)
        case .findVerifier: next = session.verifierFound(.unavailable)
        case .lookUp: next = session.lookedUp(.cannotVerify)
        case .askQueue: next = session.queueAnswered(.notOffered)
        case .turnAround: return false
        case .resolve: next = session.urlResolved(octets: nil)
        case .receiveContent(let reply), .resumeContent(let reply):
            Self.write(reply)
            guard readContent() else { return false }
            next = session.contentEnded()
        case .receiveChunk(let size, let isKept):
            guard let found = readChunk(size, isKept) else { return false }
            next = found
        case .commit(let transaction):
            next = session.committed(try hand(transaction))
            content = []
        }
        if !session.holdsContent { content = [] }
        return true
    }

    private static func write(_ reply: SMTPReply) {
        FileHandle.standardOutput.write(Data(reply.wire))
    }

    /// Reads to the line with the dot, and undoes dot-stuffing; what is too much is read and not kept.
    ///
    /// - Returns: whether that line came.
    private mutating func readContent() -> Bool {
        content = []
        while let piece = input.next() {
            if piece.isDot && piece.endsLine { return true }
            var octets = piece.endsLine ? piece.line + [0x0D, 0x0A] : piece.line
            if piece.beginsLine && octets.first == UInt8(ascii: ".") { octets = octets.dropFirst() }
            if session.contentReceived(octets.count) { content += octets } else { content = [] }
        }
        return false
    }

    /// Reads the octets of a chunk: RFC 3030 section 2.
    ///
    /// - Returns: what follows; `nil` when they did not all come.
    private mutating func readChunk(_ size: Int, _ isKept: Bool) -> SMTPServerSession.Action? {
        var rest = size
        while rest > 0 {
            guard let octets = input.nextOctets(atMost: rest) else { return nil }
            rest -= octets.count
            if isKept { content += octets }
            if let refusal = session.chunkBytesReceived(octets.span) { return refusal }
        }
        return session.chunkReceived()
    }

    /// Hands the message to the server, and says what the program is told.
    private func hand(_ transaction: SMTPTransaction) throws -> SMTPReply {
        let submission = AdministrationRequest.Submission(
            sender: transaction.reversePath.address?.description ?? "",
            recipients: transaction.recipients.map(\.address.description),
            recipientsFromHeader: false,
            content: Data(content).base64EncodedString(),
            user: NSUserName()
        )
        let answer: AdministrationAnswer
        do {
            answer = try door.submit(submission)
        } catch {
            Output.error("\(error)")
            return .localError
        }
        switch answer.status {
        case .done: return .ok
        case .temporary, .unavailable: return answer.refusal?.reply ?? .localError
        case .failed, .usage: return answer.refusal?.reply ?? SMTPReply(554, EnhancedStatus(5, 0, 0), answer.text)
        }
    }
}

extension SubmissionRefusal {
    fileprivate var reply: SMTPReply {
        SMTPReply(code, EnhancedStatus(leading: status[...]), lines: lines)
    }
}
