import MailBytes
import MailNames

/// MAIL: the reverse-path and the parameters of the extensions: RFC 5321 section 4.1.1.2.
struct MailParameters {
    var reversePath: ReversePath
    /// SIZE: RFC 1870.
    var declaredSize: Int?
    var bodyType: BodyType = .sevenBit
    var isInternationalized = false
    var returnContent: ReturnContent?
    var envelopeID: String?
    var hasParameters = false

    /// Reads what follows `MAIL FROM:`.
    init(_ line: Span<UInt8>, at start: Int) throws(SMTPSyntaxError) {
        // Deviation: a space after the colon is not allowed (RFC 5321 section 3.3), but many programs send one.
        let pathStart = start < line.count && line[start] == .space ? start + 1 : start
        let (path, end) = try PathParser.parse(line, at: pathStart)
        switch path {
        case .null: reversePath = .null
        case .address(let address): reversePath = .address(address)
        case .postmaster: throw SMTPSyntaxError(.path(.missingAt))
        }
        var scanner = try ParameterScanner(line, at: end)
        var seen: Seen = []
        while let (keyword, value) = try scanner.next(line) {
            hasParameters = true
            let parameter = Seen(line.extracting(keyword))
            guard !parameter.isEmpty else { throw SMTPSyntaxError(.unknownParameter) }
            guard seen.isDisjoint(with: parameter) else { throw SMTPSyntaxError(.duplicateParameter) }
            seen.insert(parameter)
            try take(parameter, value, line)
        }
        if reversePath.address?.isInternationalized == true && !isInternationalized {
            throw SMTPSyntaxError(.internationalizedWithoutExtension)
        }
    }

    private struct Seen: OptionSet {
        let rawValue: UInt8
        static let size = Seen(rawValue: 1)
        static let body = Seen(rawValue: 2)
        static let smtpUTF8 = Seen(rawValue: 4)
        static let ret = Seen(rawValue: 8)
        static let envid = Seen(rawValue: 16)
        static let auth = Seen(rawValue: 32)

        init(rawValue: UInt8) { self.rawValue = rawValue }

        init(_ keyword: Span<UInt8>) {
            if keyword.equals("SIZE") {
                self = .size
            } else if keyword.equals("BODY") {
                self = .body
            } else if keyword.equals("SMTPUTF8") {
                self = .smtpUTF8
            } else if keyword.equals("RET") {
                self = .ret
            } else if keyword.equals("ENVID") {
                self = .envid
            } else if keyword.equals("AUTH") {
                self = .auth
            } else {
                self = []
            }
        }
    }

    private mutating func take(_ parameter: Seen, _ value: Range<Int>?, _ line: Span<UInt8>) throws(SMTPSyntaxError) {
        guard let value else {
            guard parameter == .smtpUTF8 else { throw SMTPSyntaxError(.parameter) }
            isInternationalized = true
            return
        }
        let text = line.extracting(value)
        switch parameter {
        case .size:
            // Up to 20 digits: RFC 1870 section 3. What does not fit is more than anybody takes.
            guard text.count <= 20 else { throw SMTPSyntaxError(.parameter) }
            for index in 0..<text.count where !text[index].isASCIIDigit { throw SMTPSyntaxError(.parameter) }
            declaredSize = text.count > 18 ? Int.max : line.decimal(value)
        case .body:
            if text.equals("7BIT") {
                bodyType = .sevenBit
            } else if text.equals("8BITMIME") {
                bodyType = .eightBitMIME
            } else if text.equals("BINARYMIME") {
                bodyType = .binaryMIME
            } else {
                throw SMTPSyntaxError(.parameter)
            }
        case .ret:
            if text.equals("FULL") {
                returnContent = .full
            } else if text.equals("HDRS") {
                returnContent = .headers
            } else {
                throw SMTPSyntaxError(.parameter)
            }
        case .envid:
            // 100 characters: RFC 3461 section 4.4.
            guard text.count <= 100, let decoded = XText.decode(text) else { throw SMTPSyntaxError(.parameter) }
            envelopeID = decoded
        case .auth:
            // Who submitted it first (RFC 4954 section 5) is taken and not passed on: nobody vouches for it.
            guard XText.decode(text) != nil else { throw SMTPSyntaxError(.parameter) }
        default: throw SMTPSyntaxError(.parameter)
        }
    }
}
