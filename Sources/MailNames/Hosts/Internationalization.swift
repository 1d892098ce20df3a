import CIDN2
import MailBytes

/// IDNA2008 (RFC 5891) with the non-transitional mapping of UTS 46, by libidn2.
enum Internationalization {
    /// The A-label form of a name; `nil` when a label is not allowed.
    static func toASCII(_ name: String) -> String? {
        // For C the name ends at a NUL: what stands behind it would be looked at by nobody.
        guard !name.utf8.contains(where: \.isASCIIControl) else { return nil }
        var output: UnsafeMutablePointer<CChar>?
        let flags = CInt(IDN2_NONTRANSITIONAL.rawValue | IDN2_NFC_INPUT.rawValue)
        guard unsafe idn2_to_ascii_8z(name, &output, flags) == CInt(IDN2_OK.rawValue), let found = unsafe output else {
            return nil
        }
        defer { unsafe idn2_free(found) }
        return unsafe String(cString: found)
    }

    /// The U-label form of a name; `nil` when an A-label is none.
    static func toUnicode(_ name: String) -> String? {
        guard !name.utf8.contains(where: \.isASCIIControl) else { return nil }
        var output: UnsafeMutablePointer<CChar>?
        guard unsafe idn2_to_unicode_8z8z(name, &output, 0) == CInt(IDN2_OK.rawValue), let found = unsafe output else {
            return nil
        }
        defer { unsafe idn2_free(found) }
        return unsafe String(cString: found)
    }
}
