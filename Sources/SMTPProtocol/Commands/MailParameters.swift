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
    /// What extensions that may be switched off were asked for; elsewhere, since nearly no message has it.
    private(set) var requests: Boxed<MailRequests>?

    /// Reads what follows `MAIL FROM:`.
    ///
    /// - Parameter offered: whose parameters are known.
    init(_ line: Span<UInt8>, at start: Int, offered: SMTPExtensions = []) throws(SMTPSyntaxError) {
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
            let parameter = Seen(line.extracting(keyword), offered)
            guard !parameter.isEmpty else { throw SMTPSyntaxError(.unknownParameter) }
            guard seen.isDisjoint(with: parameter) else { throw SMTPSyntaxError(.duplicateParameter) }
            seen.insert(parameter)
            try take(parameter, value, line)
        }
        if !isInternationalized && !PathParser.isASCII(line, pathStart..<end) {
            throw SMTPSyntaxError(.internationalizedWithoutExtension)
        }
    }

    private struct Seen: OptionSet {
        let rawValue: UInt16
        static let size = Seen(rawValue: 1)
        static let body = Seen(rawValue: 2)
        static let smtpUTF8 = Seen(rawValue: 4)
        static let ret = Seen(rawValue: 8)
        static let envid = Seen(rawValue: 16)
        static let auth = Seen(rawValue: 32)
        static let by = Seen(rawValue: 64)
        /// HOLDFOR and HOLDUNTIL, of which one may come: RFC 4865 section 4.2 item 9.
        static let holdFor = Seen(rawValue: 128 | 256)
        static let holdUntil = Seen(rawValue: 128 | 512)
        static let priority = Seen(rawValue: 1024)
        static let requireTLS = Seen(rawValue: 2048)
        static let tracking = Seen(rawValue: 4096)
        static let solicit = Seen(rawValue: 8192)
        static let transaction = Seen(rawValue: 16384)

        init(rawValue: UInt16) { self.rawValue = rawValue }

        init(_ keyword: Span<UInt8>, _ offered: SMTPExtensions) {
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
                self = offered.isEmpty ? [] : Self.extended(keyword, offered)
            }
        }

        /// The parameters of extensions that may be switched off, and then are not known.
        private static func extended(_ keyword: Span<UInt8>, _ offered: SMTPExtensions) -> Seen {
            if keyword.equals("BY") { return offered.contains(.deliverBy) ? .by : [] }
            if keyword.equals("HOLDFOR") { return offered.contains(.futureRelease) ? .holdFor : [] }
            if keyword.equals("HOLDUNTIL") { return offered.contains(.futureRelease) ? .holdUntil : [] }
            if keyword.equals("MT-PRIORITY") { return offered.contains(.priority) ? .priority : [] }
            if keyword.equals("REQUIRETLS") { return offered.contains(.requireTLS) ? .requireTLS : [] }
            if keyword.equals("MTRK") { return offered.contains(.tracking) ? .tracking : [] }
            if keyword.equals("SOLICIT") { return offered.contains(.noSoliciting) ? .solicit : [] }
            if keyword.equals("TRANSID") { return offered.contains(.checkpoint) ? .transaction : [] }
            return []
        }
    }

    private mutating func take(_ parameter: Seen, _ value: Range<Int>?, _ line: Span<UInt8>) throws(SMTPSyntaxError) {
        guard let value else {
            switch parameter {
            case .smtpUTF8: isInternationalized = true
            case .requireTLS:
                var asked = requests?.value ?? MailRequests()
                asked.requiresTLS = true
                requests = Boxed(asked)
            default: throw SMTPSyntaxError(.parameter)
            }
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
        case .smtpUTF8, .requireTLS: throw SMTPSyntaxError(.parameter)
        default: try takeExtended(parameter, text)
        }
    }

    /// The value of a parameter whose extension may be switched off.
    private mutating func takeExtended(_ parameter: Seen, _ text: Span<UInt8>) throws(SMTPSyntaxError) {
        var asked = requests?.value ?? MailRequests()
        switch parameter {
        case .by: asked.deliverBy = try DeliverByExtension.parse(text)
        case .holdFor: asked.hold = try FutureReleaseExtension.parseInterval(text)
        case .holdUntil: asked.hold = try FutureReleaseExtension.parseTime(text)
        case .priority: asked.priority = try PriorityExtension.parse(text)
        case .tracking: asked.tracking = try TrackingExtension.parse(text)
        case .solicit: asked.solicitation = try NoSolicitingExtension.parse(text)
        case .transaction: asked.transaction = try TransactionIdentifier(parsing: text)
        default: throw SMTPSyntaxError(.parameter)
        }
        requests = Boxed(asked)
    }
}
