import NIOCore
import SMTPChannels
import SMTPProtocol

/// Clients that want what waits here.
extension Reception {
    /// Who answers them. In a struct, since a bare closure in a generic box is wrapped once more with each access.
    struct QueueAnswering: Sendable {
        let body: @Sendable (SMTPQueueRequest, SMTPClientDescription) async -> SMTPQueueAnswer
    }

    /// Who answers from now on; before, nothing of the kind is done.
    public func whenQueueIsAsked(
        _ body: @escaping @Sendable (SMTPQueueRequest, SMTPClientDescription) async -> SMTPQueueAnswer
    ) {
        queueAnswering.withLock { $0 = QueueAnswering(body: body) }
    }

    public func answer(
        _ request: SMTPQueueRequest,
        _ client: SMTPClientDescription,
        on loop: any EventLoop
    ) -> EventLoopFuture<SMTPQueueAnswer> {
        guard let answering = queueAnswering.withLock({ $0 }) else {
            return loop.makeSucceededFuture(.reply(.notOffered))
        }
        let promise = loop.makePromise(of: SMTPQueueAnswer.self)
        promise.completeWithTask { await answering.body(request, client) }
        return promise.futureResult
    }
}
