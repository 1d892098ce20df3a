import InternetMessage
import MailBytes
import MailNames
import NIOCore
import NIOPosix
import SMTPProtocol

/// Sends mail from a program through one server: its provider's, or a relay's.
///
/// Connections are kept and shared: several messages at a time use several connections, up to a bound, and each carries one message
/// after the other, its commands pipelined where the server allows it (RFC 2920). End with `shutDown()`.
///
/// ```swift
/// let client = SMTPClient(
///     host: "smtp.example.org",
///     port: 587,
///     security: .startTLS,
///     credentials: SMTPClient.Credentials(user: "app@example.org", password: password)
/// )
/// let receipt = try await client.send(message, from: sender, to: [recipient])
/// ```
public final class SMTPClient: Sendable {
    /// How connections are secured.
    public enum Security: Sendable, Hashable {
        /// TLS from the first byte, as on port 465: RFC 8314 section 3.3.
        case implicit
        /// STARTTLS with a certificate that fits, or nothing is sent: RFC 3207.
        case startTLS
        /// STARTTLS where it is offered, whatever the certificate. Credentials are not sent this way in clear.
        case opportunistic
        /// In clear: for a server on the same machine.
        case none
    }

    /// Who logs in.
    public struct Credentials: Sendable {
        public var user: String
        public var password: String

        public init(user: String, password: String) {
            self.user = user
            self.password = password
        }
    }

    /// Bounds and choices that have defaults.
    public struct Options: Sendable {
        /// What the client calls itself in EHLO: a name, or an address in brackets.
        public var name = "[127.0.0.1]"
        /// Connections at the same time; who sends more waits for one of them.
        public var connections = 4
        /// Messages of one connection.
        public var messagesPerConnection = 100
        /// How long a connection stays open with nothing to send.
        public var idle = Duration.seconds(30)
        /// How long a connection may take to be made.
        public var connectTimeout = Duration.seconds(30)
        /// Certificates in PEM that are trusted instead of the system's.
        public var trustedCertificates: [UInt8]?

        public init() {}
    }

    let pool: ConnectionPool

    /// A client of one server. It connects when there is something to send.
    ///
    /// - Parameters:
    ///   - host: a name or an IP address.
    ///   - group: the loops that the connections live on; those that the process shares by default.
    public init(
        host: String,
        port: Int,
        security: Security = .startTLS,
        credentials: Credentials? = nil,
        options: Options = Options(),
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) {
        pool = ConnectionPool(
            server: MailServer(host: host, port: port, security: security, credentials: credentials, options: options),
            group: group
        )
    }

    /// Sends a message.
    ///
    /// - Parameters:
    ///   - message: header and body, lines ending in CR LF, as `MessageBuilder` writes it.
    ///   - sender: the reverse-path, where failures are reported to; `nil` for the null one.
    ///   - recipients: who gets it, whatever its header says.
    ///   - request: what is asked of the servers on the way.
    /// - Returns: which recipients the server took; on return it is responsible for them.
    /// - Throws: `SMTPClientError` when it took none.
    public func send(
        _ message: [UInt8],
        from sender: EmailAddress?,
        to recipients: [EmailAddress],
        asking request: Request = Request()
    ) async throws(SMTPClientError) -> Receipt {
        guard !recipients.isEmpty else { throw SMTPClientError(.noRecipients, "the message has no recipients") }
        var content = OutgoingContent(message)
        var remaining = recipients
        var receipt = Receipt()
        while !remaining.isEmpty {
            let lease: ConnectionPool.Lease
            do throws(SMTPClientError) {
                lease = try await pool.acquire()
            } catch {
                guard !receipt.accepted.isEmpty else { throw error }
                receipt.refuse(remaining, error.reply ?? SMTPReply(421, EnhancedStatus(4, 4, 2), error.description))
                break
            }
            content.fit(to: lease.connection.extensions)
            var delivery = content.delivery(from: sender, to: remaining, asking: request)
            // The name is one of all recipients together: what goes on under it later is not for some of them.
            if remaining.count < recipients.count { delivery.transactionID = nil }
            let outcome = await lease.connection.perform(delivery, content: content.buffer)
            await pool.release(lease, isUsable: outcome.isUsable)
            // The server had closed a connection that was kept: nothing was said, so that nothing can have been taken.
            if outcome.isBroken && !lease.isFresh && !outcome.dialogue.contains("S: ") { continue }
            let left = receipt.take(outcome.result, of: remaining)
            // Whoever finds no place on a fresh connection finds none: RFC 9422 lets a server bound what one may name.
            if left.count == remaining.count && lease.isFresh {
                receipt.refuse(left, SMTPReply(452, EnhancedStatus(4, 5, 3), "no place in any transaction"))
                break
            }
            remaining = left
        }
        guard !receipt.accepted.isEmpty else { throw receipt.failure }
        return receipt
    }

    /// Builds a message and sends it.
    public func send(
        _ message: MessageBuilder,
        _ body: MessageContent,
        from sender: EmailAddress?,
        to recipients: [EmailAddress],
        asking request: Request = Request()
    ) async throws(SMTPClientError) -> Receipt {
        try await send(message.finish(body), from: sender, to: recipients, asking: request)
    }

    /// Ends the connections that are idle, and those in use when their message is through; what comes later fails.
    public func shutDown() async { await pool.shutDown() }
}
