import NIOCore
import SMTPProtocol

/// A connection that its other side made, and on which it speaks as the server from now on: RFC 2645 section 5.3.
public struct TurnedConnection: Sendable {
    private let channel: any Channel
    private let handler: NIOLoopBound<SMTPClientHandler>
    private let ready: EventLoopFuture<Void>

    /// Takes a channel over, on its loop. TLS, where there is some, stays; none is started.
    public init(taking channel: any Channel, hostName: String, timeouts: SMTPTimeouts = SMTPTimeouts()) throws {
        let promise = channel.eventLoop.makePromise(of: Void.self)
        let handler = SMTPClientHandler(
            configuration: SMTPClientSession.Configuration(hostName: hostName, tls: .off),
            timeouts: timeouts,
            tls: nil,
            ready: promise
        )
        do {
            // A client that has nothing more to say has gone.
            try channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: false)
            try channel.pipeline.syncOperations.addHandler(handler)
        } catch {
            promise.fail(error)
            throw error
        }
        self.channel = channel
        self.handler = NIOLoopBound(handler, eventLoop: channel.eventLoop)
        self.ready = promise.futureResult
    }

    /// The connection, once the other side has greeted and answered EHLO.
    ///
    /// - Throws: `SMTPClientFailure`; then the connection is closed.
    public func connection() async throws -> SMTPClientConnection {
        do {
            try await ready.get()
        } catch {
            channel.close(promise: nil)
            throw error
        }
        let (opening, extensions) = try await channel.eventLoop.submit { [handler] in
            (handler.value.dialogue.text, handler.value.extensions)
        }.get()
        return SMTPClientConnection(
            channel: channel,
            handler: handler,
            tls: nil,
            opening: opening,
            extensions: extensions
        )
    }
}

extension SMTPClientConnection {
    /// Asks the server something with a command of its own, such as ETRN or ATRN.
    ///
    /// - Throws: `SMTPClientFailure` when the connection is lost first.
    public func ask(_ command: String) async throws -> SMTPReply {
        let answer = channel.eventLoop.makePromise(of: SMTPReply.self)
        channel.eventLoop.execute { [handler] in handler.value.ask(command, answer) }
        return try await answer.futureResult.get()
    }

    /// The server becomes the client: a session of ours takes the connection over. Returns when that is over.
    public func turnAround(to settings: SMTPServerHandler.Settings, authority: any SMTPServerAuthority) async throws {
        let (handler, tls) = (handler, tls)
        try await channel.eventLoop.submit {
            try handler.value.leave(to: SMTPServerHandler(settings: settings, authority: authority, tls: tls))
        }.get()
        try await channel.closeFuture.get()
    }
}
