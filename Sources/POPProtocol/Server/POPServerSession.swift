import SASL

/// The server's side of one POP3 session, without I/O: RFC 1939, with RFC 2449, 2595, 3206, 5034 and 6856.
///
/// One event in, one action out. While an action is being carried out that answers with an event (`verify`,
/// `openMessage`, `sendMessage`, `sendListing`, `startTLS`, `remove`), no line may be fed: see `acceptsLines`.
/// Pipelined commands wait in the channel.
public struct POPServerSession: ~Copyable {
    /// What the channel does next.
    public enum Action: Equatable, Sendable {
        /// Send the reply and go on with the next line.
        case send(POPReply)
        /// Send the reply after this time; feed no line before.
        case sendLater(POPReply, Duration)
        /// Send `+ `, this base64 text and CR LF: RFC 5034 section 4.
        case sendChallenge(String)
        /// Judge the credentials, lock the maildrop and list it; then `loginJudged(_:)`.
        case verify(SASLCredentials)
        /// Look the stored secret of a SCRAM user up; then `verifierFound(_:)`.
        case findVerifier(SCRAMIdentity)
        /// Send the reply, drop every octet that has come in, shake hands; then `tlsEstablished()`.
        case startTLS(POPReply)
        /// Send the reply, then what `nextListingChunk()` gives until it gives `nil`.
        case sendListing(POPReply)
        /// Open the message at this position of the maildrop, with a header of ASCII where a surrogate is wanted (RFC 6858);
        /// then `messageOpened(_:)`.
        case openMessage(position: Int, asSurrogate: Bool)
        /// Send the reply, the opened message through the encoder and its termination; then `messageSent()`.
        case sendMessage(POPReply, POPContentEncoder)
        /// Remove the messages at these positions and nothing else; then `messagesRemoved(_:)`. The UPDATE state.
        case remove(positions: [Int])
        /// Send the reply after this time, then close the connection and release the maildrop.
        case sendAndClose(POPReply, Duration)
        /// Close the connection and release the maildrop; nothing is removed.
        case close
        /// Go on with the next line.
        case proceed
    }

    /// What became of the credentials that `verify` carried.
    public enum LoginJudgement: Equatable, Sendable {
        /// They are right, and the maildrop is locked for this session.
        case accepted(POPMaildrop)
        /// They are wrong.
        case rejected
        /// They are right; another session has the maildrop: RFC 2449 section 8.1.2.
        case maildropInUse
        /// They came too soon after the last log-in: RFC 2449 section 8.1.1.
        case tooSoon
        /// It could not be found out; later it may be: RFC 3206 section 4.
        case unavailable
        /// They are right; the maildrop cannot be opened until somebody acts: RFC 3206 section 4.
        case broken
    }

    enum Phase {
        /// AUTHORIZATION: greeted, nobody known.
        case authorization
        /// AUTHORIZATION: a name, and the password is awaited.
        case named(String)
        /// AUTHORIZATION: inside of an AUTH exchange.
        case exchanging(SASLServerExchange)
        /// AUTHORIZATION: somebody looks for the stored secret.
        case finding(SASLServerExchange)
        /// AUTHORIZATION: somebody judges the credentials; the exchange they came from, if there was one.
        case judging(SASLServerExchange?)
        /// AUTHORIZATION: the TLS handshake.
        case upgrading
        /// TRANSACTION.
        case transaction(POPMaildrop)
        /// TRANSACTION: a listing is being sent.
        case listing(POPMaildrop, POPListing)
        /// TRANSACTION: a message is being opened; the body lines that are wanted.
        case opening(POPMaildrop, lines: Int?)
        /// TRANSACTION: a message is being sent.
        case sending(POPMaildrop)
        /// UPDATE.
        case updating
        case closed
    }

    let configuration: POPServerConfiguration
    var phase = Phase.authorization
    var isEncrypted: Bool
    /// What TLS contributes to a log-in.
    var connection = SASLConnection()
    var isUTF8 = false
    var badCommands = 0
    var failedLogins = 0

    /// A session on a new connection, under TLS from the start or not.
    public init(configuration: POPServerConfiguration, isEncrypted: Bool) {
        self.configuration = configuration
        self.isEncrypted = isEncrypted
    }

    /// Whether a line may be fed now; else it waits until the action under way has been answered.
    public var acceptsLines: Bool {
        switch self.phase {
        case .authorization, .named, .exchanging, .transaction: true
        case .finding, .judging, .upgrading, .listing, .opening, .sending, .updating, .closed: false
        }
    }

    /// Whether somebody is logged in: time-outs differ.
    public var isAuthenticated: Bool {
        switch self.phase {
        case .authorization, .named, .exchanging, .finding, .judging, .upgrading: false
        case .transaction, .listing, .opening, .sending, .updating, .closed: true
        }
    }

    /// Octets that the next line may have without its CR LF. What is longer is thrown away up to its CR LF, and
    /// `lineTooLong()` told.
    public var lineLimit: Int {
        if case .exchanging = self.phase { return SASLServerExchange.maximumLineLength }
        return self.configuration.limits.commandLength
    }

    // MARK: - Events

    /// The connection is there; with implicit TLS, the handshake is done. RFC 1939 section 4.
    ///
    /// - Parameter connection: what TLS contributes to a log-in.
    public mutating func connected(_ connection: SASLConnection = SASLConnection()) -> Action {
        self.connection = connection
        return .send(.greeting(self.configuration.hostName))
    }

    /// A line came, without its CR LF.
    public mutating func lineReceived(_ line: Span<UInt8>) -> Action {
        switch exchange(&self.phase, with: .closed) {
        case .exchanging(let sasl):
            return self.responseReceived(line, sasl)
        case .authorization:
            self.phase = .authorization
            return self.parsed(line)
        case .named(let name):
            self.phase = .named(name)
            return self.parsed(line)
        case .transaction(let maildrop):
            self.phase = .transaction(maildrop)
            return self.parsed(line)
        case let busy:
            // The channel holds lines back, so this is not reached; and a line that is lost harms only its sender.
            self.phase = busy
            return .proceed
        }
    }

    /// A line came that is longer than `lineLimit`; it has been thrown away.
    public mutating func lineTooLong() -> Action {
        if case .exchanging = self.phase { self.phase = .authorization }
        return self.bad(.lineTooLong)
    }

    /// The autologout timer fired: RFC 1939 section 3. Nothing is sent, nothing is removed.
    public mutating func timedOut() -> Action {
        self.phase = .closed
        return .close
    }

    /// The peer is gone, or closed its side: RFC 1939 section 6. Nothing is removed.
    public mutating func connectionLost() -> Action {
        self.phase = .closed
        return .close
    }

    private mutating func parsed(_ line: Span<UInt8>) -> Action {
        do throws(POPSyntaxError) {
            let command = try POPCommand(parsing: line)
            return self.commandReceived(command)
        } catch {
            if case .named = self.phase { self.phase = .authorization }
            return self.bad(error == .unknownCommand ? .unknownCommand : .badSyntax)
        }
    }

    private mutating func commandReceived(_ command: POPCommand) -> Action {
        switch exchange(&self.phase, with: .closed) {
        case .authorization: return self.authorization(command, name: nil)
        case .named(let name): return self.authorization(command, name: name)
        case .transaction(let maildrop): return self.transaction(command, maildrop)
        case let other:
            self.phase = other
            return .proceed
        }
    }

    /// Refuses a line and counts it; the last one that is borne ends the session.
    mutating func bad(_ reply: POPReply) -> Action {
        self.badCommands += 1
        guard self.badCommands >= self.configuration.limits.badCommands else { return .send(reply) }
        self.phase = .closed
        return .sendAndClose(.tooManyErrors, .zero)
    }
}
