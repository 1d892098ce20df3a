import MailBytes
import MailNames
import SASL

@testable import SMTPProtocol

/// A client session that is told a server's lines, and whose actions are told as text.
final class ClientDialogue {
    var session: SMTPClientSession

    init(tls: SMTPClientSession.TLSPolicy = .off, credentials: PasswordCredentials? = nil, speaksLMTP: Bool = false) {
        var configuration = SMTPClientSession.Configuration(
            hostName: "me.example",
            tls: tls,
            credentials: credentials
        )
        configuration.speaksLMTP = speaksLMTP
        session = SMTPClientSession(configuration: configuration)
    }

    /// A session that is ready for mail, with a server that offers these keywords.
    static func ready(_ offered: String...) -> ClientDialogue {
        let dialogue = ClientDialogue()
        dialogue.hear("220 mx.example ESMTP")
        for line in ["250-mx.example"] + offered.map({ "250-" + $0 }) + ["250 HELP"] { dialogue.hear(line) }
        return dialogue
    }

    /// Hands in lines without their ends; answers with the last action.
    @discardableResult func hear(_ lines: String...) -> String {
        var action = SMTPClientSession.Action.wait
        for line in lines { action = session.lineReceived(Array(line.utf8).span) }
        return Self.text(action)
    }

    func begin(_ delivery: SMTPDelivery) -> String { Self.text(session.begin(delivery)) }

    var mayBegin: Bool { session.mayBegin }

    func quit() -> String { Self.text(session.quit()) }

    func tlsEstablished() -> String { Self.text(session.tlsEstablished()) }

    /// What a session does, in a line: what is sent without the last CR LF, `|` for those within.
    static func text(_ action: SMTPClientSession.Action) -> String {
        switch action {
        case .wait: "wait"
        case .send(let bytes, let isSecret): (isSecret ? "secretly " : "") + line(bytes)
        case .startTLS: "start TLS"
        case .ready: "ready"
        case .locate(let offset, let isText): "locate \(offset)\(isText ? "" : " of octets")"
        case .sendContent: "content"
        case .sendChunk(let bytes): "chunk " + line(bytes)
        case .finished(let result): outcomes(result)
        case .answered(let reply): "answered \(code(reply))"
        case .failed(let failure): "\(failure.reason): \(code(failure.reply))"
        case .close: "close"
        }
    }

    private static func line(_ bytes: [UInt8]) -> String {
        guard bytes.suffix(2) == [13, 10] else { return "no line end: \(bytes)" }
        return String(decoding: bytes.dropLast(2), as: UTF8.self).replacing("\r\n", with: "|")
    }

    static func outcomes(_ result: SMTPTransactionResult) -> String {
        result.outcomes.map { outcome in
            switch outcome {
            case .accepted(let reply): "accepted \(code(reply))"
            case .deferred(let reply): "deferred \(code(reply))"
            case .failed(let reply): "failed \(code(reply))"
            case .notTried: "not tried"
            }
        }.joined(separator: ", ")
    }

    private static func code(_ reply: SMTPReply) -> String {
        reply.status.map { "\(reply.code) \($0)" } ?? "\(reply.code)"
    }
}

extension SMTPDelivery {
    /// A delivery to `r0@b.example`, `r1@b.example` and so on.
    static func sample(
        _ recipients: Int = 1,
        change: (inout SMTPDelivery) throws -> Void = { _ in }
    ) throws -> SMTPDelivery {
        var delivery = SMTPDelivery(
            reversePath: .address(try EmailAddress(parsing: "a@c.example")),
            recipients: try (0..<recipients).map {
                EnvelopeRecipient(address: try EmailAddress(parsing: "r\($0)@b.example"))
            },
            size: 10
        )
        try change(&delivery)
        return delivery
    }
}
