import NIOCore
import SMTPProtocol

/// A place in a content that comes in pieces.
struct ContentPosition {
    /// 0 is what is in memory from the beginning.
    var piece = 0
    /// Octets of that piece that come before.
    var octet = 0

    /// What the server called the place: octets of the whole content before it.
    var offset = 0

    /// What of a piece lies behind the place.
    func part(of content: ByteBuffer, _ index: Int) -> ByteBuffer {
        guard index <= piece else { return content }
        var part = content
        part.moveReaderIndex(forwardBy: index < piece ? part.readableBytes : min(octet, part.readableBytes))
        return part
    }

    var note: String { offset == 0 ? "" : ", from octet \(offset) on" }
}

/// Going on with a transaction that broke off: RFC 1845.
extension SMTPClientHandler {
    /// Finds where the server wants the content to go on.
    func locate(_ offset: Int, isText: Bool, _ context: ChannelHandlerContext) {
        guard let job else { return }
        var locator = ContentLocator(offset: offset, isText: isText)
        switch locator.find(in: job.content.readableBytesUInt8Span) {
        case .at(let octet): goOn(at: ContentPosition(octet: octet, offset: offset), context)
        case .nowhere: goOn(at: nil, context)
        case .later where job.laterPieces == 0:
            let end = ContentPosition(octet: job.content.readableBytes, offset: offset)
            goOn(at: locator.isAtEnd() ? end : nil, context)
        case .later:
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            let (number, begun) = (jobNumber, locator)
            let found = context.eventLoop.makePromise(of: ContentPosition?.self)
            found.completeWithTask { try await Self.position(offset, in: job, begun) }
            found.futureResult.whenComplete { result in
                let (handler, context) = bound.value
                guard number == handler.jobNumber, handler.job != nil, handler.failure == nil else { return }
                switch result {
                case .success(let place): handler.goOn(at: place, context)
                case .failure(let error): handler.giveUp(number, "the content could not be read: \(error)")
                }
            }
        }
    }

    private func goOn(at place: ContentPosition?, _ context: ChannelHandlerContext) {
        start = place ?? ContentPosition()
        perform(session.located(place != nil), context)
    }

    /// Looks through the later pieces.
    private static func position(
        _ offset: Int,
        in job: Job,
        _ begun: ContentLocator
    ) async throws -> ContentPosition? {
        var locator = begun
        var last = 0
        for index in 1...job.laterPieces {
            let piece = try await job.piece(index)
            switch locator.find(in: piece.readableBytesUInt8Span) {
            case .at(let octet): return ContentPosition(piece: index, octet: octet, offset: offset)
            case .nowhere: return nil
            case .later: last = piece.readableBytes
            }
        }
        return locator.isAtEnd() ? ContentPosition(piece: job.laterPieces, octet: last, offset: offset) : nil
    }
}
