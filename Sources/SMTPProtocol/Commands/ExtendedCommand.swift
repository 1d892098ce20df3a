import MailBytes
import MailNames

/// A command that an extension or a sister of SMTP adds. Looked for when no verb of RFC 5321 fits.
enum ExtendedCommand {
    /// LHLO: RFC 2033 section 4.1.
    case localHello(name: String)
    /// XCLIENT: a listed host says for whom it speaks.
    case presentClient(ClientAttributes)
    /// XFORWARD: a listed host says from whom it had the message that follows.
    case forwardClient(ClientAttributes)
    /// ETRN: RFC 1985 section 5.
    case startQueue(QueueNode)
    /// ATRN: RFC 2645 section 5.2.1.
    case turnAround([Domain])
    /// TURN: RFC 821 section 3.8.
    case turn
    /// SEND, SOML and SAML: RFC 821 section 3.4.
    case send
    case sendAndMail(MailParameters)

    /// Reads a command by its verb and the place of its argument.
    init(
        _ verb: Span<UInt8>,
        _ line: Span<UInt8>,
        _ argument: Range<Int>,
        offered: SMTPExtensions
    ) throws(SMTPSyntaxError) {
        if verb.equals("LHLO") {
            self = .localHello(name: try SMTPCommand.clientName(line, argument))
        } else if verb.equals("XCLIENT") {
            self = .presentClient(try ClientAttributes(line.extracting(argument), names: ClientAttributes.presented))
        } else if verb.equals("XFORWARD") {
            self = .forwardClient(try ClientAttributes(line.extracting(argument), names: ClientAttributes.forwarded))
        } else if verb.equals("ETRN") {
            self = .startQueue(try QueueNode(line.extracting(argument)))
        } else if verb.equals("ATRN") {
            self = .turnAround(try Self.domains(line.extracting(argument)))
        } else if verb.equals("TURN") {
            guard argument.isEmpty else { throw SMTPSyntaxError(.unexpectedArgument) }
            self = .turn
        } else if verb.equals("SEND") {
            self = .send
        } else if line.matches("SOML FROM:") || line.matches("SAML FROM:") {
            self = .sendAndMail(try MailParameters(line, at: 10, offered: offered))
        } else if verb.equals("SOML") || verb.equals("SAML") {
            throw SMTPSyntaxError(.path(nil))
        } else {
            throw SMTPSyntaxError(.unknownVerb)
        }
    }

    /// Domains of one ATRN at most.
    private static let domainLimit = 100

    /// `example.org,example.com`, or nothing for all.
    private static func domains(_ text: Span<UInt8>) throws(SMTPSyntaxError) -> [Domain] {
        guard !text.isEmpty else { return [] }
        let words = text.text.split(separator: ",", omittingEmptySubsequences: false)
        guard words.count <= domainLimit else { throw SMTPSyntaxError(.parameter) }
        var domains: [Domain] = []
        for word in words {
            guard let domain = try? Domain(parsing: String(word)) else { throw SMTPSyntaxError(.parameter) }
            domains.append(domain)
        }
        return domains
    }
}
