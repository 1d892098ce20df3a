import NIOCore
import SMTPProtocol

extension SMTPServerHandler {
    /// Has the authority answer what a client wants of the queue.
    func askQueue(_ request: SMTPQueueRequest, _ context: ChannelHandlerContext) {
        mode = .waiting
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        authority.answer(request, client, on: context.eventLoop).hop(to: context.eventLoop).whenComplete { result in
            let (handler, context) = bound.value
            let answer = (try? result.get()) ?? .reply(.localError)
            handler.judged(answer, context) { session, answer in
                switch answer {
                case .reply(let reply): return session.queueAnswered(reply)
                case .turnAround(let reply, let successor):
                    handler.successor = successor
                    return session.turnedAround(reply)
                }
            }
        }
    }
}
