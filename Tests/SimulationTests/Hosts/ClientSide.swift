import MailBytes
import SMTPProtocol

/// A client session on a connection of the simulated network.
final class ClientSide {
    struct Message {
        var delivery: SMTPDelivery
        var content: [UInt8]
    }

    /// What its owner is told.
    struct Owner {
        /// Ready for a message, or for the next one; `nil` leaves the connection open until `goOn` or `quit`.
        var next: () -> Message?
        var finished: (SMTPTransactionResult) -> Void
        /// The connection is gone; told once, and last.
        var ended: (SMTPClientFailure?) -> Void
    }

    private var session: SMTPClientSession
    private let connection: SimulatedConnection
    private let time: SimulatedTime
    private let owner: Owner
    private var waiting: [UInt8] = []
    private var message: Message?
    private var events = 0
    private(set) var isOver = false

    init(
        _ configuration: SMTPClientSession.Configuration,
        on connection: SimulatedConnection,
        _ time: SimulatedTime,
        _ owner: Owner
    ) {
        session = SMTPClientSession(configuration: configuration)
        self.connection = connection
        self.time = time
        self.owner = owner
        connection.received = { self.received($0) }
        connection.lost = { self.fail(.connection(.connectionLost, "the connection was lost")) }
        watch()
    }

    /// Takes the next message, if its owner has one.
    func goOn() {
        guard !isOver else { return }
        guard session.mayBegin else { return quit() }
        guard let next = owner.next() else { return }
        message = next
        perform(session.begin(next.delivery))
    }

    func quit() {
        guard !isOver else { return }
        perform(session.quit())
    }

    /// The host that it runs on is gone: nobody is told.
    func vanish() {
        isOver = true
        connection.vanish()
    }

    private func received(_ bytes: [UInt8]) {
        waiting += bytes
        while !isOver, let end = waiting.firstIndex(of: 0x0A) {
            var line = Array(waiting[..<end])
            if line.last == 0x0D { line.removeLast() }
            waiting.removeFirst(end + 1)
            perform(session.lineReceived(line.span))
        }
    }

    private func perform(_ action: SMTPClientSession.Action) {
        events += 1
        watch()
        switch action {
        case .wait: break
        case .send(let bytes, _): connection.send(bytes)
        case .startTLS:
            waiting = []
            perform(session.tlsEstablished())
        case .ready: goOn()
        case .locate: perform(session.located(false))
        case .sendContent:
            let content = message?.content ?? []
            var stuffer = DotStuffer()
            var bytes: [UInt8] = []
            stuffer.encode(content.span) { piece in
                switch piece {
                case .bytes(let range): bytes += content[range]
                case .dot: bytes.append(0x2E)
                case .lineEnd: bytes += [0x0D, 0x0A]
                }
            }
            bytes.append(stuffer.end())
            connection.send(bytes)
        case .answered: preconditionFailure("nothing was asked")
        case .sendChunk(let line): connection.send(line + (message?.content ?? []))
        case .finished(let result):
            message = nil
            owner.finished(result)
            goOn()
        case .failed(let failure): end(failure)
        case .close: end(nil)
        }
    }

    /// Gives up when the server says nothing for as long as RFC 5321 section 4.5.3.2 has it.
    private func watch() {
        let seen = events
        time.after(session.patience(SMTPTimeouts()).wholeMicroseconds) { [weak self] in
            guard let self, self.events == seen, !self.isOver, self.isAwaiting else { return }
            self.fail(.connection(.timedOut, "the server says nothing"))
        }
    }

    private var isAwaiting: Bool { !session.mayBegin }

    private func fail(_ failure: SMTPClientFailure) {
        guard !isOver else { return }
        if case .finished(let result) = session.lost(failure) {
            message = nil
            owner.finished(result)
        }
        end(failure)
    }

    private func end(_ failure: SMTPClientFailure?) {
        guard !isOver else { return }
        isOver = true
        connection.close()
        owner.ended(failure)
    }
}
