import MailBytes
import MailNames

/// A header section in ASCII for programs that know nothing else, made of one that has UTF-8: RFC 6858.
///
/// Addresses that such a program cannot use become invalid ones whose names tell them, subject and names become encoded
/// words, and what cannot be said in ASCII is left out. Deviation: a domain with an A-label has it instead, so that an
/// address whose local part is ASCII can be answered; and the fields of body parts stay as they are, since the body is sent as
/// it was stored.
public enum SurrogateHeader {
    /// Fields whose value is a list of addresses: RFC 6858 section 2.1.
    private static let addressFields: [StaticString] = [
        "From", "To", "Cc", "Sender", "Reply-To", "Bcc", "Resent-From", "Resent-To", "Resent-Cc", "Resent-Sender",
        "Resent-Bcc",
    ]
    /// An address that is nobody's: RFC 2606 section 2.
    private static let nobody = Mailbox(localPart: "invalid", domain: "internationalized-address.invalid")

    /// Makes the surrogate; `nil` for a header that is sent as it is: one of ASCII alone, or with octets that are not UTF-8,
    /// which are no internationalized header, but what programs of old wrote.
    ///
    /// - Parameter header: the fields, with the empty line at their end, if there is one.
    public static func make(_ header: Span<UInt8>) -> [UInt8]? {
        guard !isASCII(header), header.isValidUTF8 else { return nil }
        var surrogate: [UInt8] = []
        surrogate.reserveCapacity(header.count + header.count / 4)
        var scanner = HeaderScanner()
        while let field = scanner.next(header) {
            let whole = header.extracting(field.whole)
            if isASCII(whole) {
                surrogate.append(whole)
            } else {
                write(header.extracting(field.name), header.extracting(field.value), to: &surrogate)
            }
        }
        // The empty line, and whatever a broken header has where fields should be: no program reads fields there.
        let rest = header.extracting(scanner.end..<header.count)
        for index in 0..<rest.count { surrogate.append(rest[index] < 0x80 ? rest[index] : UInt8(ascii: "?")) }
        return surrogate
    }

    private static func write(_ name: Span<UInt8>, _ value: Span<UInt8>, to surrogate: inout [UInt8]) {
        var builder = MessageBuilder()
        if let field = addressFields.first(where: { name.equals($0) }) {
            let mailboxes = AddressList(parsing: value).mailboxes.map(presentable)
            guard !mailboxes.isEmpty else { return }
            builder.add(field, mailboxes: mailboxes)
        } else if name.equals("Return-Path") {
            builder.add("Return-Path", words: "<\(nobody.localPart)@\(nobody.domain)>")
        } else if name.equals("Subject") {
            builder.add("Subject", text: EncodedWords.decode(value))
        } else if name.equals("Content-Type") {
            add("Content-Type", ContentField(parsing: value), to: &builder)
        } else if name.equals("Content-Disposition") {
            add("Content-Disposition", ContentField(parsing: value), to: &builder)
        }
        surrogate += builder.fields
    }

    /// The mailbox as it stands, with an A-label, or nobody under the name that tells who it was.
    private static func presentable(_ mailbox: Mailbox) -> Mailbox {
        if let address = mailbox.address, !address.isInternationalized {
            return Mailbox(displayName: mailbox.displayName, address: address)
        }
        if mailbox.localPart.utf8.allSatisfy({ $0 < 0x80 }) && mailbox.domain.utf8.allSatisfy({ $0 < 0x80 }) {
            return mailbox
        }
        let address = "\(mailbox.localPart)@\(mailbox.domain)"
        var nobody = Self.nobody
        nobody.displayName = mailbox.displayName.map { "\($0) \(address)" } ?? address
        return nobody
    }

    /// A value without the parameters that cannot be presented: RFC 6858 section 2.2.
    private static func add(_ name: StaticString, _ field: ContentField, to builder: inout MessageBuilder) {
        guard field.value.utf8.allSatisfy({ $0 < 0x80 }) else { return }
        var value = field.value
        for parameter in field.parameters {
            let text = "\(parameter.name)\(parameter.value)"
            guard text.utf8.allSatisfy({ $0 == .space || $0.isVisible }) else { continue }
            let quoted = parameter.value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
            value += "; \(parameter.name)=\"\(quoted)\""
        }
        builder.add(name, words: value)
    }

    private static func isASCII(_ bytes: Span<UInt8>) -> Bool {
        for index in 0..<bytes.count where bytes[index] >= 0x80 { return false }
        return true
    }
}
