import ChannelSupport
import MailBytes
import NIOCore
import NIOSSL
import NIOTLS
import POPProtocol

/// One POP3 connection: feeds the session with lines, carries its actions out.
///
/// Nothing is read from the socket while a command is in flight or the peer does not read, and what has been read is at
/// most one read of the socket and a line: a client that sends without reading costs us a bounded buffer. Idle, the
/// connection holds no buffer at all.
public final class POPServerHandler: ChannelDuplexHandler {
    /// Octets from the socket or from TLS.
    public typealias InboundIn = ByteBuffer
    /// Nothing is written by handlers behind this one.
    public typealias OutboundIn = Never
    /// Octets to the socket or to TLS.
    public typealias OutboundOut = ByteBuffer

    /// What a handler is made with.
    public struct Settings: Sendable {
        /// What the sessions offer and bear.
        public var configuration: POPServerConfiguration
        /// How long a connection may take.
        public var timeouts: POPTimeouts
        /// What `STLS` is done with, asked for at each handshake; `nil` where TLS is not available.
        public var endpoint: (@Sendable () -> TLSEndpoint?)?

        /// Settings shared by the connections of a listener.
        public init(
            configuration: POPServerConfiguration,
            timeouts: POPTimeouts = POPTimeouts(),
            endpoint: (@Sendable () -> TLSEndpoint?)? = nil
        ) {
            self.configuration = configuration
            self.timeouts = timeouts
            self.endpoint = endpoint
        }
    }

    let settings: Settings
    let authority: any POPAuthority
    let isImplicitTLS: Bool
    let client: SocketAddress?
    var session: POPServerSession
    var framing = CommandLineFraming()
    /// What has arrived and waits for its turn; `nil` while there is nothing.
    var input: ByteBuffer?
    var access: (any POPMailAccess)?
    var outgoing: POPOutgoingMessage?
    /// The task behind the action in flight; cancelled when the connection goes.
    var task: Task<Void, Never>?
    var timer: Scheduled<Void>?
    var delay: Scheduled<Void>?
    var deadlines: POPDeadlines
    var flags: Flags = []

    struct Flags: OptionSet {
        let rawValue: UInt16
        /// `drain` is on the stack.
        static let draining = Flags(rawValue: 1 << 0)
        /// A `read` was held back.
        static let readHeld = Flags(rawValue: 1 << 1)
        /// The peer has closed its side.
        static let inputClosed = Flags(rawValue: 1 << 2)
        /// The server stops: what is in flight is finished, nothing is begun.
        static let quiescing = Flags(rawValue: 1 << 3)
        /// The last reply is on its way.
        static let closing = Flags(rawValue: 1 << 4)
        /// A listing is being sent.
        static let listing = Flags(rawValue: 1 << 5)
        /// TLS is active.
        static let encrypted = Flags(rawValue: 1 << 6)
        /// The handshake after `STLS` is under way.
        static let upgrading = Flags(rawValue: 1 << 7)
        /// The connection is gone; what comes back from tasks is thrown away.
        static let gone = Flags(rawValue: 1 << 8)
    }

    /// A handler for one connection.
    ///
    /// - Parameters:
    ///   - isImplicitTLS: whether a TLS handler stands before this one from the start; the greeting then waits for the
    ///     handshake.
    ///   - client: the client's address where it is not the connection's.
    public init(settings: Settings, authority: any POPAuthority, isImplicitTLS: Bool, client: SocketAddress? = nil) {
        self.client = client
        self.settings = settings
        self.authority = authority
        self.isImplicitTLS = isImplicitTLS
        self.session = POPServerSession(configuration: settings.configuration, isEncrypted: isImplicitTLS)
        self.deadlines = POPDeadlines()
        if isImplicitTLS { self.flags.insert(.encrypted) }
    }

    // MARK: - What the channel tells

    /// The channel may be active already.
    public func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { self.connected(context) }
    }

    /// Taken out of the pipeline: nothing of the session may go on.
    public func handlerRemoved(context: ChannelHandlerContext) { self.gone() }

    /// The connection is there.
    public func channelActive(context: ChannelHandlerContext) {
        self.connected(context)
        context.fireChannelActive()
    }

    /// The connection is gone.
    public func channelInactive(context: ChannelHandlerContext) {
        _ = self.session.connectionLost()
        self.gone()
        context.fireChannelInactive()
    }

    /// Octets came.
    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var octets = self.unwrapInboundIn(data)
        self.deadlines.lastActivity = context.eventLoop.now
        guard !self.flags.contains(.closing) else { return }
        if self.input == nil { self.input = octets } else { self.input?.writeBuffer(&octets) }
        self.drain(context)
    }

    /// Held back while a command is in flight or the peer does not read.
    public func read(context: ChannelHandlerContext) {
        // During a handshake the TLS handler needs what comes in.
        if self.isBusy(context), !self.flags.contains(.upgrading) {
            self.flags.insert(.readHeld)
        } else {
            context.read()
        }
    }

    /// The peer reads again, or does not.
    public func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            self.deadlines.lastActivity = context.eventLoop.now
            self.sendOn(context)
            self.drain(context)
        }
        context.fireChannelWritabilityChanged()
    }

    /// The handshake is done, the peer closed its side, or the server stops.
    public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case TLSUserEvent.handshakeCompleted where self.flags.contains(.upgrading):
            self.flags.remove(.upgrading)
            self.flags.insert(.encrypted)
            let connection = TLSEndpoint.connection(of: context.pipeline.syncOperations)
            self.perform(self.session.tlsEstablished(connection), context)
            self.drain(context)
        case TLSUserEvent.handshakeCompleted where self.isImplicitTLS:
            let connection = TLSEndpoint.connection(of: context.pipeline.syncOperations)
            self.perform(self.session.connected(connection), context)
            self.drain(context)
        case ChannelEvent.inputClosed:
            self.flags.insert(.inputClosed)
            self.drain(context)
        case is ChannelShouldQuiesceEvent:
            self.flags.insert(.quiescing)
            self.drain(context)
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    /// A failed handshake, a reset connection: nobody is there to be told.
    public func errorCaught(context: ChannelHandlerContext, error: any Error) {
        _ = self.session.connectionLost()
        self.abort(context)
    }
}
