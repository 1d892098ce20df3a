import MailBytes

/// The server's side of one Message Tracking Query Protocol session, without I/O: RFC 3887.
public struct TrackingServerSession: ~Copyable, Sendable {
    /// What the channel does next.
    public enum Action: Sendable, Equatable {
        case send(TrackingReply)
        case sendAndClose(TrackingReply)
        /// Send the reply in clear, drop what was received, start TLS. Answered by `tlsEstablished()`.
        case startTLS(TrackingReply)
        /// Answered by `tracked(_:)`.
        case track(envelopeID: String, secret: [UInt8])
    }

    /// What was found out about a message.
    public enum Finding: Sendable, Equatable {
        case report(TrackingReport)
        /// There is no such message, or the secret is not its: the two are not told apart.
        case nothing
        case unavailable
    }

    /// Commands of one connection, wrong secrets among them.
    public static let commandLimit = 200

    private let hostName: String
    private let offersTLS: Bool
    private var isEncrypted = false
    private var isTracking = false
    private var commands = 0

    public init(hostName: String, offersTLS: Bool) {
        self.hostName = hostName
        self.offersTLS = offersTLS
    }

    /// Octets of a line without its CR LF.
    public static var lineLimit: Int { TrackingCommand.lineLimit }

    /// The initial response with the options: section 3.
    public var greeting: TrackingReply {
        let text = "\(hostName) Martlet"
        guard offersTLS && !isEncrypted else { return TrackingReply("+OK/MTQP", text) }
        return TrackingReply("+OK+/MTQP", text, lines: ["STARTTLS"])
    }

    /// A line arrived, without its CR LF.
    public mutating func lineReceived(_ line: Span<UInt8>) -> Action {
        commands += 1
        guard commands <= Self.commandLimit else { return .sendAndClose(.tooManyCommands) }
        guard !isTracking, let command = TrackingCommand(line) else { return .send(.bad) }
        switch command {
        case .comment: return .send(.comment)
        case .quit: return .sendAndClose(.closing)
        case .startTLS:
            if isEncrypted { return .send(.tlsInProgress) }
            return offersTLS ? .startTLS(.startTLS) : .send(.tlsUnsupported)
        case .track(let envelopeID, let secret):
            isTracking = true
            return .track(envelopeID: envelopeID, secret: secret)
        }
    }

    /// A line was longer than the limit; it was thrown away.
    public mutating func lineTooLong() -> Action {
        commands += 1
        return commands <= Self.commandLimit ? .send(.bad) : .sendAndClose(.tooManyCommands)
    }

    /// The message was looked for.
    public mutating func tracked(_ finding: Finding) -> Action {
        isTracking = false
        switch finding {
        case .report(let report):
            return .send(TrackingReply("+OK+", "Tracking information follows", lines: report.lines))
        case .nothing: return .send(.noInformation)
        case .unavailable: return .send(.unavailable)
        }
    }

    /// The handshake is done: the session begins anew, with another greeting (section 6.2).
    public mutating func tlsEstablished() -> Action {
        isEncrypted = true
        return .send(greeting)
    }
}
