import MailNames
import NIOCore

/// Stands first on connections from listed proxies: takes the header off, and only then lets the service have the
/// connection, under its client's address. A connection that does not begin with one is closed.
public final class ProxyHeaderHandler: ChannelInboundHandler, RemovableChannelHandler {
    public typealias InboundIn = ByteBuffer
    public typealias InboundOut = ByteBuffer

    /// How long the header may take: it is sent before anything else, by a host beside us.
    public static let patience = TimeAmount.seconds(5)

    private let welcome: (any Channel, IPAddress?) throws -> Void
    private var gathered = ByteBuffer()
    private var timer: Scheduled<Void>?
    private var isDone = false

    /// - Parameter welcome: puts the service's handlers behind this one, for a client of that address; `nil` stands for
    ///   the address of the connection itself.
    public init(welcome: @escaping (any Channel, IPAddress?) throws -> Void) { self.welcome = welcome }

    public func handlerAdded(context: ChannelHandlerContext) {
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: Self.patience) { bound.value.close(promise: nil) }
    }

    public func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

    public func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isDone else { return context.fireChannelRead(data) }
        var buffer = unwrapInboundIn(data)
        gathered.writeBuffer(&buffer)
        switch ProxyHeader.read(gathered.readableBytesUInt8Span) {
        case .incomplete: return
        case .invalid: end(context)
        case .header(let header, let length):
            gathered.moveReaderIndex(forwardBy: length)
            timer?.cancel()
            isDone = true
            do {
                if case .client(let address, _) = header {
                    try welcome(context.channel, address)
                } else {
                    try welcome(context.channel, nil)
                }
            } catch {
                return end(context)
            }
            let rest = gathered
            gathered = ByteBuffer()
            if rest.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(rest)) }
            context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
        }
    }

    public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // Whoever closes its side before the header is whole has nothing to say.
        if !isDone, case ChannelEvent.inputClosed = event { return end(context) }
        context.fireUserInboundEventTriggered(event)
    }

    private func end(_ context: ChannelHandlerContext) {
        isDone = true
        context.close(promise: nil)
    }
}
