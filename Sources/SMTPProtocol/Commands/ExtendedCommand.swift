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

    /// Reads a command by its verb and the place of its argument.
    init(_ verb: Span<UInt8>, _ line: Span<UInt8>, _ argument: Range<Int>) throws(SMTPSyntaxError) {
        if verb.equals("LHLO") {
            self = .localHello(name: try SMTPCommand.clientName(line, argument))
        } else if verb.equals("XCLIENT") {
            self = .presentClient(try ClientAttributes(line.extracting(argument), names: ClientAttributes.presented))
        } else if verb.equals("XFORWARD") {
            self = .forwardClient(try ClientAttributes(line.extracting(argument), names: ClientAttributes.forwarded))
        } else {
            throw SMTPSyntaxError(.unknownVerb)
        }
    }
}
