import MailBytes
import MailNames

/// RCPT: the forward-path and the parameters of RFC 3461: RFC 5321 section 4.1.1.3.
struct RecipientParameters {
    /// `nil` for `<Postmaster>`, whose domain is the server's own.
    var address: EmailAddress?
    /// Whether the path is written in UTF-8.
    var isInternationalized: Bool
    var notify: DeliveryNotify?
    var originalRecipient: OriginalRecipient?
    /// RRVS: RFC 7293.
    var requiredOwnership: RequiredOwnership?
    var hasParameters = false

    /// Reads what follows `RCPT TO:`.
    ///
    /// - Parameter offered: whose parameters are known.
    init(_ line: Span<UInt8>, at start: Int, offered: SMTPExtensions = []) throws(SMTPSyntaxError) {
        let pathStart = start < line.count && line[start] == .space ? start + 1 : start
        let (path, end) = try PathParser.parse(line, at: pathStart)
        switch path {
        case .null: throw SMTPSyntaxError(.path(.empty))
        case .postmaster: address = nil
        case .address(let found): address = found
        }
        isInternationalized = !PathParser.isASCII(line, pathStart..<end)
        var scanner = try ParameterScanner(line, at: end)
        while let (keyword, value) = try scanner.next(line) {
            hasParameters = true
            let name = line.extracting(keyword)
            if name.equals("NOTIFY") {
                guard notify == nil else { throw SMTPSyntaxError(.duplicateParameter) }
                guard let value else { throw SMTPSyntaxError(.parameter) }
                notify = try Self.notify(line.extracting(value))
            } else if name.equals("ORCPT") {
                guard originalRecipient == nil else { throw SMTPSyntaxError(.duplicateParameter) }
                guard let value else { throw SMTPSyntaxError(.parameter) }
                originalRecipient = try Self.original(line.extracting(value))
            } else if offered.contains(.requiredOwnership) && name.equals("RRVS") {
                guard requiredOwnership == nil else { throw SMTPSyntaxError(.duplicateParameter) }
                guard let value else { throw SMTPSyntaxError(.parameter) }
                requiredOwnership = try RequiredOwnershipExtension.parse(line.extracting(value))
            } else {
                throw SMTPSyntaxError(.unknownParameter)
            }
        }
    }

    /// NEVER stands alone: RFC 3461 section 4.1.
    private static func notify(_ text: Span<UInt8>) throws(SMTPSyntaxError) -> DeliveryNotify {
        if text.equals("NEVER") { return .never }
        var found: DeliveryNotify = []
        var start = 0
        while start <= text.count {
            let end = text.firstIndex(of: .comma, from: start) ?? text.count
            let word = text.extracting(start..<end)
            let one: DeliveryNotify
            if word.equals("SUCCESS") {
                one = .success
            } else if word.equals("FAILURE") {
                one = .failure
            } else if word.equals("DELAY") {
                one = .delay
            } else {
                throw SMTPSyntaxError(.parameter)
            }
            guard found.isDisjoint(with: one) else { throw SMTPSyntaxError(.parameter) }
            found.insert(one)
            start = end + 1
        }
        return found
    }

    /// At most 500 characters: RFC 3461 section 4.2. The form of `utf-8` addresses is that of RFC 6533 section 3.
    private static func original(_ text: Span<UInt8>) throws(SMTPSyntaxError) -> OriginalRecipient {
        guard text.count <= 500, let semicolon = text.firstIndex(of: .semicolon), semicolon > 0,
            let address = XText.decode(text.extracting((semicolon + 1)..<text.count)), !address.isEmpty
        else { throw SMTPSyntaxError(.parameter) }
        for index in 0..<semicolon where !(text[index].isASCIIAlphanumeric || text[index] == .hyphen) {
            throw SMTPSyntaxError(.parameter)
        }
        let type = text.text(0..<semicolon).lowercased()
        guard type == "utf-8" else { return OriginalRecipient(addressType: type, address: address) }
        guard let decoded = OriginalRecipient.decodeUnicode(address) else { throw SMTPSyntaxError(.parameter) }
        return OriginalRecipient(addressType: type, address: decoded)
    }
}
