import MailBytes

/// The identifiers in Message-ID, In-Reply-To and References: RFC 5322 section 3.6.4.
public enum MessageIdentifiers {
    /// Octets of an identifier that is one: RFC 5322 section 2.1.1 has no longer line.
    private static let lengthLimit = 998

    /// The identifiers with their angle brackets, in order, at most `limit`: the first, which names the conversation, and the
    /// last ones. White space in them, which folding puts there, is left out.
    public static func parse(_ value: Span<UInt8>, limit: Int = 100) -> [String] {
        var found: [String] = []
        var identifier: [UInt8]?
        var isQuoted = false
        for index in 0..<value.count {
            let byte = value[index]
            if byte == .quote { isQuoted.toggle() }
            if byte == .less && !isQuoted {
                identifier = [byte]
            } else if byte == .greater && !isQuoted, var bytes = identifier {
                identifier = nil
                bytes.append(byte)
                if bytes.count > 2 {
                    found.append(String(decoding: bytes, as: UTF8.self))
                    if found.count > limit { found.remove(at: 1) }
                }
            } else if !byte.isWhitespace, !byte.isASCIIControl, let count = identifier?.count {
                if count < lengthLimit { identifier?.append(byte) } else { identifier = nil }
            }
        }
        return found
    }
}
