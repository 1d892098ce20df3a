import InternetMessage
import NIOCore
import SMTPProtocol

extension Reception {
    /// The content without its Bcc fields, and whether the header's end was in it. Without such a field it is the same buffer.
    static func withoutBlindCopies(_ content: ByteBuffer) -> (content: ByteBuffer, isWhole: Bool) {
        let (places, isWhole) = BlindCopies.find(in: content.readableBytesUInt8Span)
        guard !places.isEmpty else { return (content, isWhole) }
        var kept = ByteBuffer()
        kept.reserveCapacity(content.readableBytes)
        var start = 0
        for place in places + [content.readableBytes..<content.readableBytes] {
            if let part = content.getSlice(at: content.readerIndex + start, length: place.lowerBound - start) {
                kept.writeImmutableBuffer(part)
            }
            start = place.upperBound
        }
        return (kept, isWhole)
    }
}

extension SMTPReply {
    static let headerTooLong = SMTPReply(554, EnhancedStatus(5, 6, 0), "The header of the message is too long")
}
