import MailBytes
import MailNames

/// What XCLIENT and XFORWARD say of a client: Postfix's XCLIENT_README and XFORWARD_README.
///
/// Values are xtext (RFC 3461 section 4). `[UNAVAILABLE]` and `[TEMPUNAVAIL]` say that something is not known.
struct ClientAttributes: Equatable {
    enum Name: String, CaseIterable {
        case name = "NAME"
        case address = "ADDR"
        case port = "PORT"
        case transmission = "PROTO"
        case helo = "HELO"
        case login = "LOGIN"
        case destinationAddress = "DESTADDR"
        case destinationPort = "DESTPORT"
        case queueID = "IDENT"
        case source = "SOURCE"
    }

    /// The names of XCLIENT, and those of XFORWARD, in the order in which they are announced.
    static let presented: [Name] = [
        .name, .address, .port, .transmission, .helo, .login, .destinationAddress, .destinationPort,
    ]
    static let forwarded: [Name] = [.name, .address, .port, .transmission, .helo, .queueID, .source]

    /// Octets of a value at most: as in Postfix.
    static let valueLimit = 255

    private var values: [Name: String?] = [:]

    /// Reads `NAME=value NAME=value …`, each name once.
    init(_ text: Span<UInt8>, names: [Name]) throws(SMTPSyntaxError) {
        guard !text.isEmpty else { throw SMTPSyntaxError(.missingArgument) }
        var start = 0
        while start < text.count {
            let end = text.firstIndex(of: .space, from: start) ?? text.count
            defer { start = end + 1 }
            guard start < end else { continue }
            guard let equals = text.firstIndex(of: .equals, from: start), equals < end,
                let name = Name(rawValue: text.text(start..<equals).uppercased()), names.contains(name),
                end - equals <= Self.valueLimit + 1
            else { throw SMTPSyntaxError(.parameter) }
            guard values[name] == nil else { throw SMTPSyntaxError(.duplicateParameter) }
            let value = text.extracting((equals + 1)..<end)
            if value.isEmpty || value.equals("[UNAVAILABLE]") || value.equals("[TEMPUNAVAIL]") {
                values.updateValue(nil, forKey: name)
            } else {
                guard let decoded = XText.decode(value), Self.isGood(decoded, name) else {
                    throw SMTPSyntaxError(.parameter)
                }
                values.updateValue(decoded, forKey: name)
            }
        }
    }

    private static func isGood(_ value: String, _ name: Name) -> Bool {
        switch name {
        case .address, .destinationAddress: address(value) != nil
        case .port, .destinationPort: value.utf8.allSatisfy(\.isASCIIDigit) && UInt16(value) != nil
        case .transmission: ["SMTP", "ESMTP", "LMTP"].contains(value.uppercased())
        case .source: ["LOCAL", "REMOTE"].contains(value.uppercased())
        case .name, .helo, .queueID: value.utf8.allSatisfy(\.isVisible) && !value.contains(where: "()<>;,\\\"".contains)
        case .login: !value.contains(" ")
        }
    }

    /// `192.0.2.1` or `IPV6:2001:db8::1`.
    private static func address(_ text: String) -> IPAddress? {
        let prefix = "IPV6:"
        return IPAddress(text.uppercased().hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text)
    }

    /// Whether the client said something of it, be it that it is not known.
    func has(_ name: Name) -> Bool { values[name] != nil }

    /// What was said; `nil` also for what is not known.
    subscript(name: Name) -> String? { values[name] ?? nil }

    var address: IPAddress? { self[.address].flatMap(Self.address) }

    /// What was said later holds.
    mutating func take(_ later: ClientAttributes) { values.merge(later.values) { $1 } }
}
