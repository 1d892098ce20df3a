import MailBytes
import MailNames
import SMTPProtocol

extension SMTPClient {
    /// What became of a message at the server.
    public struct Receipt: Sendable {
        /// Recipients that the server is responsible for now, with what it said: its queue id, as a rule.
        public internal(set) var accepted: [EmailAddress: SMTPReply] = [:]
        /// Recipients that it did not take, with what it said: 4yz may succeed later, 5yz will not.
        public internal(set) var refused: [EmailAddress: SMTPReply] = [:]
    }

    /// What is asked of the servers on the way. Nothing, by default.
    public struct Request: Sendable {
        /// What is reported to the sender: RFC 3461. `nil` leaves it to the servers.
        public var notify: DeliveryNotify?
        /// How much of the message a report returns.
        public var returnContent: ReturnContent?
        /// What a report names the message by.
        public var envelopeID: String?
        /// Deliver-by, future release, priority, REQUIRETLS: a server without one of them refuses what may not go without it.
        public var terms: DeliveryTerms
        /// What this message to these recipients is called, so that another `send` of the same goes on where the connection was lost,
        /// and does not bring it twice as long as the server remembers it: CHECKPOINT, RFC 1845. The same for each attempt, and for no
        /// other message; servers without the extension are not told. `nil` lets each attempt begin anew.
        public var transactionID: TransactionIdentifier?

        public init(
            notify: DeliveryNotify? = nil,
            returnContent: ReturnContent? = nil,
            envelopeID: String? = nil,
            terms: DeliveryTerms = .plain,
            transactionID: TransactionIdentifier? = nil
        ) {
            self.notify = notify
            self.returnContent = returnContent
            self.envelopeID = envelopeID
            self.terms = terms
            self.transactionID = transactionID
        }
    }
}

extension SMTPClient.Receipt {
    /// Takes in what came of a transaction; those that the server wants in another are left.
    mutating func take(_ result: SMTPTransactionResult, of recipients: [EmailAddress]) -> [EmailAddress] {
        var left: [EmailAddress] = []
        for (address, outcome) in zip(recipients, result.outcomes) {
            switch outcome {
            case .accepted(let reply): accepted[address] = reply
            case .deferred(let reply), .failed(let reply): refused[address] = reply
            case .notTried: left.append(address)
            }
        }
        return left
    }

    mutating func refuse(_ recipients: [EmailAddress], _ reply: SMTPReply) {
        for address in recipients { refused[address] = reply }
    }

    /// What it means that nobody was taken.
    var failure: SMTPClientError {
        guard let reply = refused.values.first(where: { !$0.isPermanent }) ?? refused.values.first else {
            return SMTPClientError(.refused, "the server takes no recipient in any transaction")
        }
        return SMTPClientError(.refused, "no recipient was taken: \(reply.oneLine)", reply: reply, refused: refused)
    }
}

/// Why a message was not sent.
public struct SMTPClientError: Error, Sendable, CustomStringConvertible {
    public enum Reason: Sendable, Hashable {
        case noRecipients
        /// The server could not be reached, or the connection broke. The same may succeed later.
        case unreachable
        /// TLS could not be had as it was asked for.
        case insecure
        /// Name and password do not fit, or there is no safe way to send them.
        case authentication
        /// The server took none of the recipients; `reply` says whether a later attempt may succeed.
        case refused
        case cancelled
        case shutDown
    }

    public let reason: Reason
    /// One line for people.
    public let description: String
    /// What the server said.
    public let reply: SMTPReply?
    /// What it said of each recipient.
    public let refused: [EmailAddress: SMTPReply]

    init(
        _ reason: Reason,
        _ description: String,
        reply: SMTPReply? = nil,
        refused: [EmailAddress: SMTPReply] = [:]
    ) {
        self.reason = reason
        self.description = description
        self.reply = reply
        self.refused = refused
    }

    /// Whether the same may succeed later.
    public var isTransient: Bool {
        switch reason {
        case .unreachable: true
        case .refused: reply?.isTransient ?? false
        case .noRecipients, .insecure, .authentication, .cancelled, .shutDown: false
        }
    }
}
