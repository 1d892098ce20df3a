import InternetMessage
import MailBytes
import MailEvents
import MailNames
import NIOCore
import SMTPProtocol
import Synchronization

/// The content of a message as one host is to have it.
struct OutboundContent: Sendable {
    var first: ByteBuffer
    var laterPieces: Int
    var size: Int
    var bodyType: BodyType
    var isInternationalized: Bool
    /// Whether the host can go on where it broke off: it offers that, and what it gets is the same at each attempt.
    var canGoOn = false
    /// Makes what reads the later pieces of one transaction, in order.
    var piece: @Sendable () -> @Sendable (Int) async throws -> ByteBuffer
}

/// What hosts get that lack an extension which a message was sent with: RFC 6152 section 3, RFC 3030 section 3, RFC 6531 section 3.2.
extension DeliveryService {
    /// The message's content for the host; as it is unless that would be refused and a conversion mends it.
    func content(of message: ActiveMessage, for connection: any OutboundConnection) async throws -> OutboundContent {
        let count = try pieces(message)
        let first = try await content(message.id)
        let envelope = message.envelope
        let id = message.id
        let read: @Sendable (Int) async throws -> ByteBuffer = { [self] in try await content(id, piece: $0) }
        let offered = connection.extensions
        let plain = OutboundContent(
            first: first,
            laterPieces: count - 1,
            size: message.size,
            bodyType: envelope.bodyType,
            isInternationalized: envelope.isInternationalized,
            canGoOn: offered.checkpoint,
            piece: { read }
        )
        let lacksBody =
            switch envelope.bodyType {
            case .sevenBit: false
            case .eightBitMIME: !offered.eightBitMIME
            case .binaryMIME: !(offered.binaryMIME && offered.chunking)
            }
        let lacksUTF8 = envelope.isInternationalized && !offered.smtpUTF8
        guard lacksBody || lacksUTF8 else { return plain }
        return try await downgraded(plain, read, lacksBody: lacksBody)
    }

    private func downgraded(
        _ plain: OutboundContent,
        _ read: @escaping @Sendable (Int) async throws -> ByteBuffer,
        lacksBody: Bool
    ) async throws -> OutboundContent {
        var parser = MessageParser()
        parser.consume(plain.first.readableBytesUInt8Span)
        for index in 0..<plain.laterPieces {
            let piece = try await read(index + 1)
            parser.consume(piece.readableBytesUInt8Span)
        }
        var survey = SevenBitSurvey(parser.finish().structure)
        survey.consume(plain.first.readableBytesUInt8Span)
        for index in 0..<plain.laterPieces {
            let piece = try await read(index + 1)
            survey.consume(piece.readableBytesUInt8Span)
        }
        survey.finish()
        var result = plain
        // SMTPUTF8 was asked for and is not needed: addresses go with A-labels, and no header is beyond ASCII. What is needed
        // stays, and the session refuses: 5.6.7.
        if !survey.hasInternationalHeader { result.isInternationalized = false }
        guard lacksBody else { return result }
        guard survey.needsConversion else {
            result.bodyType = .sevenBit
            return result
        }
        let conversion: SevenBitConversion
        do throws(SevenBitConversion.Refusal) {
            conversion = try SevenBitConversion(survey, breaksSignatures: options.convertsSigned)
        } catch {
            // As it is, it is refused: 5.6.3.
            return result
        }
        // Once through for the size, which goes before the content.
        var counting = conversion
        let first = Self.converted(plain.first, &counting)
        let afterFirst = counting
        result.size = first.readableBytes
        for index in 0..<plain.laterPieces {
            result.size += Self.converted(try await read(index + 1), &counting).readableBytes
        }
        result.first = first
        result.bodyType = .sevenBit
        result.canGoOn = false
        result.piece = {
            let course = ConversionCourse(afterFirst)
            return { index in course.next(try await read(index)) }
        }
        return result
    }

    static func converted(_ piece: ByteBuffer, _ conversion: inout SevenBitConversion) -> ByteBuffer {
        var output: [UInt8] = []
        output.reserveCapacity(piece.readableBytes + piece.readableBytes / 4)
        conversion.convert(piece.readableBytesUInt8Span, into: &output)
        return ByteBuffer(bytes: output)
    }
}

/// How far the conversion of one transaction's content has come.
private final class ConversionCourse: Sendable {
    private let conversion: Mutex<SevenBitConversion>

    init(_ conversion: SevenBitConversion) { self.conversion = Mutex(conversion) }

    func next(_ piece: ByteBuffer) -> ByteBuffer { conversion.withLock { DeliveryService.converted(piece, &$0) } }
}
