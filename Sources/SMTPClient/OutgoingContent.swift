import InternetMessage
import MailBytes
import MailNames
import NIOCore
import SMTPProtocol

/// A message as the server is to have it.
struct OutgoingContent {
    private let message: [UInt8]
    private(set) var buffer: ByteBuffer
    private var bodyType: BodyType
    private let hasInternationalHeader: Bool
    private var isConverted = false
    /// What was made of it for servers without 8BITMIME.
    private var converted: ByteBuffer?

    init(_ message: [UInt8]) {
        self.message = message
        buffer = ByteBuffer(bytes: message)
        bodyType = message.contains { $0 >= 0x80 } ? .eightBitMIME : .sevenBit
        var scanner = HeaderScanner()
        let span = message.span
        while scanner.next(span) != nil {}
        hasInternationalHeader = message[..<scanner.end].contains { $0 >= 0x80 }
    }

    /// Encodes octets beyond ASCII for a server without 8BITMIME, where that is allowed: RFC 6152 section 3.
    mutating func fit(to extensions: SMTPServerExtensions) {
        isConverted = false
        let needsConversion = message.contains { $0 >= 0x80 } && !extensions.eightBitMIME
        guard needsConversion, let converted = converted ?? Self.converted(message) else {
            buffer = ByteBuffer(bytes: message)
            bodyType = message.contains { $0 >= 0x80 } ? .eightBitMIME : .sevenBit
            return
        }
        self.converted = converted
        isConverted = true
        buffer = converted
        bodyType = .sevenBit
    }

    private static func converted(_ message: [UInt8]) -> ByteBuffer? {
        var parser = MessageParser()
        parser.consume(message.span)
        var survey = SevenBitSurvey(parser.finish().structure)
        survey.consume(message.span)
        survey.finish()
        guard var conversion = try? SevenBitConversion(survey) else { return nil }
        var output: [UInt8] = []
        conversion.convert(message.span, into: &output)
        return ByteBuffer(bytes: output)
    }

    func delivery(
        from sender: EmailAddress?,
        to recipients: [EmailAddress],
        asking request: SMTPClient.Request
    ) -> SMTPDelivery {
        var delivery = SMTPDelivery(
            reversePath: sender.map(ReversePath.address) ?? .null,
            recipients: recipients.map { EnvelopeRecipient(address: $0, notify: request.notify) },
            bodyType: bodyType,
            isInternationalized: hasInternationalHeader,
            envelopeID: request.envelopeID,
            returnContent: request.returnContent,
            size: buffer.readableBytes,
            terms: request.terms
        )
        // What goes on is to be what was begun, and another server may have had it unconverted.
        if !isConverted { delivery.transactionID = request.transactionID }
        return delivery
    }
}
