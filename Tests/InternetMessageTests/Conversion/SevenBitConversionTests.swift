import InternetMessage
import MailBytes
import Testing

@Suite("Messages for hosts without 8BITMIME, RFC 6152 section 3") struct SevenBitConversionTests {
    /// What becomes of a message that arrives in pieces of that size.
    private static func convert(
        _ message: [UInt8],
        piece: Int = .max,
        breaksSignatures: Bool = false
    ) throws(SevenBitConversion.Refusal) -> [UInt8] {
        var parser = MessageParser()
        parser.consume(message.span)
        var survey = SevenBitSurvey(parser.finish().structure)
        for part in pieces(message, piece) { survey.consume(part.span) }
        survey.finish()
        var conversion = try SevenBitConversion(survey, breaksSignatures: breaksSignatures)
        var output: [UInt8] = []
        for part in pieces(message, piece) { conversion.convert(part.span, into: &output) }
        return output
    }

    private static func pieces(_ message: [UInt8], _ size: Int) -> [[UInt8]] {
        guard size < message.count, size > 0 else { return [message] }
        return stride(from: 0, to: message.count, by: size).map { Array(message[$0..<min($0 + size, message.count)]) }
    }

    private static func convert(_ message: String) throws(SevenBitConversion.Refusal) -> String {
        String(decoding: try convert(Array(message.utf8)), as: UTF8.self)
    }

    @Test func `text becomes quoted-printable, its field is put in the place of the old one`() throws {
        let converted = try Self.convert(
            "MIME-Version: 1.0\r\nContent-Transfer-Encoding:\r\n 8bit\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGrüße \r\n"
        )
        #expect(
            converted
                == "MIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\nContent-Type: text/plain; "
                + "charset=utf-8\r\n\r\nGr=C3=BC=C3=9Fe=20\r\n"
        )
    }

    @Test func `a message without MIME becomes one of an unknown charset, RFC 1428`() throws {
        let converted = try Self.convert("Subject: x\r\n\r\nGrüße\r\n")
        #expect(
            converted
                == "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=unknown-8bit\r\n"
                + "Content-Transfer-Encoding: quoted-printable\r\nSubject: x\r\n\r\nGr=C3=BC=C3=9Fe\r\n"
        )
    }

    @Test func `parts are converted one by one, what is ASCII stays as it is`() throws {
        let message =
            "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
            + "Präambel\r\n--b\r\n\r\nplain = text\r\n--b\r\nContent-Type: application/x\r\n\r\nÄ\r\n"
            + "--b\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: 8bit\r\n\r\n<p>ß</p>\r\n--b--\r\n"
        let converted = try Self.convert(message)
        #expect(
            converted
                == "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
                + "Pr??ambel\r\n--b\r\n\r\nplain = text\r\n--b\r\nContent-Transfer-Encoding: base64\r\n"
                + "Content-Type: application/x\r\n\r\nw4Q=\r\n--b\r\nContent-Type: text/html\r\n"
                + "Content-Transfer-Encoding: quoted-printable\r\n\r\n<p>=C3=9F</p>\r\n--b--\r\n"
        )
    }

    @Test func `what needs nothing is not touched, octet for octet`() throws {
        let message = "Subject: x\r\n\r\nplain = text \r\n.\r\n"
        #expect(try Self.convert(message) == message)
    }

    @Test(
        arguments: [
            ("DKIM-Signature: v=1\r\n\r\nGrüße\r\n", SevenBitConversion.Refusal.signed),
            (
                "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nÄ\r\n--b\r\nContent-Type: a/b\r\n\r\nx\r\n--b--\r\n",
                .signed
            ),
            ("Subject: Grüße\r\n\r\nGrüße\r\n", .internationalHeader),
            ("Content-Type: message/partial; id=a\r\n\r\nGrüße\r\n", .fixedPart),
            ("Content-Transfer-Encoding: base64\r\n\r\nGrüße\r\n", .fixedPart),
        ] as [(String, SevenBitConversion.Refusal)]
    )
    func `what must not be changed is not`(message: String, refusal: SevenBitConversion.Refusal) {
        #expect(throws: refusal) { try Self.convert(message) }
    }

    @Test func `a signature of DKIM is broken only where that is wanted`() throws {
        let message = Array("DKIM-Signature: v=1\r\n\r\nÄ\r\n".utf8)
        let converted = try Self.convert(message, breaksSignatures: true)
        #expect(!converted.contains { $0 >= 0x80 })
    }

    @Test func `octets of any kind come back from what they were converted to, wherever they are cut`() throws {
        var generator = SplitMix64(seed: 11)
        for round in 0..<300 {
            var bodies: [[UInt8]] = []
            var message = Array("MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n".utf8)
            for part in 0..<Int.random(in: 1...4, using: &generator) {
                let isText = Bool.random(using: &generator)
                var body: [UInt8] = []
                for _ in 0..<Int.random(in: 0...300, using: &generator) {
                    let odd: [UInt8] = [13, 10, 32, 9, 61, 0, 0xFF, 0xC3]
                    body +=
                        Bool.random(using: &generator)
                        ? [odd.randomElement(using: &generator) ?? 0]
                        : isText && Bool.random(using: &generator)
                            ? [13, 10] : [.random(in: .min ... .max, using: &generator)]
                }
                // No line of it may look like a delimiter.
                body = body.map { $0 == .hyphen ? 0x2B : $0 }
                // An unfinished line end would run into that of the delimiter.
                if body.last == 13 { body.append(65) }
                bodies.append(body)
                message += "--b\r\nContent-Type: \(isText ? "text/plain" : "image/png"); n=\(part)\r\n".utf8
                message += "Content-Transfer-Encoding: binary\r\n\r\n".utf8 + body + "\r\n".utf8
            }
            message += "--b--\r\n".utf8
            let converted = try Self.convert(message)
            #expect(!converted.contains { $0 >= 0x80 || $0 == 0 }, "round \(round)")
            let size = Int.random(in: 1...80, using: &generator)
            #expect(try Self.convert(message, piece: size) == converted, "round \(round) in pieces of \(size)")
            var parser = MessageParser()
            parser.consume(converted.span)
            let structure = parser.finish().structure
            #expect(structure.parts.count == bodies.count, "round \(round)")
            for (part, body) in zip(structure.parts, bodies) {
                let encoded = Array(converted[part.body])
                let decoded =
                    switch part.encoding {
                    case "base64": Base64.decodeLenient(encoded.span)
                    case "quoted-printable": QuotedPrintable.decode(encoded.span)
                    default: encoded
                    }
                #expect(decoded == body, "round \(round)")
            }
        }
    }
}
