import NIOCore

/// Turns a connection away that is one too many: with a farewell, and closed when that is out.
public final class RefusingHandler: ChannelInboundHandler {
    public typealias InboundIn = ByteBuffer
    public typealias OutboundOut = ByteBuffer

    private let farewell: [UInt8]?

    /// - Parameter farewell: octets of a reply. `nil` under implicit TLS, where a handshake would cost more than the
    ///   word is worth.
    public init(farewell: [UInt8]?) { self.farewell = farewell }

    public func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { refuse(context) }
    }

    public func channelActive(context: ChannelHandlerContext) { refuse(context) }

    private func refuse(_ context: ChannelHandlerContext) {
        guard let farewell else { return context.close(promise: nil) }
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        let reply = context.channel.allocator.buffer(bytes: farewell)
        context.writeAndFlush(wrapOutboundOut(reply)).whenComplete { _ in bound.value.close(promise: nil) }
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {}
}
