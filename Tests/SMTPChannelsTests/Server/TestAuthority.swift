import MailNames
import NIOCore
import SASL
import SMTPChannels
import SMTPProtocol
import Synchronization

/// Accepts everything, at once or when it is told to, and keeps what it is given.
final class TestAuthority: SMTPServerAuthority {
    /// What is answered later.
    enum Held { case nothing, senders, recipients, commits }

    private struct State {
        var stored: [String] = []
        var smugglers: [String] = []
        var smuggled: [String] = []
        var clients: [String] = []
        var uploads: [TestUpload] = []
        var judging: EventLoopPromise<SMTPServerSession.Judgement>?
        var committing: (@Sendable (SMTPReply) -> Void)?
    }

    private let state = Mutex(State())
    private let held: Held
    private let uploadsTakeMore: Bool

    init(holding held: Held = .nothing, uploadsTakeMore: Bool = true) {
        self.held = held
        self.uploadsTakeMore = uploadsTakeMore
    }

    /// `<sender> recipient,recipient content` of each message.
    var stored: [String] { state.withLock { $0.stored } }
    /// The replies that smugglers got.
    var smugglers: [String] { state.withLock { $0.smugglers } }
    /// `<sender> recipient,recipient` of the messages in which somebody tried to smuggle.
    var smuggled: [String] { state.withLock { $0.smuggled } }
    /// What clients called themselves.
    var clients: [String] { state.withLock { $0.clients } }
    var uploads: [TestUpload] { state.withLock { $0.uploads } }

    /// Gives the verdict that is held back.
    func decide(_ judgement: SMTPServerSession.Judgement = .accepted) {
        let promise = state.withLock { state in
            defer { state.judging = nil }
            return state.judging
        }
        promise?.succeed(judgement)
    }

    /// Says that the message that is held back is durable.
    func finishCommit() {
        let then = state.withLock { state in
            defer { state.committing = nil }
            return state.committing
        }
        then?(.queued("0000000000001"))
    }

    private func judge(_ isHeld: Bool, on loop: any EventLoop) -> SMTPJudging {
        guard isHeld else { return .now(.accepted) }
        let promise = loop.makePromise(of: SMTPServerSession.Judgement.self)
        state.withLock { $0.judging = promise }
        return .later(promise.futureResult)
    }

    func judgeSender(
        _ transaction: SMTPTransaction,
        _ client: SMTPClientDescription,
        on loop: any EventLoop
    ) -> SMTPJudging { judge(held == .senders, on: loop) }

    func judgeRecipient(
        _ recipient: EnvelopeRecipient,
        _ transaction: SMTPTransaction,
        _ client: SMTPClientDescription,
        on loop: any EventLoop
    ) -> SMTPJudging { judge(held == .recipients, on: loop) }

    func judgeCredentials(
        _ credentials: SASLCredentials,
        _ client: SMTPClientDescription
    ) async -> SMTPServerSession.CredentialsJudgement { .rejected }

    func commit(
        _ transaction: SMTPTransaction,
        _ content: SMTPReceivedContent,
        _ client: SMTPClientDescription,
        on loop: any EventLoop,
        then: @escaping @Sendable (SMTPReply) -> Void
    ) {
        let text =
            switch content {
            case .buffer(let buffer): String(buffer: buffer)
            case .upload(let upload): (upload as? TestUpload)?.text ?? "another upload"
            }
        let recipients = transaction.recipients.map { "\($0.address)" }.joined(separator: ",")
        state.withLock {
            $0.stored.append("\(transaction.reversePath) \(recipients) \(text)")
            if held == .commits { $0.committing = then }
        }
        if held != .commits { then(.queued("0000000000001")) }
    }

    func upload(
        _ transaction: SMTPTransaction,
        _ client: SMTPClientDescription,
        on loop: any EventLoop
    ) -> any SMTPContentUpload {
        let upload = TestUpload(takesMore: uploadsTakeMore)
        state.withLock { $0.uploads.append(upload) }
        return upload
    }

    func smugglingRefused(_ reply: SMTPReply, _ transaction: SMTPTransaction?, _ client: SMTPClientDescription) {
        let message = transaction.map { transaction in
            "\(transaction.reversePath) " + transaction.recipients.map { "\($0.address)" }.joined(separator: ",")
        }
        state.withLock {
            $0.smugglers.append(reply.oneLine)
            $0.smuggled.append(message ?? "no message")
        }
    }

    func clientAppeared(_ client: SMTPClientDescription) {
        state.withLock { $0.clients.append(client.helo ?? "nobody") }
    }
}

/// Keeps a large message in memory, and asks to wait where it is told to.
final class TestUpload: SMTPContentUpload {
    private struct State {
        var content = ByteBuffer()
        var pieces = 0
        var isAbandoned = false
        var resume: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())
    private let takesMore: Bool

    init(takesMore: Bool) { self.takesMore = takesMore }

    var text: String { state.withLock { String(buffer: $0.content) } }
    var pieces: Int { state.withLock { $0.pieces } }
    var isAbandoned: Bool { state.withLock { $0.isAbandoned } }

    /// The disk has caught up.
    func resume() {
        let resume = state.withLock { state in
            defer { state.resume = nil }
            return state.resume
        }
        resume?()
    }

    func append(_ buffer: ByteBuffer, resume: @escaping @Sendable () -> Void) -> Bool {
        state.withLock {
            $0.content.writeImmutableBuffer(buffer)
            $0.pieces += 1
            if !takesMore { $0.resume = resume }
        }
        return takesMore
    }

    func move(to loop: any EventLoop) { state.withLock { $0.resume = nil } }

    func abandon() { state.withLock { $0.isAbandoned = true } }
}
