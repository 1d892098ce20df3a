import MailBytes
import MailNames
import NIOCore
import SMTPProtocol

/// What a recipient's own host said of it, when it was asked without being sent anything.
public enum ProbeAnswer: Sendable, Equatable {
    case accepted
    /// The host refuses the recipient for good.
    case refused(SMTPReply)
    /// It could not be found out, for this reason.
    case unknown(String)
}

extension DeliveryService {
    /// Hosts tried, and how long each may take to connect, since a client waits.
    private static let addressesPerProbe = 2
    private static let connectTimeout: Duration = .seconds(5)

    /// Asks the host that mail for an address would go to whether it takes it: MAIL from the null reverse-path, RCPT, and no
    /// message. May take as long as the host does.
    func probe(_ address: EmailAddress) async -> ProbeAnswer {
        let route = Route.outbound(address, options: options, override: nil)
        guard case .deliver(let destination) = route.way else { return .unknown(route.reason) }
        var options = options
        options.addressesPerAttempt = Self.addressesPerProbe
        options.connectTimeout = min(options.connectTimeout, Self.connectTimeout)
        switch await hosts.connect(to: destination, options: options, onAttempt: { _ in }) {
        case .failure(let problem): return .unknown(problem.failure.text)
        case .success(let connection):
            var delivery = SMTPDelivery(
                reversePath: .null,
                recipients: [EnvelopeRecipient(address: address)],
                isInternationalized: address.isInternationalized,
                size: 0
            )
            delivery.isProbe = true
            let transaction = OutboundTransaction(
                delivery: delivery,
                content: ByteBuffer(),
                laterPieces: 0,
                piece: { _ in ByteBuffer() }
            )
            let result = await connection.perform(transaction)
            connection.close()
            return Self.answer(result.outcomes.first, connection.host)
        }
    }

    /// Only what speaks of the mailbox is taken for an answer: a host that refuses us, or every null reverse-path, has said
    /// nothing about the recipient.
    private static func answer(_ outcome: SMTPRecipientOutcome?, _ host: String) -> ProbeAnswer {
        switch outcome {
        case .accepted: return .accepted
        case .failed(let reply):
            let isAboutMailbox =
                if let status = reply.status { status.subject == 1 || status.subject == 2 } else {
                    [550, 551, 553].contains(reply.code)
                }
            return isAboutMailbox ? .refused(reply) : .unknown("\(host) said: \(reply.oneLine)")
        case .deferred(let reply): return .unknown("\(host) said: \(reply.oneLine)")
        case .notTried, nil: return .unknown("\(host) was not asked")
        }
    }
}
