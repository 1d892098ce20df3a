import MailBytes

/// The attributes of a SCRAM message: RFC 5802 section 7. Bounded by `maximumLength`, total: everything that is not a message gives
/// `nil`.
enum SCRAMSyntax {
    /// Octets of a message: two names of 320 characters that are all escaped, nonces and a margin.
    static let maximumLength = 4096
    /// Octets of a nonce, both parts together.
    static let maximumNonceLength = 1024

    /// `a=value` from a list that commas part; `nil` when the field is not of that attribute.
    static func value(_ field: Span<UInt8>, of attribute: UInt8) -> [UInt8]? {
        guard field.count >= 2, field[0] == attribute, field[1] == UInt8(ascii: "=") else { return nil }
        return field.extracting(2..<field.count).octets
    }

    /// Where the fields between commas are.
    static func fields(_ message: Span<UInt8>, from start: Int = 0) -> [Range<Int>] {
        var fields: [Range<Int>] = []
        var begin = start
        for index in start..<message.count where message[index] == UInt8(ascii: ",") {
            fields.append(begin..<index)
            begin = index + 1
        }
        fields.append(begin..<message.count)
        return fields
    }

    /// Whether a field is an extension that may be passed over: a letter other than `m`, `=`, and something.
    static func isOptionalExtension(_ field: Span<UInt8>) -> Bool {
        field.count > 2 && field[0].isASCIIAlphanumeric && field[1] == UInt8(ascii: "=")
            && field[0] != UInt8(ascii: "m")
    }

    /// A nonce: printable ASCII without the comma.
    static func isNonce(_ octets: [UInt8]) -> Bool {
        (1...self.maximumNonceLength).contains(octets.count)
            && octets.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ",") }
    }

    /// `saslname`: `=2C` is a comma, `=3D` an equals sign, no other `=` is allowed.
    static func decodedName(_ octets: [UInt8]) -> String? {
        var name: [UInt8] = []
        var index = 0
        while index < octets.count {
            guard octets[index] == UInt8(ascii: "=") else {
                name.append(octets[index])
                index += 1
                continue
            }
            guard index + 2 < octets.count else { return nil }
            switch (octets[index + 1], octets[index + 2]) {
            case (UInt8(ascii: "2"), UInt8(ascii: "C")): name.append(UInt8(ascii: ","))
            case (UInt8(ascii: "3"), UInt8(ascii: "D")): name.append(UInt8(ascii: "="))
            default: return nil
            }
            index += 3
        }
        return CredentialPreparation.userName(name.span)
    }

    /// `saslname` of a name.
    static func encodedName(_ name: String) -> String {
        var encoded = ""
        for scalar in name.unicodeScalars {
            switch scalar {
            case ",": encoded += "=2C"
            case "=": encoded += "=3D"
            default: encoded.unicodeScalars.append(scalar)
            }
        }
        return encoded
    }

    /// `posit-number`: no sign, no leading zero.
    static func number(_ octets: [UInt8]) -> Int? {
        guard let first = octets.first, (1...9).contains(octets.count), first != UInt8(ascii: "0"),
            octets.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return octets.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    }
}

/// The beginning of a client's first message, shared with OAUTHBEARER: RFC 5801 section 4.
struct GS2Header: Equatable, Sendable {
    enum Binding: Equatable, Sendable {
        /// `n`: the client knows no channel binding.
        case none
        /// `y`: the client knows it, and believes that the server does not.
        case unoffered
        /// `p=`: this kind is used.
        case used(String)
    }

    let binding: Binding
    let authorizationIdentity: String?
    /// Octets that it takes up, its last comma included.
    let length: Int

    /// Reads the header; `nil` when it is none. The form with `F` is not of SCRAM (RFC 5802 section 7).
    init?(_ message: Span<UInt8>) {
        let fields = SCRAMSyntax.fields(message)
        guard fields.count >= 3 else { return nil }
        let flag = message.extracting(fields[0])
        if flag.count == 1, flag[0] == UInt8(ascii: "n") {
            self.binding = .none
        } else if flag.count == 1, flag[0] == UInt8(ascii: "y") {
            self.binding = .unoffered
        } else if let kind = SCRAMSyntax.value(flag, of: UInt8(ascii: "p")), Self.isBindingName(kind) {
            self.binding = .used(String(decoding: kind, as: UTF8.self))
        } else {
            return nil
        }
        if fields[1].isEmpty {
            self.authorizationIdentity = nil
        } else {
            guard let octets = SCRAMSyntax.value(message.extracting(fields[1]), of: UInt8(ascii: "a")),
                let name = SCRAMSyntax.decodedName(octets)
            else { return nil }
            self.authorizationIdentity = name
        }
        self.length = fields[1].upperBound + 1
    }

    /// `cb-name`: letters, digits, dots and hyphens.
    private static func isBindingName(_ octets: [UInt8]) -> Bool {
        (1...64).contains(octets.count)
            && octets.allSatisfy { $0.isASCIIAlphanumeric || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }
    }
}

extension Span where Element == UInt8 {
    /// A copy.
    var octets: [UInt8] {
        var octets: [UInt8] = []
        octets.reserveCapacity(self.count)
        for index in self.indices { octets.append(self[index]) }
        return octets
    }
}
