import MailBytes
import MailNames
import SASL
import SMTPProtocol

/// Answers a client session with the input: it ends, does not depend on cuts, gives each recipient one outcome, and never takes
/// for delivered what the server did not say 250 to.
func fuzzSMTPClient(_ input: [UInt8]) {
    guard let choice = input.first else { return }
    let cuts = Cuts(Array(input.dropFirst()))
    let whole = SMTPClientStory(choice, [cuts.bytes])
    let cut = SMTPClientStory(choice, cuts.pieces)
    holds(whole.said == cut.said, "what the client says does not depend on cuts")
    holds(whole.results == cut.results, "results do not depend on cuts")
    holds(whole.failure == cut.failure, "failures do not depend on cuts")
}

/// One session and what it said.
struct SMTPClientStory {
    private(set) var said: [UInt8] = []
    private(set) var results: [SMTPTransactionResult] = []
    private(set) var failure: SMTPClientFailure?

    private enum Next {
        case read
        case begin
        case over
    }

    init(_ choice: UInt8, _ pieces: [[UInt8]]) {
        let policies: [SMTPClientSession.TLSPolicy] = [.off, .opportunistic, .required, .implicit]
        let password = Password(Array("secret".utf8).span)
        var session = SMTPClientSession(
            configuration: SMTPClientSession.Configuration(
                hostName: "client.example",
                tls: policies[Int(choice & 3)],
                credentials: choice & 4 == 0
                    ? nil : password.map { PasswordCredentials(authenticationIdentity: "alice", password: $0) }
            )
        )
        var reader = LineReader()
        var sent = 0
        for piece in pieces {
            reader.append(piece)
            while let line = reader.next(limit: SMTPReplyParser.lineLimit) {
                var action: SMTPClientSession.Action
                switch line {
                case .line(let bytes): action = session.lineReceived(bytes.span)
                case .tooLong: return
                }
                if case .locate(let offset, _) = action { action = session.located(offset <= 100) }
                var next = perform(action)
                while case .begin = next {
                    guard session.mayBegin, sent < 4 else { return }
                    sent += 1
                    action = session.begin(Self.delivery(choice, sent))
                    next = perform(action)
                }
                if case .over = next { return }
            }
        }
        // The connection is lost: what was begun is deferred.
        let left = session.lost(.connection(.connectionLost, "lost"))
        _ = perform(left)
        if case .finished(let result) = left {
            holds(
                result.outcomes.allSatisfy { if case .accepted = $0 { false } else { true } },
                "nothing counts as delivered that was not acknowledged"
            )
        }
    }

    private mutating func perform(_ action: SMTPClientSession.Action) -> Next {
        switch action {
        case .wait: return .read
        case .send(let bytes, _):
            holds(bytes.suffix(2) == [0x0D, 0x0A], "commands end in CR LF")
            holds(BareNewlines.isFree(bytes), "no bare newline in commands")
            said += bytes
            return .read
        // Answered already.
        case .locate: return .read
        case .sendContent:
            said += Array("content".utf8)
            return .read
        case .answered: return .begin
        case .sendChunk(let line):
            said += line
            return .read
        case .ready: return .begin
        case .finished(let result):
            holds(result.outcomes.count == 3, "each recipient has an outcome")
            for case .accepted(let reply) in result.outcomes { holds(reply.code / 100 == 2, "accepted is 2xx") }
            results.append(result)
            return .begin
        case .failed(let failure):
            self.failure = failure
            return .over
        // The handshake is not part of this story.
        case .startTLS, .close: return .over
        }
    }

    private static func delivery(_ choice: UInt8, _ number: Int) -> SMTPDelivery {
        let recipients = ["a@b.example", "\"a b\"@c.example", "grüße@d.example"].compactMap {
            try? EmailAddress(parsing: $0)
        }
        var delivery = SMTPDelivery(
            reversePath: .null,
            recipients: recipients.map { EnvelopeRecipient(address: $0, notify: [.failure]) },
            bodyType: choice & 8 == 0 ? .eightBitMIME : .binaryMIME,
            isInternationalized: true,
            envelopeID: "id+\(number)",
            returnContent: .headers,
            size: 100
        )
        if choice & 16 != 0 { delivery.transactionID = TransactionIdentifier(local: "\(number)", domain: "c.example") }
        return delivery
    }
}
