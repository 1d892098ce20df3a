import DeliveryScheduler
import MailNames
import NIOCore
import SMTPProtocol

/// One message on its way to another host.
struct OutboundTransaction: Sendable {
    var delivery: SMTPDelivery
    /// All of the content, or its first piece.
    var content: ByteBuffer
    /// The pieces that follow, read when they are needed.
    var laterPieces: Int
    var piece: @Sendable (Int) async throws -> ByteBuffer
}

/// What came of a transaction.
struct OutboundResult: Sendable {
    /// One a recipient, in order.
    var outcomes: [SMTPRecipientOutcome]
    /// Whether the host reports successes itself: RFC 3461.
    var passedNotifications: Bool
    /// Whether the sender is to be told of the relaying: RFC 2852 section 4.1.4.
    var owesRelayNotice = false
    /// Lines and timings, for the trace and for reports.
    var dialogue: String
    /// Whether the next transaction can follow on this connection.
    var isUsable: Bool
    /// Whether the connection broke, or the host said that it closes it.
    var isBroken: Bool
}

/// A connection to another host, over which one transaction after the other goes.
protocol OutboundConnection: Sendable {
    /// The host's name, or its address in brackets.
    var host: String { get }
    var address: IPAddress { get }
    /// Version and cipher; `nil` in clear.
    var tls: String? { get }
    /// What the host offers.
    var extensions: SMTPServerExtensions { get }
    /// Whether the other side closed it, as far as is known.
    var isClosed: Bool { get }

    func perform(_ transaction: OutboundTransaction) async -> OutboundResult
    /// Ends it; what the other side says to that is not waited for.
    func close()
}

/// Makes connections for destinations.
protocol HostConnector: Sendable {
    /// Finds the hosts of a destination and connects to the first that takes mail.
    ///
    /// - Parameter onAttempt: told of each address that was tried, also in vain.
    func connect(
        to destination: Destination,
        options: DeliveryOptions,
        onAttempt: @escaping @Sendable (ConnectionAttempt) -> Void
    ) async -> Result<any OutboundConnection, ConnectFailure>

    /// Whether the address is one of those that DNS names for mail to the domain.
    func takesMail(_ address: IPAddress, for domain: Domain) async -> Bool
}

extension HostConnector {
    func takesMail(_ address: IPAddress, for domain: Domain) async -> Bool { false }
}

/// One address that was tried.
struct ConnectionAttempt: Sendable {
    var host: String
    var address: IPAddress?
    var tls: String?
    /// The DNS answers that led here.
    var answers: String?
    var dialogue: String?
    var duration: Duration
    /// What came of it, in a line.
    var outcome: String
}

/// Why no host of a destination could be reached.
struct ConnectFailure: Error, Sendable {
    var failure: DeliveryFailure
    /// The addresses tried.
    var addresses: [IPAddress]
    var dialogue: String?
}
