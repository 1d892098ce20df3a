@_spi(_Unicode) import Swift

/// What is done to user names and passwords before they are compared or hashed.
///
/// RFC 4013 (SASLprep) and its successor RFC 8265 (PRECIS) ask for Unicode normalisation and tables of prohibited
/// characters.
///
/// What is applied, by RFC 8265 section 4.2: well-formed UTF-8, no control characters (U+0000 to U+001F, U+007F to
/// U+009F), no unassigned ones and no noncharacters, non-ASCII spaces mapped to U+0020, normalisation to NFC, bounds on
/// the length. ASCII is not touched.
///
/// Deviation: RFC 4013, which RFC 5802 names, normalises to NFKC. The two differ for compatibility characters alone (full-width
/// letters, ligatures); a client that still applies RFC 4013 to such a password is refused.
public enum CredentialPreparation {
    /// The OpaqueString profile as far as it is applied: RFC 8265 section 4.2. For passwords.
    ///
    /// - Returns: `nil` when the string is empty, too long, malformed or holds a prohibited character.
    public static func opaqueString(_ wire: Span<UInt8>) -> [UInt8]? {
        guard !wire.isEmpty, wire.count <= Password.maximumLength else { return nil }
        var octets = [UInt8]()
        octets.reserveCapacity(wire.count)
        var isASCII = true
        for index in wire.indices {
            let octet = wire[index]
            if octet < 0x20 || octet == 0x7F { return nil }
            if octet >= 0x80 { isASCII = false }
            octets.append(octet)
        }
        if isASCII { return octets }
        guard let text = String(validating: octets, as: UTF8.self) else { return nil }
        octets.removeAll(keepingCapacity: true)
        var mapped = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .unassigned: return nil
            case .spaceSeparator: mapped.append(" ")
            default: mapped.append(scalar)
            }
        }
        // The standard library normalises for its own comparisons, and shows the result to those who ask for it by name.
        for scalar in String(mapped)._nfc { octets.append(contentsOf: Array(String(scalar).utf8)) }
        return octets.count <= Password.maximumLength ? octets : nil
    }

    /// A user name: the same rules, and no more than 320 octets (an address: RFC 3696 section 3). Case is kept; who
    /// looks the name up folds it as the directory does.
    ///
    /// - Returns: `nil` when the string is empty, too long, malformed or holds a prohibited character.
    public static func userName(_ wire: Span<UInt8>) -> String? {
        guard wire.count <= self.maximumUserNameLength, let octets = self.opaqueString(wire) else { return nil }
        return String(decoding: octets, as: UTF8.self)
    }

    /// Octets a user name may have.
    public static let maximumUserNameLength = 320
}
